#include "ming/codec/sdp.h"

#include <gtest/gtest.h>

#include <string>

#include "ming/codec/text_fields.h"

#include "sdp_samples.h"

namespace ming::codec {
namespace {

// What ming itself writes.
constexpr char kMingOffer[] =
    "v=0\r\n"
    "o=- 42 2 IN IP4 127.0.0.1\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0\r\n"
    "a=msid-semantic: WMS\r\n"
    "a=x-ming:1 half-close credit=65536\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=candidate:1 1 UDP 2015363327 192.0.2.1 50000 typ host\r\n"
    "a=end-of-candidates\r\n"
    "a=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
    "a=ice-options:trickle\r\n"
    "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:"
    "18:19:1A:1B:1C:1D:1E:1F\r\n"
    "a=setup:actpass\r\n"
    "a=mid:0\r\n"
    "a=sctp-port:5000\r\n"
    "a=max-message-size:262144\r\n";

constexpr char kMingDigest[] =
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:"
    "1F";

SessionDescription MingDescription() {
  SessionDescription description;
  description.session_id = 42;
  description.ice = {"abcd", Secret("abcdefghijklmnopqrstuv")};
  description.trickle = true;
  SdpFingerprint fingerprint;
  fingerprint.algorithm = "sha-256";
  for (uint8_t i = 0; i < 32; ++i) fingerprint.digest.push_back(i);
  description.fingerprints = {fingerprint};
  IceCandidate candidate;
  candidate.foundation = "1";
  candidate.transport = "UDP";
  candidate.priority = 2015363327;
  candidate.address = "192.0.2.1";
  candidate.port = Port(50000);
  description.candidates = {candidate};
  description.end_of_candidates = true;
  description.ming = MingFeatures{};
  description.ming->half_close = true;
  description.ming->credit_bytes = 65536;
  return description;
}

SessionDescription Parsed(std::string_view text, SdpKind kind = SdpKind::kOffer) {
  auto description = ParseSessionDescription(text, kind);
  EXPECT_TRUE(description.ok()) << description.status().ToString() << "\n" << text;
  return description.ok() ? *description : SessionDescription{};
}

StatusCode CodeOf(std::string_view text, SdpKind kind = SdpKind::kOffer) {
  return ParseSessionDescription(text, kind).status().code();
}

// ming's offer with `from`, which must occur, replaced everywhere.
std::string OfferWith(const std::string& from, const std::string& to,
                      const std::string& text = kMingOffer) {
  std::string changed = text;
  size_t at = changed.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  while (at != std::string::npos) {
    changed.replace(at, from.size(), to);
    at = changed.find(from, at + to.size());
  }
  return changed;
}

std::string OfferWithLine(const std::string& line) { return kMingOffer + line + "\r\n"; }

TEST(Sdp, WritesTheGoldenOffer) {
  EXPECT_EQ(SerializeSessionDescription(MingDescription()), kMingOffer);
}

TEST(Sdp, ReadsTheGoldenOffer) { EXPECT_EQ(Parsed(kMingOffer), MingDescription()); }

TEST(Sdp, ReadsAnOfferOfPion) {
  const SessionDescription offer = Parsed(kPionOffer);
  EXPECT_EQ(offer.session_id, 7828362004376362264U);
  EXPECT_EQ(offer.form, DataChannelForm::kUdpDtlsSctp);
  EXPECT_EQ(offer.mid, "0");
  EXPECT_TRUE(offer.bundled);
  EXPECT_EQ(offer.ice.username_fragment, "gevYuggXzZELQPjv");
  EXPECT_EQ(offer.ice.password.Reveal(), "QkWqNBYEgEXaoqKtoqmArhbugihwyBJX");
  ASSERT_EQ(offer.fingerprints.size(), 1U);
  EXPECT_EQ(offer.fingerprints[0].algorithm, "sha-256");
  EXPECT_EQ(offer.fingerprints[0].digest.front(), 0x46);
  EXPECT_EQ(offer.fingerprints[0].digest.back(), 0x05);
  EXPECT_EQ(offer.setup, SdpSetup::kActpass);
  EXPECT_EQ(offer.sctp_port, 5000);
  EXPECT_EQ(offer.max_message_bytes, 65536U);
  EXPECT_EQ(offer.candidates.size(), 4U);
  EXPECT_TRUE(offer.end_of_candidates);
  EXPECT_FALSE(offer.ming);
  EXPECT_TRUE(offer.other_sections.empty());
}

TEST(Sdp, ReadsAnAnswerOfPion) {
  const SessionDescription answer = Parsed(kPionAnswer, SdpKind::kAnswer);
  EXPECT_EQ(answer.setup, SdpSetup::kActive);
  EXPECT_FALSE(answer.end_of_candidates);
  EXPECT_TRUE(CheckAnswerFitsOffer(Parsed(kPionOffer), answer).ok());
}

TEST(Sdp, ReadsAnOfferOfChromiumWithMedia) {
  const SessionDescription offer = Parsed(kChromiumMediaOffer);
  EXPECT_EQ(offer.mid, "1");
  EXPECT_EQ(offer.section_index, 1U);
  EXPECT_TRUE(offer.trickle);
  EXPECT_EQ(offer.max_message_bytes, 262144U);
  EXPECT_EQ(offer.candidates.size(), 1U);
  ASSERT_EQ(offer.other_sections.size(), 2U);
  EXPECT_EQ(offer.other_sections[0].media, "audio");
  EXPECT_EQ(offer.other_sections[0].formats, "111 63 9");
  EXPECT_EQ(offer.other_sections[1].mid, "2");
}

TEST(Sdp, ReadsTheLegacyOfferOfAiortc) {
  const SessionDescription offer = Parsed(kAiortcOffer);
  EXPECT_EQ(offer.form, DataChannelForm::kLegacy);
  EXPECT_EQ(offer.sctp_port, 5000);
  EXPECT_EQ(offer.max_message_bytes, 65536U);
  ASSERT_EQ(offer.fingerprints.size(), 2U);
  EXPECT_EQ(offer.fingerprints[1].algorithm, "sha-384");
}

TEST(Sdp, SamplesRoundTrip) {
  for (const char* text : {kPionOffer, kChromiumMediaOffer, kAiortcOffer, kMingOffer}) {
    const SessionDescription description = Parsed(text);
    EXPECT_EQ(Parsed(SerializeSessionDescription(description)), description) << text;
  }
}

TEST(Sdp, LineEndsMayBeLf) {
  for (const char* text : {kPionOffer, kChromiumMediaOffer, kAiortcOffer}) {
    EXPECT_EQ(Parsed(OfferWith("\r\n", "\n", text)), Parsed(text));
  }
  const std::string offer = kMingOffer;
  EXPECT_EQ(Parsed(offer + "\r\n"), MingDescription());
  EXPECT_EQ(Parsed(offer.substr(0, offer.size() - 2)), MingDescription());
}

TEST(Sdp, AnswerMirrorsTheLegacyForm) {
  SessionDescription answer = MakeAnswerSkeleton(Parsed(kAiortcOffer));
  answer.ice = MingDescription().ice;
  answer.fingerprints = MingDescription().fingerprints;
  const std::string text = SerializeSessionDescription(answer);
  EXPECT_NE(text.find("m=application 9 DTLS/SCTP 5000\r\n"), std::string::npos);
  EXPECT_NE(text.find("a=sctpmap:5000 webrtc-datachannel 65535\r\n"), std::string::npos);
  EXPECT_EQ(text.find("sctp-port"), std::string::npos);
  EXPECT_EQ(Parsed(text, SdpKind::kAnswer), answer);
}

TEST(Sdp, AnswerRejectsTheOtherSectionsInPlace) {
  const SessionDescription offer = Parsed(kChromiumMediaOffer);
  SessionDescription answer = MakeAnswerSkeleton(offer);
  answer.ice = MingDescription().ice;
  answer.fingerprints = MingDescription().fingerprints;
  const std::string text = SerializeSessionDescription(answer);
  EXPECT_NE(text.find("a=group:BUNDLE 1\r\n"), std::string::npos);
  const size_t audio =
      text.find("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n");
  const size_t data = text.find("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
  const size_t video = text.find("m=video 0 UDP/TLS/RTP/SAVPF 0\r\n");
  EXPECT_NE(video, std::string::npos);
  EXPECT_LT(audio, data);
  EXPECT_LT(data, video);
  EXPECT_TRUE(CheckAnswerFitsOffer(offer, Parsed(text, SdpKind::kAnswer)).ok());
}

TEST(Sdp, AnswerTakesTheComplementarySetup) {
  const auto answered = [](SdpSetup offered) {
    SessionDescription offer;
    offer.setup = offered;
    return MakeAnswerSkeleton(offer).setup;
  };
  EXPECT_EQ(answered(SdpSetup::kActpass), SdpSetup::kActive);
  EXPECT_EQ(answered(SdpSetup::kPassive), SdpSetup::kActive);
  EXPECT_EQ(answered(SdpSetup::kActive), SdpSetup::kPassive);
}

TEST(Sdp, AnAnswerThatDoesNotFitIsToldApart) {
  const SessionDescription offer = Parsed(kChromiumMediaOffer);
  const SessionDescription good = MakeAnswerSkeleton(offer);
  EXPECT_TRUE(CheckAnswerFitsOffer(offer, good).ok());
  SessionDescription bad = good;
  bad.mid = "7";
  EXPECT_EQ(CheckAnswerFitsOffer(offer, bad).code(), StatusCode::kProtocolViolation);
  bad = good;
  bad.section_index = 0;
  EXPECT_FALSE(CheckAnswerFitsOffer(offer, bad).ok());
  bad = good;
  bad.other_sections.pop_back();
  EXPECT_FALSE(CheckAnswerFitsOffer(offer, bad).ok());
  bad = good;
  bad.setup = SdpSetup::kActpass;
  EXPECT_FALSE(CheckAnswerFitsOffer(offer, bad).ok());
  SessionDescription active_offer = offer;
  active_offer.setup = SdpSetup::kActive;
  EXPECT_FALSE(CheckAnswerFitsOffer(active_offer, good).ok());
}

TEST(Sdp, TransportOfABundleStandsInItsFirstSection) {
  // RFC 9143, section 7.1.3: only the tagged section has the transport attributes.
  const std::string text =
      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a d\r\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\na=ice-ufrag:tagd\r\n"
      "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n"
      "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
      "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:"
      "17:18:19:1A:1B:1C:1D:1E:1F\r\n"
      "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=bundle-only\r\n";
  const SessionDescription offer = Parsed(text);
  EXPECT_EQ(offer.ice.username_fragment, "tagd");
  EXPECT_EQ(offer.candidates.size(), 1U);
  EXPECT_EQ(offer.fingerprints.size(), 1U);
  EXPECT_EQ(CodeOf(OfferWith("BUNDLE a d", "BUNDLE x d", text)), StatusCode::kMalformed);
}

TEST(Sdp, MediaLevelGoesBeforeSessionLevel) {
  const std::string text = OfferWith(
      "t=0 0\r\n",
      "t=0 0\r\na=ice-ufrag:sess\r\na=ice-pwd:0123456789012345678901\r\na=setup:passive\r\n"
      "a=fingerprint:sha-1 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13\r\n");
  EXPECT_EQ(Parsed(text), MingDescription());
}

TEST(Sdp, MaxMessageSizeZeroMeansAny) {
  const auto size_of = [](const std::string& value) {
    return Parsed(OfferWith("size:262144", "size:" + value)).max_message_bytes;
  };
  EXPECT_FALSE(size_of("0"));
  EXPECT_EQ(size_of("1"), 1U);
  EXPECT_EQ(size_of("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(Parsed(OfferWith("a=max-message-size:262144\r\n", "")).max_message_bytes, 65536U);
  for (const char* bad : {"", "-1", "x", "1.5", "18446744073709551616"}) {
    EXPECT_EQ(CodeOf(OfferWith("size:262144", std::string("size:") + bad)), StatusCode::kMalformed);
  }
}

TEST(Sdp, HostileFeatureValuesDoNotHurtTheSession) {
  const auto ming_of = [](const std::string& value) {
    return Parsed(OfferWith("x-ming:1 half-close credit=65536", "x-ming:" + value)).ming;
  };
  EXPECT_FALSE(ming_of(""));
  EXPECT_FALSE(ming_of("0 half-close"));
  EXPECT_EQ(ming_of("1 credit=99999999999999999999999")->credit_bytes, kMaxFeatureCredit);
  EXPECT_EQ(ming_of("1 " + std::string(3000, 'z')), MingFeatures{});
}

TEST(Sdp, EveryTruncationFailsOrIsStillADescription) {
  for (const std::string_view text : {kPionOffer, kChromiumMediaOffer, kAiortcOffer, kMingOffer}) {
    for (size_t size = 0; size < text.size(); ++size) {
      const auto description = ParseSessionDescription(text.substr(0, size), SdpKind::kOffer);
      if (!description.ok()) continue;
      EXPECT_EQ(Parsed(SerializeSessionDescription(*description)), *description) << size;
      // No cut in front of the section's own line leaves anything usable.
      EXPECT_GT(size, text.find("m=application"));
    }
  }
}

TEST(Sdp, EachRequiredLineIsRequired) {
  const std::string fingerprint = std::string("a=fingerprint:sha-256 ") + kMingDigest + "\r\n";
  for (const std::string& line :
       {std::string("v=0\r\n"), std::string("o=- 42 2 IN IP4 127.0.0.1\r\n"),
        std::string("a=ice-ufrag:abcd\r\n"), std::string("a=ice-pwd:abcdefghijklmnopqrstuv\r\n"),
        std::string("a=setup:actpass\r\n"), fingerprint}) {
    EXPECT_EQ(CodeOf(OfferWith(line, "")), StatusCode::kMalformed) << line;
  }
}

TEST(Sdp, RefusesWhatIsNoSdp) {
  for (const char* bad : {"", "\n", "v=1\r\n", "hello", "v=0", "{\"type\":\"offer\"}"}) {
    EXPECT_EQ(CodeOf(bad), StatusCode::kMalformed) << bad;
  }
  for (const char* line : {"x", "=", "a", "A=b", "1=2", "v=0", "o=- 1 1 IN IP4 0.0.0.0", "m=",
                           "m=audio", "m=audio 9", "m=audio 9 RTP/AVP", "m=audio 9 X \xC3\xA4"}) {
    EXPECT_EQ(CodeOf(OfferWithLine(line)), StatusCode::kMalformed) << line;
  }
  EXPECT_EQ(CodeOf(std::string(1000, '\xFF')), StatusCode::kMalformed);
  EXPECT_EQ(CodeOf(OfferWith("s=-", std::string("s=\0", 3))), StatusCode::kMalformed);
  EXPECT_EQ(CodeOf(OfferWith("s=-", "s=a\rb")), StatusCode::kMalformed);
  EXPECT_EQ(CodeOf(OfferWith("s=-\r\n", "s=-\r\n\r\n")), StatusCode::kMalformed);
}

TEST(Sdp, RefusesABadOrigin) {
  for (const char* origin :
       {"", "-", "- x 2 IN IP4 a", "- 42 x IN IP4 a", "- 42 2 IN IP4", "- 42 2 IN IP5 a",
        "- 42 2 NN IP4 a", "- 18446744073709551616 2 IN IP4 a", "- -42 2 IN IP4 a"}) {
    EXPECT_EQ(CodeOf(OfferWith("o=- 42 2 IN IP4 127.0.0.1", std::string("o=") + origin)),
              StatusCode::kMalformed)
        << origin;
  }
}

TEST(Sdp, RefusesBadCredentials) {
  const std::string password = "abcdefghijklmnopqrstuv";
  for (const std::string& bad :
       {std::string(), std::string("abc"), std::string(257, 'a'), std::string("ab-d"),
        std::string("ab d"), std::string("\xC3\xA4xy")}) {
    EXPECT_EQ(CodeOf(OfferWith("ufrag:abcd", "ufrag:" + bad)), StatusCode::kMalformed) << bad;
  }
  for (const std::string& bad :
       {password.substr(1), std::string(257, 'a'), password + "!", password + "\t"}) {
    EXPECT_EQ(CodeOf(OfferWith(password, bad)), StatusCode::kMalformed) << bad;
  }
  EXPECT_EQ(Parsed(OfferWith(password, std::string(256, 'a'))).ice.password.Reveal().size(), 256U);
}

TEST(Sdp, OneValueForEachSingleAttribute) {
  EXPECT_EQ(CodeOf(OfferWithLine("a=setup:passive")), StatusCode::kMalformed);
  EXPECT_EQ(CodeOf(OfferWithLine("a=ice-ufrag:efgh")), StatusCode::kMalformed);
  EXPECT_EQ(CodeOf(OfferWithLine("a=mid:1")), StatusCode::kMalformed);
  EXPECT_EQ(Parsed(OfferWithLine("a=setup:actpass")), MingDescription());
}

TEST(Sdp, SetupIsOneOfThree) {
  for (const char* bad : {"holdconn", "Active", "", "active "}) {
    EXPECT_EQ(CodeOf(OfferWith("setup:actpass", std::string("setup:") + bad)),
              StatusCode::kMalformed)
        << bad;
  }
  EXPECT_EQ(CodeOf(kMingOffer, SdpKind::kAnswer), StatusCode::kMalformed);
  EXPECT_EQ(Parsed(OfferWith("actpass", "passive"), SdpKind::kAnswer).setup, SdpSetup::kPassive);
}

TEST(Sdp, FingerprintsAreCheckedForShape) {
  const std::string good = kMingDigest;
  for (const std::string& bad :
       {std::string(), std::string("00"), good.substr(3), good + ":20", good + ":", ":" + good,
        good.substr(1), OfferWith("0A", "0G", good), OfferWith(":", "", good), good + " 00",
        std::string(4000, '0')}) {
    EXPECT_EQ(CodeOf(OfferWith(good, bad)), StatusCode::kMalformed) << bad;
  }
  EXPECT_EQ(Parsed(OfferWith("sha-256 " + good, "SHA-256 " + LowerCase(good))), MingDescription());
}

TEST(Sdp, ASha256FingerprintIsNeeded) {
  EXPECT_EQ(CodeOf(OfferWith("sha-256", "sha3-256")), StatusCode::kUnsupported);
  const SessionDescription several = Parsed(OfferWithLine("a=fingerprint:blake3 01:02"));
  ASSERT_EQ(several.fingerprints.size(), 2U);
  EXPECT_EQ(several.fingerprints[1].algorithm, "blake3");
}

TEST(Sdp, ADataChannelSectionIsNeeded) {
  const std::string line = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
  for (const char* other :
       {"m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 0",
        "m=application 9 UDP/DTLS/SCTP 5000", "m=application 9 DTLS/SCTP webrtc-datachannel",
        "m=application 9 UDP/BFCP *", "m=message 9 UDP/DTLS/SCTP webrtc-datachannel"}) {
    EXPECT_EQ(CodeOf(OfferWith(line, other)), StatusCode::kUnsupported) << other;
  }
  EXPECT_EQ(CodeOf(OfferWith(line, "m=application x UDP/DTLS/SCTP webrtc-datachannel")),
            StatusCode::kMalformed);
  EXPECT_EQ(Parsed(OfferWith("9 UDP/DTLS/SCTP", "9 TCP/DTLS/SCTP")).form,
            DataChannelForm::kTcpDtlsSctp);
}

TEST(Sdp, TheFirstDataChannelSectionCounts) {
  const SessionDescription offer =
      Parsed(OfferWithLine("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:second"));
  EXPECT_EQ(offer.mid, "0");
  EXPECT_EQ(offer.section_index, 0U);
  ASSERT_EQ(offer.other_sections.size(), 1U);
  EXPECT_EQ(offer.other_sections[0].mid, "second");
}

TEST(Sdp, SctpPortsAreChecked) {
  for (const char* bad : {"", "0", "65536", "x"}) {
    EXPECT_EQ(CodeOf(OfferWith("sctp-port:5000", std::string("sctp-port:") + bad)),
              StatusCode::kMalformed)
        << bad;
  }
  EXPECT_EQ(Parsed(OfferWith("sctp-port:5000", "sctp-port:65535")).sctp_port, 65535);
  EXPECT_EQ(CodeOf(OfferWith("sctpmap:5000", "sctpmap:5001", kAiortcOffer)),
            StatusCode::kMalformed);
  EXPECT_EQ(CodeOf(OfferWith("sctpmap:5000 webrtc-datachannel", "sctpmap:5000 x", kAiortcOffer)),
            StatusCode::kUnsupported);
}

TEST(Sdp, MidsAreTokensAndDiffer) {
  for (const std::string& bad : {std::string(), std::string("a b"), std::string(65, 'm')}) {
    EXPECT_EQ(CodeOf(OfferWith("mid:0", "mid:" + bad)), StatusCode::kMalformed) << bad;
  }
  EXPECT_EQ(CodeOf(OfferWithLine("m=audio 9 RTP/AVP 0\r\na=mid:0")), StatusCode::kMalformed);
  const SessionDescription none = Parsed(OfferWith("a=mid:0\r\n", ""));
  EXPECT_EQ(none.mid, "");
  EXPECT_FALSE(none.bundled);
}

TEST(Sdp, BadCandidatesSpoilTheDescription) {
  EXPECT_EQ(CodeOf(OfferWithLine("a=candidate:1 1 udp x 192.0.2.1 1 typ host")),
            StatusCode::kMalformed);
  // Well-formed, whatever the values: those are looked at before use.
  EXPECT_EQ(Parsed(OfferWithLine("a=candidate:1 1 udp 0 ::%x 0 typ host")).candidates.size(), 2U);
}

TEST(Sdp, EachLimitHoldsExactly) {
  const std::string offer = kMingOffer;
  const auto code_with = [&](const std::string& text, const SdpLimits& limits) {
    return ParseSessionDescription(text, SdpKind::kOffer, limits).status().code();
  };
  const auto repeated = [](const std::string& line, size_t times) {
    std::string lines;
    for (size_t i = 0; i < times; ++i) lines += line + "\r\n";
    return lines;
  };
  const auto exhausted = StatusCode::kResourceExhausted;
  SdpLimits limits;
  limits.max_bytes = offer.size();
  EXPECT_EQ(code_with(offer, limits), StatusCode::kOk);
  EXPECT_EQ(code_with(offer + "\n", limits), exhausted);

  limits = {};
  const std::string long_line = "a=x:" + std::string(limits.max_line_bytes - 4, 'y');
  EXPECT_EQ(code_with(offer + long_line, limits), StatusCode::kOk);
  EXPECT_EQ(code_with(offer + long_line + "y", limits), exhausted);

  limits.max_lines = 119;  // the offer has 19
  EXPECT_EQ(code_with(offer + repeated("a=x", 100), limits), StatusCode::kOk);
  EXPECT_EQ(code_with(offer + repeated("a=x", 101), limits), exhausted);

  limits = {};
  const std::string candidate = "a=candidate:1 1 udp 1 192.0.2.1 1 typ host";
  EXPECT_EQ(code_with(offer + repeated(candidate, limits.max_candidates - 1), limits),
            StatusCode::kOk);
  EXPECT_EQ(code_with(offer + repeated(candidate, limits.max_candidates), limits), exhausted);

  const std::string fingerprint = "a=fingerprint:x 00";
  EXPECT_EQ(code_with(offer + repeated(fingerprint, limits.max_fingerprints - 1), limits),
            StatusCode::kOk);
  EXPECT_EQ(code_with(offer + repeated(fingerprint, limits.max_fingerprints), limits), exhausted);

  const std::string section = "m=audio 9 RTP/AVP 0";
  EXPECT_EQ(code_with(offer + repeated(section, limits.max_media_sections - 1), limits),
            StatusCode::kOk);
  EXPECT_EQ(code_with(offer + repeated(section, limits.max_media_sections), limits), exhausted);
}

TEST(SdpDeathTest, NoFieldOfOursCanEndALine) {
  SessionDescription description = MingDescription();
  description.mid = "0\r\na=setup:passive";
  EXPECT_DEATH(SerializeSessionDescription(description), "printable ASCII");
}

}  // namespace
}  // namespace ming::codec
