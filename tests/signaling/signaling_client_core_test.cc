#include "ming/signaling/signaling_client_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace ming::signaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

// `text` with a star for the secret in it, which is random.
std::string MaskSecret(std::string text) {
  constexpr std::string_view kBefore = R"("resume":")";
  const size_t at = text.find(kBefore);
  if (at == std::string::npos) return text;
  const size_t begin = at + kBefore.size();
  return text.replace(begin, text.find('"', begin) - begin, "*");
}

std::string Describe(const SignalingClientEvent& event) {
  struct Words {
    std::string operator()(OpenConnection) const { return "open"; }
    std::string operator()(const SendToServer& e) const { return ">" + MaskSecret(e.text); }
    std::string operator()(DropConnection) const { return "drop"; }
    std::string operator()(CheckConnection) const { return "check"; }
    std::string operator()(SignalingConnected) const { return "connected"; }
    std::string operator()(const SignalingArrived& e) const {
      return "<" + codec::SerializeSignalingMessage(e.message);
    }
    std::string operator()(const SignalingDisconnected& e) const {
      const char* const names[] = {"lost ", "fatal ", "taken "};
      return names[static_cast<int>(e.loss)] + e.why.ToString();
    }
    std::string operator()(const SignalingErrorText& e) const {
      return (e.target_not_found ? "not found: " : "error: ") + e.text;
    }
  };
  return std::visit(Words(), event);
}

const char kRegister[] = R"(>{"type":"register-host","payload":{"resume":"*"},"sender_id":"h"})";

class SignalingClientCoreTest : public testing::Test {
 protected:
  SignalingClientCoreTest() {
    options_.role = SignalingRole::kHost;
    options_.id = "h";
    options_.backoff.jitter = 0;
  }

  SignalingClientCore& core() {
    if (!core_) core_.emplace(options_, random_);
    return *core_;
  }
  std::vector<std::string> Events() {
    std::vector<std::string> words;
    while (auto event = core().PollEvent()) words.push_back(Describe(*event));
    return words;
  }
  void Connect() {
    if (!core().connected()) core().HandleConnected(now_);
    Events();
  }
  void Start() {
    core().Start(now_);
    Events();
  }
  void Lose(std::optional<uint16_t> code = std::nullopt) {
    core().HandleDisconnected(now_, Status(StatusCode::kUnavailable, "gone"), code);
  }
  void Hear(const std::string& text) { core().HandleMessage(now_, ByteSpan(text)); }
  void Pass(Duration time) {
    now_ = now_ + time;
    core().HandleTimeout(now_);
  }
  // The delay until the next attempt, which is then begun.
  Duration PassBackoff() {
    Events();
    const Duration delay = core().NextTimeout() - now_;
    Pass(delay);
    EXPECT_THAT(Events(), ElementsAre("open"));
    return delay;
  }

  SignalingClientCoreOptions options_;
  SeededRandom random_{1};
  Timestamp now_{seconds(50)};

 private:
  std::optional<SignalingClientCore> core_;
};

TEST_F(SignalingClientCoreTest, AHostRegisters) {
  core().Start(now_);
  EXPECT_THAT(Events(), ElementsAre("open"));
  core().HandleConnected(now_);
  EXPECT_THAT(Events(), ElementsAre(kRegister, "connected"));
  EXPECT_TRUE(core().connected());
}

TEST_F(SignalingClientCoreTest, AClientIntroducesItself) {
  options_.role = SignalingRole::kClient;
  options_.id = "c";
  Start();
  core().HandleConnected(now_);
  EXPECT_THAT(Events(),
              ElementsAre(R"(>{"type":"register-client","payload":{"resume":"*"},"sender_id":"c"})",
                          "connected"));
}

TEST_F(SignalingClientCoreTest, BacksOffFromOneSecondToThirty) {
  Start();
  for (const int expected : {1, 2, 4, 8, 16, 30, 30}) {
    Lose();
    EXPECT_THAT(Events(), ElementsAre("lost unavailable: gone"));
    EXPECT_EQ(PassBackoff(), Duration(seconds(expected)));
  }
}

TEST_F(SignalingClientCoreTest, ALossAlwaysHasAReason) {
  Start();
  core().HandleDisconnected(now_, Status::Ok(), std::nullopt);
  EXPECT_THAT(Events(), ElementsAre("lost unavailable: the signaling server closed"));
}

TEST_F(SignalingClientCoreTest, DrawsTheDelaysWithJitter) {
  options_.backoff.jitter = 0.5;
  Start();
  Lose();
  Events();
  const Duration delay = core().NextTimeout() - now_;
  EXPECT_GE(delay, Duration(milliseconds(500)));
  EXPECT_LT(delay, Duration(seconds(1)));
}

TEST_F(SignalingClientCoreTest, StartsAnewAfterAConnectionThatSettled) {
  Start();
  Lose();
  PassBackoff();
  Lose();
  PassBackoff();
  Connect();
  Pass(seconds(3));
  EXPECT_THAT(Events(), IsEmpty());
  Lose();
  EXPECT_EQ(PassBackoff(), Duration(seconds(1)));
}

