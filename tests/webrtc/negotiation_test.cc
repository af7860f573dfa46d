#include "ming/webrtc/negotiation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ming::webrtc {
namespace {

using ::testing::HasSubstr;

NegotiationOptions Options(uint8_t fingerprint) {
  NegotiationOptions options;
  options.session_id = 7;
  options.fingerprint = {"sha-256", std::vector<uint8_t>(32, fingerprint)};
  return options;
}

LocalSession Local(const std::string& ufrag) {
  LocalSession local;
  local.ice.username_fragment = ufrag;
  local.ice.password = Secret(std::string(22, 'p'));
  codec::IceCandidate candidate;
  candidate.foundation = "1";
  candidate.transport = "udp";
  candidate.priority = 1;
  candidate.address = "192.0.2.1";
  candidate.port = Port(5);
  local.candidates = {candidate};
  return local;
}

constexpr char kCandidate[] = "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host";

class NegotiationTest : public ::testing::Test {
 protected:
  void Agree() {
    at_b_ = b_.HandleOffer(a_.MakeOffer(Local("aaaa")));
    ASSERT_TRUE(at_b_.ok()) << at_b_.status().ToString();
    at_a_ = a_.HandleAnswer(b_.MakeAnswer(Local("bbbb")));
    ASSERT_TRUE(at_a_.ok()) << at_a_.status().ToString();
  }

  Negotiation a_{Options(1)};
  Negotiation b_{Options(2)};
  Result<RemoteSession> at_a_ = Status(StatusCode::kInternal, "none yet");
  Result<RemoteSession> at_b_ = Status(StatusCode::kInternal, "none yet");
};

TEST_F(NegotiationTest, TheAnswererIsTheDtlsClient) {
  Agree();
  EXPECT_EQ(at_a_->role, HandshakeRole::kServer);
  EXPECT_EQ(at_b_->role, HandshakeRole::kClient);
  EXPECT_EQ(at_a_->ice.username_fragment, "bbbb");
  EXPECT_EQ(at_b_->candidates.size(), 1u);
  EXPECT_EQ(at_a_->max_message_bytes, 256u * 1024);
  EXPECT_FALSE(at_a_->ice_restart);
  EXPECT_FALSE(at_a_->agreement);
}

TEST_F(NegotiationTest, AnOfferAlwaysHasItsDataChannelSection) {
  const std::string offer = a_.MakeOffer(Local("aaaa"));
  EXPECT_THAT(offer, HasSubstr("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"));
  EXPECT_THAT(offer, HasSubstr("a=setup:actpass"));
}

TEST_F(NegotiationTest, AnswersTheLegacyFormInKind) {
  const std::string offer =
      "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
      "m=application 45000 DTLS/SCTP 5000\r\nc=IN IP4 192.0.2.1\r\na=mid:0\r\n"
      "a=sctpmap:5000 webrtc-datachannel 65535\r\na=max-message-size:65536\r\n"
      "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
      "a=fingerprint:sha-256 "
      "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"
      "EE:"
      "FF\r\na=setup:actpass\r\n";
  const auto session = b_.HandleOffer(offer);
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  EXPECT_EQ(session->max_message_bytes, 65536u);
  const std::string answer = b_.MakeAnswer(Local("bbbb"));
  EXPECT_THAT(answer, HasSubstr("DTLS/SCTP 5000"));
  EXPECT_THAT(answer, HasSubstr("a=setup:active"));
}

TEST_F(NegotiationTest, KeepsEarlyCandidatesInBounds) {
  NegotiationOptions options = Options(3);
  options.max_early_candidates = 2;
  Negotiation negotiation(options);
  for (int i = 0; i < 2; ++i) {
    const auto kept = negotiation.HandleCandidate(kCandidate);
    ASSERT_TRUE(kept.ok());
    EXPECT_FALSE(kept->has_value());
  }
  EXPECT_EQ(negotiation.HandleCandidate(kCandidate).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(negotiation.HandleCandidate("nonsense").status().code(), StatusCode::kMalformed);
  EXPECT_TRUE(negotiation.HandleCandidate("").ok());
  const auto session = negotiation.HandleOffer(a_.MakeOffer(Local("aaaa")));
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->candidates.size(), 3u);
  EXPECT_TRUE(session->end_of_candidates);
  const auto late = negotiation.HandleCandidate(kCandidate);
  ASSERT_TRUE(late.ok());
  EXPECT_TRUE(late->has_value());
}

TEST_F(NegotiationTest, RecognisesAnIceRestart) {
  Agree();
  const std::string offer = a_.MakeOffer(Local("cccc"));
  EXPECT_TRUE(a_.offer_open());
  const auto session = b_.HandleOffer(offer);
  ASSERT_TRUE(session.ok());
  EXPECT_TRUE(session->ice_restart);
  EXPECT_EQ(session->role, HandshakeRole::kClient);
  const auto answer = a_.HandleAnswer(b_.MakeAnswer(Local("dddd")));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_TRUE(answer->ice_restart);
  EXPECT_FALSE(a_.offer_open());
}

TEST_F(NegotiationTest, KeepsItsDtlsRoleWhenThePeerOffersNext) {
  Agree();
  const std::string offer = b_.MakeOffer(Local("cccc"));
  const auto session = a_.HandleOffer(offer);
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->role, HandshakeRole::kServer);
  const std::string answer = a_.MakeAnswer(Local("dddd"));
  EXPECT_THAT(answer, HasSubstr("a=setup:passive"));
  EXPECT_TRUE(b_.HandleAnswer(answer).ok());
}

