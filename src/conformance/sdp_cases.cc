// Session descriptions (RFC 8866, RFC 8829, RFC 8839, RFC 8841, RFC 8842): what the peer writes,
// and what it reads.
#include <algorithm>
#include <cctype>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"
#include "ming/conformance/sdp_text.h"

namespace ming::conformance {
namespace {

const std::string& RemoteText(Bench& bench) { return bench.session().exchange().remote_text(); }

Outcome Form(Bench& bench) { return OutcomeOf(JudgeSdpForm(RemoteText(bench))); }
Outcome Section(Bench& bench) { return OutcomeOf(JudgeSctpSection(RemoteText(bench))); }
Outcome Credentials(Bench& bench) { return OutcomeOf(JudgeIceCredentials(RemoteText(bench))); }
Outcome FingerprintLine(Bench& bench) { return OutcomeOf(JudgeFingerprint(RemoteText(bench))); }

Outcome Sections(Bench& bench) {
  return OutcomeOf(JudgeSections(bench.session().our_text(), RemoteText(bench)));
}

Outcome BundleAndMid(Bench& bench) {
  const std::string& text = RemoteText(bench);
  if (CountSdpLines(text, "a=mid:") != CountSdpLines(text, "m="))
    return Fails("a section has no mid");
  return CountSdpLines(text, "a=group:BUNDLE ") == 1 ? Holds() : Fails("no BUNDLE group");
}

std::string SetupOf(const std::string& text) {
  const std::vector<std::string> values = SdpValues(text, "a=setup:");
  return values.empty() ? "missing" : values.front();
}

Outcome SetupOfOffer(Bench& bench) {
  const std::string setup = SetupOf(RemoteText(bench));
  return setup == "actpass" ? Holds() : Fails("a=setup is " + setup);
}

Outcome SetupOfAnswer(Bench& bench) {
  const std::string setup = SetupOf(RemoteText(bench));
  if (setup == "active") return Holds();
  return setup == "passive" ? Holds("passive, where active is recommended")
                            : Fails("a=setup is " + setup);
}

Outcome SetupAnswered(Bench& bench, codec::SdpSetup ours, const std::string& want) {
  Plan plan;
  plan.setup = ours;
  Result<std::unique_ptr<Session>> session = bench.Negotiate(plan);
  if (!session.ok()) return bench.Missing(session.status());
  const std::string setup = SetupOf((*session)->exchange().remote_text());
  if (setup != want) return Fails("a=setup is " + setup);
  return OutcomeOf((*session)->AwaitUp());
}

Outcome SetupActive(Bench& bench) {
  return SetupAnswered(bench, codec::SdpSetup::kActive, "passive");
}
Outcome SetupPassive(Bench& bench) {
  return SetupAnswered(bench, codec::SdpSetup::kPassive, "active");
}

Outcome FreshCredentials(Bench& bench) {
  std::vector<std::string> texts;
  for (int i = 0; i < 2; ++i) {
    const Result<std::unique_ptr<Session>> session = bench.Connect();
    if (!session.ok()) return bench.Missing(session.status());
    texts.push_back((*session)->exchange().remote_text());
  }
  for (const char* prefix : {"a=ice-ufrag:", "a=ice-pwd:"}) {
    if (SdpValues(texts[0], prefix) == SdpValues(texts[1], prefix)) {
      return Fails(std::string(prefix) + " is the same in two sessions");
    }
  }
  return Holds();
}

// Our description, changed: the peer copes, or it does not.
Outcome CopesWith(Bench& bench, const std::function<std::string(const std::string&)>& edit) {
  Plan plan;
  plan.edit = edit;
  const Result<std::unique_ptr<Session>> session = bench.Connect(plan);
  if (!session.ok()) return bench.Missing(session.status());
  const bool answered = (*session)->exchange().remote_kind() == codec::SdpKind::kAnswer;
  if (!answered) return Holds();
  return OutcomeOf(JudgeSections((*session)->our_text(), (*session)->exchange().remote_text()));
}

Outcome LineFeeds(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) { return WithBareLineFeeds(text); });
}

Outcome UnknownLines(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) {
    std::string more = WithSessionLine(text, "a=x-unknown:1 2 3");
    more = WithSessionLine(more, "a=extmap-allow-mixed");
    more = WithMediaLine(more, "a=x-other");
    return WithMediaLine(more, "a=ice-options:ice2 trickle renomination");
  });
}

Outcome SessionLevel(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) {
    std::string moved = text;
    for (const char* prefix : {"a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"}) {
      moved = AtSessionLevel(moved, prefix);
    }
    return moved;
  });
}

Outcome Legacy(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) { return AsLegacyForm(text); });
}

Outcome HashCase(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) {
    std::string line = SdpValues(text, "a=fingerprint:").front();
    const size_t digits = line.find(' ');
    std::transform(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(digits), line.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::transform(line.begin() + static_cast<std::ptrdiff_t>(digits), line.end(),
                   line.begin() + static_cast<std::ptrdiff_t>(digits),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return WithSdpLine(text, "a=fingerprint:", "a=fingerprint:" + line);
  });
}

// One of a hash that nobody knows, and one of another certificate, beside ours.
Outcome MoreFingerprints(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) {
    const std::string unknown = WithMediaLine(text, "a=fingerprint:sha-999 00:11:22:33");
    std::string other = "a=fingerprint:sha-256 00";
    for (int i = 1; i < 32; ++i) other += ":00";
    return WithMediaLine(unknown, other);
  });
}

