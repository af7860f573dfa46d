#include "ming/webrtc/no_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ming::webrtc {
namespace {

using codec::CandidateType;
using ::testing::HasSubstr;
using ::testing::Not;

class NoPathTest : public ::testing::Test {
 protected:
  NoPathTest() { facts_.remote_candidates = 3; }
  void Server(const char* url) { facts_.servers.push_back(codec::ParseIceServerUrl(url).value()); }
  void Have(CandidateType type) {
    codec::IceCandidate candidate;
    candidate.type = type;
    facts_.local_candidates.push_back(candidate);
  }

  NoPathFacts facts_;
};

TEST_F(NoPathTest, NamesTheMissingRelay) {
  Server("stun:192.0.2.1:3478");
  Have(CandidateType::kHost);
  Have(CandidateType::kServerReflexive);
  EXPECT_EQ(ExplainNoPath(facts_), "no path to the peer was found: no TURN server is configured");
}

TEST_F(NoPathTest, NamesBlockedUdp) {
  Server("stun:192.0.2.1:3478");
  Have(CandidateType::kHost);
  EXPECT_EQ(ExplainNoPath(facts_),
            "no path to the peer was found: UDP seems blocked (no server told our public address), "
            "and no TURN server over TCP or TLS is configured");
}

TEST_F(NoPathTest, NamesTurnServersThatGaveNoRelayButNoCredentials) {
  Server("stun:192.0.2.1:3478");
  Server("turn:user:secret@192.0.2.2:3478");
  Server("turns:user:secret@turn.example:5349");
  Have(CandidateType::kServerReflexive);
  const std::string text = ExplainNoPath(facts_);
  EXPECT_THAT(text, HasSubstr("192.0.2.2:3478"));
  EXPECT_THAT(text, HasSubstr("turn.example:5349"));
  EXPECT_THAT(text, HasSubstr("password refused"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  EXPECT_THAT(text, Not(HasSubstr("blocked")));
}

TEST_F(NoPathTest, LooksAtTheOtherSideLast) {
  Server("turn:user:secret@192.0.2.2:3478");
  Have(CandidateType::kRelay);
  EXPECT_THAT(ExplainNoPath(facts_), HasSubstr("not even our TURN relay"));
  facts_.remote_candidates = 0;
  EXPECT_THAT(ExplainNoPath(facts_), HasSubstr("named no address"));
}

TEST_F(NoPathTest, SaysNothingOfUdpWhereNobodyWasAsked) {
  Have(CandidateType::kHost);
  EXPECT_EQ(ExplainNoPath(facts_), "no path to the peer was found: no TURN server is configured");
}

}  // namespace
}  // namespace ming::webrtc