TEST_F(NegotiationTest, AnotherCertificateIsAnotherSession) {
  Agree();
  const std::string offer = a_.MakeOffer(Local("cccc"));
  Negotiation stranger(Options(9));
  ASSERT_TRUE(stranger.HandleOffer(offer).ok());
  EXPECT_EQ(a_.HandleAnswer(stranger.MakeAnswer(Local("eeee"))).status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_TRUE(a_.offer_open());
  Negotiation restarted(Options(8));
  EXPECT_EQ(b_.HandleOffer(restarted.MakeOffer(Local("ffff"))).status().code(),
            StatusCode::kPermissionDenied);
}

TEST_F(NegotiationTest, RefusesWhatComesOutOfTurn) {
  EXPECT_EQ(a_.HandleAnswer("v=0").status().code(), StatusCode::kProtocolViolation);
  const std::string offer = a_.MakeOffer(Local("aaaa"));
  EXPECT_EQ(a_.HandleOffer(offer).status().code(), StatusCode::kProtocolViolation);
  EXPECT_EQ(a_.HandleAnswer("nonsense").status().code(), StatusCode::kMalformed);
  EXPECT_TRUE(a_.offer_open());
}

TEST_F(NegotiationTest, ANewOfferTakesThePlaceOfAnUnansweredOne) {
  Agree();
  const std::string first = a_.MakeOffer(Local("cccc"));
  const std::string second = a_.MakeOffer(Local("dddd"));
  ASSERT_TRUE(b_.HandleOffer(first).ok());
  b_.MakeAnswer(Local("eeee"));
  ASSERT_TRUE(b_.HandleOffer(second).ok());
  EXPECT_TRUE(a_.HandleAnswer(b_.MakeAnswer(Local("ffff"))).ok());
  EXPECT_FALSE(a_.offer_open());
}

TEST_F(NegotiationTest, AnAnswerToAMingNamesItsOffer) {
  NegotiationOptions left = Options(1);
  NegotiationOptions right = Options(2);
  right.features = codec::MingFeatures();
  Negotiation foreign(left);
  left.features = codec::MingFeatures();
  Negotiation ming(left);
  for (Negotiation* offerer : {&ming, &foreign}) {
    Negotiation answerer(right);
    ASSERT_TRUE(answerer.HandleOffer(offerer->MakeOffer(Local("aaaa"))).ok());
    const std::string answer = answerer.MakeAnswer(Local("bbbb"));
    EXPECT_EQ(answer.find("answers=aaaa") != std::string::npos, offerer == &ming);
  }
}

TEST_F(NegotiationTest, AgreesOnWhatBothAnnounce) {
  NegotiationOptions left = Options(1);
  left.features = codec::MingFeatures();
  left.features->half_close = true;
  left.features->credit_bytes = 65536;
  NegotiationOptions right = left;
  right.features->credit_bytes.reset();
  Negotiation a(left);
  Negotiation b(right);
  const auto at_b = b.HandleOffer(a.MakeOffer(Local("aaaa")));
  ASSERT_TRUE(at_b.ok());
  ASSERT_TRUE(at_b->agreement);
  EXPECT_TRUE(at_b->agreement->half_close);
  EXPECT_FALSE(at_b->agreement->send_credit_bytes);
}

}  // namespace
}  // namespace ming::webrtc