Outcome RealAddress(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) {
    const std::string port =
        WithSdpLine(text, "m=application", "m=application 50123 UDP/DTLS/SCTP webrtc-datachannel");
    return WithSdpLine(port, "c=", "c=IN IP4 192.0.2.1");
  });
}

Outcome NoMessageSize(Bench& bench) {
  return CopesWith(bench,
                   [](const std::string& text) { return WithoutSdpLines(text, "a=max-message-"); });
}

Outcome MessageSizeZero(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) {
    return WithSdpLine(text, "a=max-message-size:", "a=max-message-size:0");
  });
}

Outcome NoTrickleOption(Bench& bench) {
  return CopesWith(bench,
                   [](const std::string& text) { return WithoutSdpLines(text, "a=ice-options:"); });
}

Outcome OtherMid(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) {
    const std::string mid = WithSdpLine(text, "a=mid:", "a=mid:data-Channel.1");
    return WithSdpLine(mid, "a=group:BUNDLE", "a=group:BUNDLE data-Channel.1");
  });
}

Outcome NoBundle(Bench& bench) {
  return CopesWith(bench,
                   [](const std::string& text) { return WithoutSdpLines(text, "a=group:"); });
}

Outcome AudioBeside(Bench& bench) {
  return CopesWith(bench, [](const std::string& text) { return WithAudioSection(text); });
}

}  // namespace

std::vector<Case> SdpCases() {
  const auto any = ForRole::kAny;
  const auto host = ForRole::kHost;
  const auto client = ForRole::kClient;
  const auto both = ForTunnel::kAny;
  const auto nothing = Need::kNothing;
  const auto session = Need::kSession;
  const auto plain = Manner::kOrdinary;
  return {
      {"sdp/form", "RFC 8866 5, 9", "v= o= s= t= in their order, every line ends with CRLF", any,
       both, session, plain, Form},
      {"sdp/section", "RFC 8841 4, 5, 6", "the data-channel section, its port and sizes", any, both,
       session, plain, Section},
      {"sdp/credentials", "RFC 8839 5.4", "ice-ufrag and ice-pwd: length and characters", any, both,
       session, plain, Credentials},
      {"sdp/fingerprint", "RFC 8122 5", "a sha-256 fingerprint in upper case", any, both, session,
       plain, FingerprintLine},
      {"sdp/sections", "RFC 3264 6", "the answer has the offer's section, mid and BUNDLE group",
       host, both, session, plain, Sections},
      {"sdp/bundle", "RFC 8829 5.2.1", "the offer has a mid and a BUNDLE group", client, both,
       session, plain, BundleAndMid},
      {"sdp/setup-offer", "RFC 8829 5.2.1", "the offer says setup:actpass", client, both, session,
       plain, SetupOfOffer},
      {"sdp/setup-answer", "RFC 8842 5.3", "actpass is answered by active or passive", host, both,
       session, plain, SetupOfAnswer},
      {"sdp/setup-active", "RFC 4145 4.1", "setup:active is answered by passive", host, both,
       nothing, plain, SetupActive},
      {"sdp/setup-passive", "RFC 4145 4.1", "setup:passive is answered by active", host, both,
       nothing, plain, SetupPassive},
      {"sdp/fresh-credentials", "RFC 8445 5.3", "every session has ICE credentials of its own", any,
       both, nothing, plain, FreshCredentials},
      {"sdp/line-feeds", "RFC 8866 9", "bare line feeds are read", any, both, nothing, plain,
       LineFeeds},
      {"sdp/unknown-lines", "RFC 8866 5.13", "unknown attributes are ignored", any, both, nothing,
       plain, UnknownLines},
      {"sdp/session-level", "RFC 8839 5.4", "credentials, fingerprint and setup at session level",
       any, both, nothing, plain, SessionLevel},
      {"sdp/hash-case", "RFC 8122 5", "SHA-256 and lower-case digits are read", any, both, nothing,
       plain, HashCase},
      {"sdp/more-fingerprints", "RFC 8122 5.1", "one of several fingerprints has to match", any,
       both, nothing, plain, MoreFingerprints},
      {"sdp/real-address", "RFC 8841 4.2", "a port and address other than 9 and 0.0.0.0", any, both,
       nothing, plain, RealAddress},
      {"sdp/no-message-size", "RFC 8841 6.1", "a=max-message-size may be missing", any, both,
       nothing, plain, NoMessageSize},
      {"sdp/message-size-0", "RFC 8841 6.1", "a=max-message-size:0 means any size", any, both,
       nothing, plain, MessageSizeZero},
      {"sdp/no-trickle-option", "RFC 8839 5.6", "a=ice-options may be missing", any, both, nothing,
       plain, NoTrickleOption},
      {"sdp/mid", "RFC 5888 9", "any token is a mid, and the answer keeps it", host, both, nothing,
       plain, OtherMid},
      {"sdp/no-bundle", "RFC 9143 7.3", "an offer without BUNDLE group is answered", host, both,
       nothing, plain, NoBundle},
      {"sdp/legacy", "aiortc, draft 05", "the form with DTLS/SCTP and a=sctpmap is read", host,
       both, nothing, plain, Legacy},
      {"sdp/audio", "RFC 3264 6", "beside an audio section the data channels work", host, both,
       nothing, plain, AudioBeside},
  };
}

}  // namespace ming::conformance
