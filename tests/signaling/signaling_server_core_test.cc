#include "ming/signaling/signaling_server_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::signaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One word per event: "1<text" sent to connection 1, "1 close timeout: reason", "1 probe",
// "1 pause", "1 resume", "1 +host x", "1 -host x".
std::string Describe(const SignalingServerEvent& event) {
  struct Words {
    static std::string Of(ConnectionId id) { return std::to_string(id.value()); }
    std::string operator()(const SendText& e) const { return Of(e.connection) + "<" + e.text; }
    std::string operator()(const CloseConnection& e) const {
      const char* const names[] = {"policy", "malformed", "timeout", "going away"};
      return Of(e.connection) + " close " + names[static_cast<int>(e.why)] + ": " + e.reason;
    }
    std::string operator()(const ProbeConnection& e) const { return Of(e.connection) + " probe"; }
    std::string operator()(const PauseConnection& e) const { return Of(e.connection) + " pause"; }
    std::string operator()(const ResumeConnection& e) const { return Of(e.connection) + " resume"; }
    std::string operator()(const HostRegistered& e) const {
      return Of(e.connection) + " +host " + e.id;
    }
    std::string operator()(const HostRemoved& e) const {
      return Of(e.connection) + " -host " + e.id;
    }
  };
  return std::visit(Words(), event);
}

std::string Error(const std::string& text, const std::string& target) {
  return R"({"type":"error","payload":")" + text + "\"" +
         (target.empty() ? "" : R"(,"target_id":")" + target + "\"") + "}";
}

class SignalingServerCoreTest : public testing::Test {
 protected:
  SignalingServerCore& core() {
    if (!core_) core_.emplace(options_);
    return *core_;
  }

  std::vector<std::string> Events() {
    std::vector<std::string> words;
    while (auto event = core().PollEvent()) words.push_back(Describe(*event));
    core().CheckConsistent();
    return words;
  }

  void Connect(uint64_t id, const std::string& token = "",
               const std::string& source = "192.0.2.1") {
    const std::string authorization = token.empty() ? "" : "Bearer " + token;
    core().HandleConnected(now_, ConnectionId(id), {*IpAddress::Parse(source), "", authorization});
  }
  void Say(uint64_t id, const std::string& text) {
    core().HandleMessage(now_, ConnectionId(id), ByteSpan(text));
  }
  void Register(uint64_t id, const std::string& host, const std::string& token = "") {
    Connect(id, token);
    Say(id, R"({"type":"register-host","payload":null,"sender_id":")" + host + "\"}");
  }
  // A host or client of ours, with the secret of its process.
  void ShowSecret(uint64_t id, const std::string& type, const std::string& name, char secret) {
    Connect(id);
    Say(id, R"({"type":")" + type + R"(","payload":{"resume":")" + std::string(36, secret) +
                R"("},"sender_id":")" + name + "\"}");
  }
  // A client that has introduced itself by a message which the host (of connection 1) got.
  void Introduce(uint64_t id, const std::string& client) {
    Connect(id);
    Say(id, R"({"type":"offer","payload":null,"target_id":"h","sender_id":")" + client + "\"}");
  }
  void Pass(Duration time) {
    now_ = now_ + time;
    core().HandleTimeout(now_);
  }
  std::optional<int> StatusFor(const std::string& authorization, const std::string& origin = "",
                               const std::string& source = "192.0.2.1") {
    const auto refusal =
        core().CheckRequest(now_, {*IpAddress::Parse(source), origin, authorization});
    if (!refusal) return std::nullopt;
    return refusal->status;
  }

  SignalingServerCoreOptions options_;
  Timestamp now_{seconds(1000)};

 private:
  std::optional<SignalingServerCore> core_;
};

TEST_F(SignalingServerCoreTest, RegistersAHost) {
  Register(1, "home");
  EXPECT_THAT(Events(), ElementsAre("1 +host home"));
  EXPECT_EQ(core().metrics().hosts, 1u);
}