TEST_F(SignalingClientCoreTest, AConnectionThatBreaksAtOnceIsNoSuccess) {
  Start();
  for (const int expected : {1, 2, 4}) {
    Connect();
    Pass(seconds(2));
    Lose();
    Events();
    EXPECT_EQ(PassBackoff(), Duration(seconds(expected)));
  }
}

TEST_F(SignalingClientCoreTest, RegistersAgain) {
  Start();
  Connect();
  Lose();
  EXPECT_FALSE(core().connected());
  PassBackoff();
  core().HandleConnected(now_);
  EXPECT_THAT(Events(), ElementsAre(kRegister, "connected"));
}

TEST_F(SignalingClientCoreTest, SendsUnderItsOwnNameOnly) {
  Start();
  EXPECT_EQ(core().Send(codec::MakeRegisterHost("x")).code(), StatusCode::kUnavailable);
  Connect();
  codec::SignalingMessage message =
      codec::MakeDescription({codec::SdpKind::kAnswer, "v=0"}, "c", "somebody");
  EXPECT_TRUE(core().Send(message).ok());
  EXPECT_THAT(Events(),
              ElementsAre(R"(>{"type":"answer","payload":{"sdp":{"type":"answer","sdp":"v=0"}},)"
                          R"("target_id":"c","sender_id":"h"})"));
  message.payload = "\"" + std::string(size_t{64} * 1024, 'x') + "\"";
  EXPECT_EQ(core().Send(message).code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(SignalingClientCoreTest, HandsOnMessagesAndErrors) {
  Start();
  Connect();
  Hear(R"({"type":"offer","payload":1,"target_id":"h","sender_id":"c"})");
  Hear(R"({"type":"error","payload":"target host 'x' not found","target_id":"h"})");
  Hear(R"({"type":"error","payload":"target host '' not found","target_id":"h"})");
  Hear(R"({"type":"error","payload":"target host 'x' not found","sender_id":"c"})");
  Hear("garbage");
  EXPECT_THAT(Events(),
              ElementsAre(R"(<{"type":"offer","payload":1,"target_id":"h","sender_id":"c"})",
                          "not found: target host 'x' not found", "error: target host '' not found",
                          "error: target host 'x' not found"));
  EXPECT_TRUE(core().connected());
}

TEST_F(SignalingClientCoreTest, GivesUpWhenItsIdIsTakenAtTheStart) {
  Start();
  Connect();
  Hear(R"({"type":"error","payload":"host with ID 'h' already registered"})");
  EXPECT_THAT(Events(),
              ElementsAre("drop", "taken permission denied: host with ID 'h' already registered"));
  EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
  Lose();
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(SignalingClientCoreTest, TriesForEverWhenItsIdIsTakenLater) {
  Start();
  Connect();
  Pass(seconds(3));
  Lose();
  PassBackoff();
  Connect();
  Hear(R"({"type":"error","payload":"host with ID 'h' already registered"})");
  EXPECT_THAT(Events(),
              ElementsAre("drop", "lost permission denied: host with ID 'h' already registered"));
  PassBackoff();
}

TEST_F(SignalingClientCoreTest, IgnoresThatAnotherIdIsTakenOrAPeerSaysSo) {
  Start();
  Connect();
  Hear(R"({"type":"error","payload":"host with ID 'x' already registered"})");
  Hear(R"({"type":"error","payload":"host with ID 'h' already registered","sender_id":"c"})");
  EXPECT_THAT(Events(), ElementsAre("error: host with ID 'x' already registered",
                                    "error: host with ID 'h' already registered"));
}

TEST_F(SignalingClientCoreTest, GivesUpOnARefusedTokenAtTheStart) {
  Start();
  core().HandleDisconnected(now_, Status(StatusCode::kPermissionDenied, "no", 401), std::nullopt);
  EXPECT_THAT(Events(), ElementsAre("fatal permission denied: no"));
}

TEST_F(SignalingClientCoreTest, GivesUpWhenTheServerClosesForPolicy) {
  Start();
  Connect();
  Hear(R"({"type":"error","payload":"this token may not register host ID 'h'"})");
  Events();
  Lose(1008);
  EXPECT_THAT(Events(), ElementsAre("fatal permission denied: the signaling server refused us: "
                                    "this token may not register host ID 'h'"));
}

TEST_F(SignalingClientCoreTest, ComesBackAfterAnyOtherClose) {
  Start();
  Connect();
  Lose(1013);
  EXPECT_THAT(Events(), ElementsAre("lost unavailable: gone"));
  PassBackoff();
  Connect();
  core().HandleDisconnected(now_, Status::Ok(), 1001);
  EXPECT_THAT(Events(), ElementsAre("lost unavailable: the signaling server closed"));
}

// While a session waits for the server.
class UrgentSignalingTest : public SignalingClientCoreTest {
 protected:
  void ConnectUrgently() {
    Start();
    Connect();
    Pass(seconds(3));
    core().SetUrgency(now_, SignalingUrgency::kUrgent);
    EXPECT_THAT(Events(), ElementsAre("check"));
  }
};

TEST_F(UrgentSignalingTest, AsksForASignOfLifeEveryTwoSeconds) {
  ConnectUrgently();
  for (int i = 0; i < 5; ++i) {
    Pass(milliseconds(700));
    core().HandlePong(now_);
    EXPECT_THAT(Events(), IsEmpty());
    Pass(seconds(2));
    EXPECT_THAT(Events(), ElementsAre("check"));
  }
  core().HandlePong(now_);
  core().SetUrgency(now_, SignalingUrgency::kCalm);
  EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
}

TEST_F(UrgentSignalingTest, ReplacesASilentConnectionAtOnce) {
  ConnectUrgently();
  Pass(milliseconds(749));
  EXPECT_THAT(Events(), IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(Events(),
              ElementsAre("drop", "lost timeout: the signaling server does not answer", "open"));
}

TEST_F(UrgentSignalingTest, AMessageIsASignOfLife) {
  ConnectUrgently();
  Hear(R"({"type":"offer","payload":1,"target_id":"h","sender_id":"c"})");
  Events();
  Pass(milliseconds(750));
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(UrgentSignalingTest, ASlowServerGetsMoreTimeWithEachFailure) {
  ConnectUrgently();
  for (const int limit : {750, 1500, 3000, 6000, 6000}) {
    Pass(milliseconds(limit - 1));
    EXPECT_THAT(Events(), IsEmpty()) << limit;
    Pass(milliseconds(1));
    EXPECT_EQ(Events().back(), "open");
    Connect();
    Pass(seconds(2));
    EXPECT_THAT(Events(), ElementsAre("check"));
  }
  core().HandlePong(now_);
  Pass(seconds(2));
  Events();
  Pass(milliseconds(750));
  EXPECT_EQ(Events().back(), "open");
}

TEST_F(UrgentSignalingTest, TriesAtLeastEverySecond) {
  Start();
  Connect();
  Pass(seconds(3));
  core().SetUrgency(now_, SignalingUrgency::kUrgent);
  Lose();
  for (int i = 0; i < 20; ++i) {
    EXPECT_LE(PassBackoff(), Duration(seconds(1)));
    Lose();
  }
}

TEST_F(UrgentSignalingTest, AWaitInProgressIsCutShort) {
  Start();
  for (int i = 0; i < 6; ++i) {
    Lose();
    PassBackoff();
  }
  Lose();
  Events();
  EXPECT_GT(core().NextTimeout(), now_ + seconds(20));
  core().SetUrgency(now_, SignalingUrgency::kUrgent);
  EXPECT_LE(core().NextTimeout(), now_ + milliseconds(300));
}

TEST_F(UrgentSignalingTest, APongThatNobodyAskedForChangesNothing) {
  Start();
  core().HandlePong(now_);
  Connect();
  core().HandlePong(now_);
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(SignalingClientCoreTest, ChecksTheConnectionWhenTheNetworkChanges) {
  Start();
  Connect();
  Pass(seconds(3));
  core().HandleNetworkChanged(now_, LocalAddress::kStillThere);
  core().HandleNetworkChanged(now_, LocalAddress::kStillThere);
  EXPECT_THAT(Events(), ElementsAre("check"));
  core().HandlePong(now_);
  EXPECT_EQ(core().NextTimeout(), Timestamp::Max());
}

TEST_F(SignalingClientCoreTest, ReplacesAConnectionWhoseAddressIsGone) {
  Start();
  Connect();
  Pass(seconds(3));
  core().HandleNetworkChanged(now_, LocalAddress::kGone);
  EXPECT_THAT(Events(), ElementsAre("drop", "lost unavailable: our address is gone", "open"));
}

TEST_F(SignalingClientCoreTest, BeginsAnAttemptAnewWhenTheNetworkChanges) {
  Start();
  core().HandleNetworkChanged(now_, LocalAddress::kStillThere);
  EXPECT_THAT(Events(), ElementsAre("drop", "open"));
  for (int i = 0; i < 6; ++i) {
    Lose();
    PassBackoff();
  }
  Lose();
  Events();
  core().HandleNetworkChanged(now_, LocalAddress::kStillThere);
  EXPECT_THAT(Events(), ElementsAre("open"));
  Lose();
  EXPECT_EQ(PassBackoff(), Duration(seconds(1)));
}

TEST(SignalingClientCoreOptionsTest, NeedsAnId) {
  SignalingClientCoreOptions options;
  EXPECT_EQ(Validate(options).size(), 1u);
  options.id = "x";
  EXPECT_THAT(Validate(options), IsEmpty());
}

}  // namespace
}  // namespace ming::signaling