TEST_F(SignalingServerCoreTest, ForwardsBetweenClientAndHostBothWays) {
  Register(1, "home");
  Events();
  Connect(2);
  Say(2, R"({"type":"offer","payload":{"sdp":{"type":"offer","sdp":"v=0"}},"target_id":"home",)"
         R"("sender_id":"c"})");
  EXPECT_THAT(Events(),
              ElementsAre(R"(1<{"type":"offer","payload":{"sdp":{"type":"offer","sdp":"v=0"}},)"
                          R"("target_id":"home","sender_id":"c"})"));
  Say(1, R"({"type":"answer","payload":{"sdp":{"type":"answer","sdp":"v=1"}},"target_id":"c",)"
         R"("sender_id":"home"})");
  EXPECT_THAT(Events(),
              ElementsAre(R"(2<{"type":"answer","payload":{"sdp":{"type":"answer","sdp":"v=1"}},)"
                          R"("target_id":"c","sender_id":"home"})"));
  Say(1, R"({"type":"candidate","payload":{"candidate":{"candidate":"x"}},"target_id":"c"})");
  EXPECT_THAT(Events(),
              ElementsAre(R"(2<{"type":"candidate","payload":{"candidate":{"candidate":"x"}},)"
                          R"("target_id":"c","sender_id":"home"})"));
  EXPECT_EQ(core().metrics().messages_forwarded_total, 3u);
}

TEST_F(SignalingServerCoreTest, AProcessThatComesBackTakesItsIdOverAtOnce) {
  for (const char* type : {"register-host", "register-client"}) {
    const uint64_t first = type == std::string("register-host") ? 1 : 3;
    ShowSecret(first, type, "home" + std::to_string(first), 'a');
    Events();
    ShowSecret(first + 1, type, "home" + std::to_string(first), 'a');
    EXPECT_THAT(Events(), testing::Contains(testing::HasSubstr("replaced by a later connection")));
    EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
  }
  EXPECT_EQ(core().metrics().ids_resumed_total, 2u);
  EXPECT_EQ(core().metrics().hosts, 1u);
  EXPECT_EQ(core().metrics().clients, 1u);
}

TEST_F(SignalingServerCoreTest, AnotherSecretOrNoneMakesNobodyTheSameProcess) {
  ShowSecret(1, "register-host", "home", 'a');
  Events();
  ShowSecret(2, "register-host", "home", 'b');
  EXPECT_THAT(Events(), testing::Contains("1 probe"));
  Register(3, "home");
  EXPECT_EQ(core().metrics().ids_resumed_total, 0u);
  core().HandlePong(now_, ConnectionId(1));
  Events();
  Register(4, "bare");
  Register(5, "bare");  // neither has shown a secret
  EXPECT_EQ(core().metrics().ids_resumed_total, 0u);
}

TEST_F(SignalingServerCoreTest, WhoeverWaitsForAnIdWaitsInVainWhenItsProcessComesBack) {
  ShowSecret(1, "register-host", "home", 'a');
  ShowSecret(2, "register-host", "home", 'b');
  Events();
  ShowSecret(3, "register-host", "home", 'a');
  Events();
  EXPECT_EQ(core().metrics().ids_resumed_total, 1u);
  EXPECT_EQ(core().metrics().id_conflicts_total, 1u);
  EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
}

TEST_F(SignalingServerCoreTest, ForwardsNoSecret) {
  ShowSecret(1, "register-host", "home", 'a');
  ShowSecret(2, "register-client", "c", 'b');
  for (const std::string& event : Events()) {
    EXPECT_EQ(event.find("resume"), std::string::npos) << event;
  }
}

TEST_F(SignalingServerCoreTest, ForwardsTypesItDoesNotKnow) {
  Register(1, "h");
  Events();
  Connect(2);
  Say(2, R"({"type":"x-new","payload":[1,2],"target_id":"h","sender_id":"c","extra":1})");
  EXPECT_THAT(Events(),
              ElementsAre(R"(1<{"type":"x-new","payload":[1,2],"target_id":"h","sender_id":"c"})"));
}

TEST_F(SignalingServerCoreTest, AnswersAnUnknownTargetAndKeepsTheConnection) {
  Connect(2);
  Say(2, R"({"type":"offer","payload":null,"target_id":"x","sender_id":"c"})");
  EXPECT_THAT(Events(), ElementsAre("2<" + Error("target host 'x' not found", "c")));
  Say(2, R"({"type":"offer","payload":null,"sender_id":"c"})");
  EXPECT_THAT(Events(), ElementsAre("2<" + Error("the message has no target_id", "c")));
  EXPECT_EQ(core().metrics().clients, 1u);
}

TEST_F(SignalingServerCoreTest, DoesNotSendAMessageBackToItsSender) {
  Register(1, "h");
  Events();
  Say(1, R"({"type":"answer","payload":null,"target_id":"h","sender_id":"h"})");
  EXPECT_THAT(Events(), ElementsAre("1<" + Error("target host 'h' not found", "h")));
}

TEST_F(SignalingServerCoreTest, FreesAnIdWithItsConnection) {
  Register(1, "h");
  Events();
  core().HandleClosed(now_, ConnectionId(1));
  EXPECT_THAT(Events(), ElementsAre("1 -host h"));
  Register(2, "h");
  EXPECT_THAT(Events(), ElementsAre("2 +host h"));
}

TEST_F(SignalingServerCoreTest, RefusesAnIdWhoseHolderAnswersTheProbe) {
  Register(1, "h");
  Events();
  Register(2, "h");
  EXPECT_THAT(Events(), ElementsAre("2 pause", "1 probe"));
  core().HandlePong(now_, ConnectionId(1));
  EXPECT_THAT(Events(), ElementsAre("2<" + Error("host with ID 'h' already registered", "h"),
                                    "2 close policy: host with ID 'h' already registered"));
  EXPECT_EQ(core().metrics().hosts, 1u);
}

TEST_F(SignalingServerCoreTest, TakesAMessageOfTheHolderForAPong) {
  Register(1, "h");
  Register(2, "h");
  Events();
  Say(1, R"({"type":"register-host","payload":null,"sender_id":"h"})");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("2<"), HasSubstr("2 close policy")));
}

TEST_F(SignalingServerCoreTest, GivesTheIdOfADeadHolderToTheNewHost) {
  Register(1, "h");
  Register(2, "h");
  Events();
  Pass(seconds(2) - milliseconds(1));
  EXPECT_THAT(Events(), IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(Events(), ElementsAre("1 close timeout: no answer to a ping", "1 -host h",
                                    "2 +host h", "2 resume"));
  core().HandlePong(now_, ConnectionId(1));  // too late
  core().HandleClosed(now_, ConnectionId(1));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core().metrics().hosts, 1u);
}

TEST_F(SignalingServerCoreTest, GivesTheIdToTheWaitingHostWhenTheHolderLeaves) {
  Register(1, "h");
  Register(2, "h");
  Events();
  core().HandleClosed(now_, ConnectionId(1));
  EXPECT_THAT(Events(), ElementsAre("1 -host h", "2 +host h", "2 resume"));
}

TEST_F(SignalingServerCoreTest, RefusesASecondWaitingHostAtOnce) {
  Register(1, "h");
  Register(2, "h");
  Events();
  Register(3, "h");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("3<"), HasSubstr("3 close policy")));
}

TEST_F(SignalingServerCoreTest, ForgetsAWaitingHostThatLeaves) {
  Register(1, "h");
  Register(2, "h");
  core().HandleClosed(now_, ConnectionId(2));
  Events();
  Pass(seconds(3));
  core().HandlePong(now_, ConnectionId(1));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core().metrics().hosts, 1u);
}

TEST_F(SignalingServerCoreTest, ReplacesADeadClientAndKeepsWhatTheNewOneSaid) {
  Register(1, "h");
  Introduce(2, "c");
  Events();
  Introduce(3, "c");
  EXPECT_THAT(Events(), ElementsAre("3 pause", "2 probe"));
  Say(3, R"({"type":"candidate","payload":1,"target_id":"h","sender_id":"c"})");
  EXPECT_THAT(Events(), IsEmpty());
  Pass(seconds(2));
  EXPECT_THAT(Events(),
              ElementsAre("2 close timeout: no answer to a ping",
                          R"(1<{"type":"offer","payload":null,"target_id":"h","sender_id":"c"})",
                          R"(1<{"type":"candidate","payload":1,"target_id":"h","sender_id":"c"})",
                          "3 resume"));
}

TEST_F(SignalingServerCoreTest, BoundsWhatAWaitingConnectionMaySay) {
  Register(1, "h");
  Register(2, "h");
  Events();
  for (int i = 0; i < 63; ++i) Say(2, R"({"type":"x","payload":null})");
  EXPECT_THAT(Events(), IsEmpty());
  Say(2, R"({"type":"x","payload":null})");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("2<"), HasSubstr("2 close policy: too many")));
}

TEST_F(SignalingServerCoreTest, ClosesAnEmptyOrImpossibleId) {
  Register(1, "");
  EXPECT_THAT(Events(), ElementsAre("1<" + Error("bad sender_id: it is empty", ""),
                                    "1 close policy: bad sender_id: it is empty"));
  Register(2, std::string(129, 'x'));
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("longer than 128"), HasSubstr("2 close")));
  Register(3, std::string(128, 'x'));
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("3 +host x")));
  Register(4, "a\\nb");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("control character"), HasSubstr("4 close")));
  Connect(5);
  Say(5, R"({"type":"offer","payload":null,"target_id":"h"})");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("it is empty"), HasSubstr("5 close")));
}

TEST_F(SignalingServerCoreTest, AClientCannotTakeTheIdOfAHost) {
  Register(1, "h");
  Events();
  Introduce(2, "h");
  EXPECT_THAT(Events(), ElementsAre("2<" + Error("'h' is the ID of a host", "h"),
                                    "2 close policy: 'h' is the ID of a host"));
}

TEST_F(SignalingServerCoreTest, AHostTakesItsIdFromAClientThatSquatsOnIt) {
  Introduce(2, "h");
  Events();
  Register(1, "h");
  EXPECT_THAT(Events(), ElementsAre("1 +host h", "2<" + Error("'h' is the ID of a host", "h"),
                                    HasSubstr("2 close")));
}

TEST_F(SignalingServerCoreTest, AClientThatWaitsForAnIdDoesNotGetAHosts) {
  Introduce(2, "x");
  Introduce(3, "x");
  Events();
  Register(1, "x");
  EXPECT_THAT(Events(), ElementsAre("1 +host x", HasSubstr("2<"), HasSubstr("2 close policy"),
                                    HasSubstr("3<"), HasSubstr("3 close policy")));
}

TEST_F(SignalingServerCoreTest, NobodySpeaksAsSomebodyElse) {
  Register(1, "h");
  Introduce(2, "c");
  Events();
  Say(2, R"({"type":"answer","payload":null,"target_id":"h","sender_id":"d"})");
  EXPECT_THAT(Events(), ElementsAre("2<" + Error("sender_id 'd' is not yours, which is 'c'", "c")));
  Say(1, R"({"type":"answer","payload":null,"target_id":"c","sender_id":"c"})");
  EXPECT_THAT(Events(), ElementsAre("1<" + Error("sender_id 'c' is not yours, which is 'h'", "h")));
  EXPECT_EQ(core().metrics().spoofed_total, 2u);
}

TEST_F(SignalingServerCoreTest, AClientCannotBecomeAHostLater) {
  Register(1, "h");
  Introduce(2, "c");
  Events();
  Say(2, R"({"type":"register-host","payload":null,"sender_id":"c"})");
  EXPECT_THAT(Events(), ElementsAre("2<" + Error("you are a client already", "c")));
  Say(1, R"({"type":"register-host","payload":null,"sender_id":"h"})");
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(SignalingServerCoreTest, ClosesWhatIsNoSignalingMessage) {
  const std::vector<std::string> bad = {"",
                                        "x",
                                        "[]",
                                        "{}",
                                        R"({"type":1})",
                                        "{\"type\":\"\xff\"}",
                                        "{}{}",
                                        R"({"type":"a","type":"b"})"};
  uint64_t id = 0;
  for (const std::string& text : bad) {
    Connect(++id);
    Say(id, text);
    EXPECT_THAT(Events(), ElementsAre(HasSubstr("bad message: "), HasSubstr("close malformed")))
        << text;
  }
  EXPECT_EQ(core().metrics().malformed_total, bad.size());
}

TEST_F(SignalingServerCoreTest, ClosesAConnectionThatSaysNothing) {
  Connect(1);
  EXPECT_EQ(core().NextTimeout(), now_ + seconds(10));
  Pass(seconds(10) - milliseconds(1));
  EXPECT_THAT(Events(), IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("1<"), "1 close timeout: no message came in time"));
  EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
  Say(1, R"({"type":"register-host","payload":null,"sender_id":"h"})");
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(SignalingServerCoreTest, ARegisteredHostMayBeSilentForEver) {
  Register(1, "h");
  Events();
  EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
}

TEST_F(SignalingServerCoreTest, PausesAConnectionThatTalksTooFast) {
  options_.message_rate = 10;
  options_.message_burst = 3;
  Register(1, "h");
  Introduce(2, "c");
  Events();
  const std::string text = R"({"type":"x","payload":null,"target_id":"h"})";
  Say(2, text);
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("1<")));
  Say(2, text);
  EXPECT_THAT(Events(), ElementsAre("2 pause", HasSubstr("1<")));
  Say(2, text);  // was under way: not lost, and paid for later
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("1<")));
  Pass(milliseconds(99));
  EXPECT_THAT(Events(), IsEmpty());
  Pass(milliseconds(101));
  EXPECT_THAT(Events(), ElementsAre("2 resume"));
  EXPECT_EQ(core().metrics().throttled_total, 1u);
}

TEST_F(SignalingServerCoreTest, AnOpenServerNeedsNoTokenAndNoOrigin) {
  EXPECT_EQ(StatusFor(""), std::nullopt);
  EXPECT_EQ(StatusFor("Bearer whatever", "https://any.example"), std::nullopt);
}

class SignalingTokenTest : public SignalingServerCoreTest {
 protected:
  SignalingTokenTest() {
    options_.valid_tokens = {Secret("alpha"), Secret("beta")};
    options_.host_tokens = {{"home", Secret("gamma")}};
  }
};

TEST_F(SignalingTokenTest, LetsKnownTokensInOnly) {
  EXPECT_EQ(StatusFor("Bearer alpha"), std::nullopt);
  EXPECT_EQ(StatusFor("bearer  beta "), std::nullopt);
  EXPECT_EQ(StatusFor("Bearer gamma"), std::nullopt);
  EXPECT_EQ(StatusFor(""), 401);
  EXPECT_EQ(StatusFor("alpha"), 401);
  EXPECT_EQ(StatusFor("Bearer "), 401);
  EXPECT_EQ(StatusFor("Bearer alph"), 401);
  EXPECT_EQ(StatusFor("Basic alpha"), 401);
  EXPECT_EQ(core().metrics().refused_token_total, 5u);
}

TEST_F(SignalingTokenTest, ABoundIdNeedsItsOwnToken) {
  Register(1, "home", "alpha");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("this token may not register host ID 'home'"),
                                    HasSubstr("1 close policy")));
  Register(2, "home", "gamma");
  EXPECT_THAT(Events(), ElementsAre("2 +host home"));
}

TEST_F(SignalingTokenTest, ABoundTokenIsForItsIdOnly) {
  Register(1, "other", "gamma");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("may not register"), HasSubstr("1 close policy")));
  Connect(2, "gamma");
  Say(2, R"({"type":"offer","payload":null,"target_id":"h","sender_id":"c"})");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("registering a host only"), HasSubstr("2 close")));
}

TEST_F(SignalingTokenTest, ABoundIdIsProtectedOnAnOpenServer) {
  options_.valid_tokens.clear();
  EXPECT_EQ(StatusFor(""), std::nullopt);
  Register(1, "home");
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("may not register"), HasSubstr("1 close")));
  Register(2, "other");
  EXPECT_THAT(Events(), ElementsAre("2 +host other"));
  Register(3, "home", "gamma");
  EXPECT_THAT(Events(), ElementsAre("3 +host home"));
}

TEST_F(SignalingTokenTest, SlowsDownWhoGuesses) {
  options_.auth_failure_burst = 3;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(StatusFor("Bearer x"), 401);
  EXPECT_EQ(StatusFor("Bearer x"), 429);
  EXPECT_EQ(StatusFor("Bearer alpha"), 429);
  EXPECT_EQ(StatusFor("Bearer alpha", "", "192.0.2.2"), std::nullopt);
  now_ = now_ + seconds(6);
  EXPECT_EQ(StatusFor("Bearer x"), 401);
  EXPECT_EQ(StatusFor("Bearer x"), 429);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(StatusFor("Bearer x", "", "127.0.0.1"), 401);
}

TEST_F(SignalingServerCoreTest, ChecksOriginsAgainstTheList) {
  options_.allowed_origins = {"https://good.example"};
  EXPECT_EQ(StatusFor("", ""), std::nullopt);
  EXPECT_EQ(StatusFor("", "https://GOOD.example"), std::nullopt);
  EXPECT_EQ(StatusFor("", "https://evil.example"), 403);
  EXPECT_EQ(StatusFor("", "https://good.example.evil"), 403);
  EXPECT_EQ(StatusFor("", "null"), 403);
  EXPECT_EQ(core().metrics().refused_origin_total, 3u);
}

TEST_F(SignalingServerCoreTest, LimitsConnectionsOfASource) {
  options_.max_connections_per_source = 2;
  Connect(1);
  EXPECT_EQ(StatusFor(""), std::nullopt);
  Connect(2);
  EXPECT_EQ(StatusFor(""), 429);
  EXPECT_EQ(StatusFor("", "", "::ffff:192.0.2.1"), 429);
  EXPECT_EQ(StatusFor("", "", "192.0.2.2"), std::nullopt);
  core().HandleClosed(now_, ConnectionId(1));
  EXPECT_EQ(StatusFor(""), std::nullopt);
  Connect(3, "", "2001:db8::1");
  Connect(4, "", "2001:db8::2");
  EXPECT_EQ(StatusFor("", "", "2001:db8::3"), 429);
  EXPECT_EQ(StatusFor("", "", "2001:db8:0:1::3"), std::nullopt);
  for (uint64_t id = 5; id < 9; ++id) Connect(id, "", "127.0.0.1");
  EXPECT_EQ(StatusFor("", "", "127.0.0.1"), std::nullopt);
}

TEST_F(SignalingServerCoreTest, LimitsAllConnections) {
  options_.max_connections = 2;
  Connect(1, "", "127.0.0.1");
  EXPECT_EQ(StatusFor("", "", "127.0.0.1"), std::nullopt);
  Connect(2, "", "127.0.0.1");
  EXPECT_EQ(StatusFor("", "", "127.0.0.1"), 503);
  EXPECT_EQ(core().metrics().refused_full_total, 1u);
}

TEST_F(SignalingServerCoreTest, ShutdownClosesEverybodyAndLetsNobodyIn) {
  Register(1, "h");
  Register(2, "h");
  Connect(3);
  Events();
  core().Shutdown(now_);
  const auto events = Events();
  EXPECT_THAT(events, testing::UnorderedElementsAre(HasSubstr("1 close going away"),
                                                    HasSubstr("2 close going away"),
                                                    HasSubstr("3 close going away"), "1 -host h"));
  EXPECT_EQ(StatusFor(""), 503);
  Connect(4);
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("4 close going away")));
  EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
  for (uint64_t id = 1; id <= 4; ++id) core().HandleClosed(now_, ConnectionId(id));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core().metrics().connections, 0u);
}

TEST(SignalingServerCoreOptionsTest, FindsAllProblemsAtOnce) {
  SignalingServerCoreOptions options;
  EXPECT_THAT(Validate(options), IsEmpty());
  options.max_id_length = 0;
  options.message_rate = 0;
  options.valid_tokens = {Secret("has space")};
  options.allowed_origins.clear();
  EXPECT_EQ(Validate(options).size(), 4u);
}

}  // namespace
}  // namespace ming::signaling
