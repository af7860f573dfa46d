// The relay between real sockets, however it moves the bytes: the same behaviour by copying,
// through pipes, and where pipes or the kernel's help are missing.
#include "ming/tunnel/splice_relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ming/base/units.h"
#include "ming/net/pipe_pool.h"
#include "ming/net/reactor.h"
#include "ming/net/tcp_stream.h"
#include "ming/support/fd_leak_check.h"
#include "ming/support/stream_user.h"
#include "ming/tunnel/relay.h"

namespace ming::tunnel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::StreamUser;
using support::StreamUserPlan;

constexpr Duration kLimit = seconds(20);

enum class Help {
  kNone,     // nobody lends pipes
  kPipes,    // as in production
  kNoPipes,  // the lender has none
  kRefused,  // the kernel refuses
  kOnePipe,  // the lender has one
};

struct Mode {
  const char* name;
  Help help;
};

// Lends what the pool lends, and counts.
class CountingPipes final : public link::SplicePipes {
 public:
  CountingPipes(link::TimerService& timers, const net::PipePoolOptions& options, bool has_any)
      : pool_(timers, options), has_any_(has_any) {}

  std::unique_ptr<link::SplicePipe> Borrow() override {
    if (!has_any_) return nullptr;
    auto pipe = pool_.Borrow();
    if (pipe != nullptr) ++lent_;
    return pipe;
  }
  void Return(std::unique_ptr<link::SplicePipe> pipe) override {
    int inside = -1;
    EXPECT_EQ(::ioctl(pipe->read_end(), FIONREAD, &inside), 0);
    EXPECT_EQ(inside, 0) << "a pipe came back with bytes inside";
    pool_.Return(std::move(pipe));
  }
  uint64_t lent() const { return lent_; }
  size_t out() const { return pool_.pipe_count() - pool_.idle_count(); }

 private:
  net::PipePool pool_;
  const bool has_any_;
  uint64_t lent_ = 0;
};

// A stream whose kernel does not know splice(2).
class RefusingStream final : public link::ByteStream, private link::SpliceEnd {
 public:
  explicit RefusingStream(std::unique_ptr<link::ByteStream> lower) : lower_(std::move(lower)) {}

  void SetObserver(Observer* observer) override { lower_->SetObserver(observer); }
  link::ReadChunk Peek(size_t max) override { return lower_->Peek(max); }
  void Consume(size_t count) override { lower_->Consume(count); }
  size_t WritableBytes() override { return lower_->WritableBytes(); }
  size_t Write(ByteSpan bytes) override { return lower_->Write(bytes); }
  void CloseWrite() override { lower_->CloseWrite(); }
  void Reset(const Status& why) override { lower_->Reset(why); }
  link::SpliceEnd* splice_end() override { return this; }

 private:
  Moved SpliceTo(link::SplicePipe& /*pipe*/, size_t /*max*/) override {
    return {link::SpliceEnd::State::kRefused, 0};
  }
  size_t SpliceFrom(link::SplicePipe& /*pipe*/, size_t /*count*/) override {
    ADD_FAILURE() << "spliced from an empty pipe";
    return 0;
  }

  std::unique_ptr<link::ByteStream> lower_;
};

using StreamPair = std::pair<std::unique_ptr<net::TcpStream>, std::unique_ptr<net::TcpStream>>;

StreamPair MakeTcpPair(net::Reactor& reactor) {
  const net::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener.get(), where, size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), where, &size), 0);
  net::UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(out.get(), where, size), 0);
  net::UniqueFd in(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return {net::TcpStream::Adopt(reactor, std::move(out)),
          net::TcpStream::Adopt(reactor, std::move(in))};
}

StreamUserPlan Sends(uint64_t bytes) {
  StreamUserPlan plan;
  plan.send_bytes = bytes;
  plan.write_chunk = 65536;
  return plan;
}

// left user -- (TCP) -- relay -- (TCP) -- right user
class SocketRelayTest : public ::testing::TestWithParam<Mode>, protected Relay::Observer {
 public:
  ~SocketRelayTest() override { std::signal(SIGPIPE, sigpipe_before_); }

 protected:
  SocketRelayTest() : sigpipe_before_(std::signal(SIGPIPE, SIG_IGN)) {}

  void TearDown() override {
    left_.reset();
    right_.reset();
    relay_.reset();
    a_.reset();
    b_.reset();
    EXPECT_EQ(pipes_->out(), 0u) << "a pipe is still lent";
    pipes_.reset();
  }

  void Build(const StreamUserPlan& left_plan, const StreamUserPlan& right_plan,
             RelayOptions options = {}) {
    net::PipePoolOptions pool;
    if (GetParam().help == Help::kOnePipe) pool.max_pipes = 1;
    pipes_.emplace(reactor_, pool, GetParam().help != Help::kNoPipes);
    if (GetParam().help != Help::kNone) options.pipes = &*pipes_;
    StreamPair left = MakeTcpPair(reactor_);
    StreamPair right = MakeTcpPair(reactor_);
    left_ = std::make_unique<StreamUser>(reactor_, std::move(left.first), left_plan, 1, 2);
    right_ = std::make_unique<StreamUser>(reactor_, std::move(right.first), right_plan, 2, 1);
    a_ = Wrap(std::move(left.second));
    b_ = Wrap(std::move(right.second));
    relay_ = CreateRelay(reactor_, *a_, *b_, options, *this);
    relay_->Start();
  }

  std::unique_ptr<link::ByteStream> Wrap(std::unique_ptr<net::TcpStream> stream) {
    if (GetParam().help != Help::kRefused) return stream;
    return std::make_unique<RefusingStream>(std::move(stream));
  }

  void OnRelayDone(const Status& why, const RelayCounts& counts) override {
    EXPECT_FALSE(done_) << "done twice";
    done_ = why;
    counts_ = counts;
    reactor_.DeferDelete(std::move(relay_));
    reactor_.DeferDelete(std::move(a_));
    reactor_.DeferDelete(std::move(b_));
  }

  bool RunUntil(const std::function<bool()>& what) { return reactor_.RunUntil(what, kLimit); }
  bool UsersDone() const { return left_->done() && right_->done(); }
  bool ExpectsPipes() const {
    return GetParam().help == Help::kPipes || GetParam().help == Help::kOnePipe;
  }
  // Runs until nothing has moved for a while.
  void RunUntilStill() {
    uint64_t before = 1;
    while (before != left_->sent() + right_->sent()) {
      before = left_->sent() + right_->sent();
      reactor_.RunUntil([] { return false; }, milliseconds(20));
    }
  }

  support::FdLeakCheck leaks_;
  void (*const sigpipe_before_)(int);
  net::Reactor reactor_;
  std::optional<CountingPipes> pipes_;
  std::unique_ptr<StreamUser> left_;
  std::unique_ptr<StreamUser> right_;
  std::unique_ptr<link::ByteStream> a_;
  std::unique_ptr<link::ByteStream> b_;
  std::unique_ptr<Relay> relay_;
  std::optional<Status> done_;
  RelayCounts counts_;
};

TEST_P(SocketRelayTest, CarriesLongStreamsAndEndsBothWays) {
  Build(Sends(8 * kMiB + 1), Sends(3 * kMiB));
  ASSERT_TRUE(RunUntil([this] { return done_ && UsersDone(); }));
  EXPECT_TRUE(done_->ok()) << done_->ToString();
  EXPECT_EQ(counts_.a_to_b, 8 * kMiB + 1);
  EXPECT_EQ(counts_.b_to_a, 3 * kMiB);
  EXPECT_EQ(right_->received(), 8 * kMiB + 1);
  EXPECT_EQ(left_->received(), 3 * kMiB);
  EXPECT_TRUE(left_->intact() && right_->intact());
  if (ExpectsPipes()) {
    EXPECT_GT(pipes_->lent(), 2u);
  } else {
    EXPECT_LE(pipes_->lent(), 2u) << "a kernel that refused was asked again";
  }
}

TEST_P(SocketRelayTest, CopiesShortExchanges) {
  Build(Sends(60000), Sends(60000));
  ASSERT_TRUE(RunUntil([this] { return done_ && UsersDone(); }));
  EXPECT_TRUE(done_->ok()) << done_->ToString();
  EXPECT_EQ(right_->received(), 60000u);
  EXPECT_EQ(pipes_->lent(), 0u);
}

TEST_P(SocketRelayTest, CarriesAnAnswerThatWaitsForTheEnd) {
  StreamUserPlan answers = Sends(kMiB);
  answers.answer_after_end = true;
  Build(Sends(2 * kMiB), answers);
  ASSERT_TRUE(RunUntil([this] { return done_ && UsersDone(); }));
  EXPECT_TRUE(done_->ok()) << done_->ToString();
  EXPECT_EQ(right_->received(), 2 * kMiB);
  EXPECT_EQ(left_->received(), kMiB);
  EXPECT_TRUE(left_->intact() && right_->intact());
}

TEST_P(SocketRelayTest, TheOtherDirectionGoesOnAfterOneEnded) {
  StreamUserPlan open = Sends(0);
  open.end = StreamUserPlan::End::kAfterReading;
  Build(open, Sends(kMiB));
  ASSERT_TRUE(RunUntil([this] { return done_ && UsersDone(); }));
  EXPECT_TRUE(done_->ok());
  EXPECT_EQ(left_->received(), kMiB);
}

TEST_P(SocketRelayTest, CarriesAResetInTheMiddleOfALongStream) {
  StreamUserPlan waits = Sends(0);
  waits.end = StreamUserPlan::End::kNever;
  Build(Sends(1000 * kMiB), waits);
  ASSERT_TRUE(RunUntil([this] { return right_->received() > kMiB; }));
  left_->ResetNow();
  ASSERT_TRUE(RunUntil([this] { return done_ && right_->error(); }));
  EXPECT_FALSE(done_->ok());
  EXPECT_FALSE(right_->read_end()) << "half of it must not look like all of it";
  EXPECT_TRUE(right_->intact());
}

TEST_P(SocketRelayTest, AReaderThatIsGoneResetsTheWriter) {
  StreamUserPlan waits = Sends(0);
  waits.end = StreamUserPlan::End::kNever;
  Build(Sends(1000 * kMiB), waits);
  ASSERT_TRUE(RunUntil([this] { return right_->received() > kMiB; }));
  right_->ResetNow();
  ASSERT_TRUE(RunUntil([this] { return done_ && left_->error(); }));
  EXPECT_FALSE(done_->ok());
}

TEST_P(SocketRelayTest, AStalledReaderStopsTheWriterAndLosesNothing) {
  StreamUserPlan stalls = Sends(0);
  stalls.read_limit = 2 * kMiB;
  Build(Sends(32 * kMiB), stalls);
  ASSERT_TRUE(RunUntil([this] { return right_->received() >= 2 * kMiB; }));
  RunUntilStill();
  EXPECT_LT(left_->sent(), 28 * kMiB);
  EXPECT_LE(pipes_->out(), ExpectsPipes() ? 1u : 0u);
  EXPECT_EQ(relay_->counts().b_to_a, 0u);
  right_->LiftReadLimit();
  ASSERT_TRUE(RunUntil([this] { return done_ && UsersDone(); }));
  EXPECT_TRUE(done_->ok());
  EXPECT_EQ(right_->received(), 32 * kMiB);
  EXPECT_TRUE(right_->intact());
}

TEST_P(SocketRelayTest, ResetsAReaderThatNeverReadsOnAfterTheIdleTime) {
  StreamUserPlan stalls = Sends(0);
  stalls.read_limit = 2 * kMiB;
  RelayOptions options;
  options.idle_timeout = milliseconds(200);
  Build(Sends(32 * kMiB), stalls, options);
  ASSERT_TRUE(RunUntil([this] { return done_.has_value(); }));
  EXPECT_EQ(done_->code(), StatusCode::kTimeout);
}

TEST_P(SocketRelayTest, DestroyedInTheMiddleItGivesItsPipeUp) {
  StreamUserPlan stalls = Sends(0);
  stalls.read_limit = 2 * kMiB;
  Build(Sends(32 * kMiB), stalls);
  ASSERT_TRUE(RunUntil([this] { return right_->received() >= 2 * kMiB; }));
  RunUntilStill();
  relay_.reset();
  EXPECT_EQ(pipes_->out(), 0u);
}

TEST_P(SocketRelayTest, BytesThatTheStreamReadAlreadyComeFirst) {
  StreamUserPlan waits = Sends(0);
  waits.end = StreamUserPlan::End::kNever;
  Build(Sends(4 * kMiB), waits);
  relay_.reset();  // before it has begun
  link::ReadChunk chunk;
  ASSERT_TRUE(RunUntil([&] {
    chunk = a_->Peek(10);  // a reader of lines, which leaves them behind
    a_->Consume(0);
    return chunk.state == link::ReadState::kData;
  }));
  RelayOptions options;
  if (GetParam().help != Help::kNone) options.pipes = &*pipes_;
  relay_ = CreateRelay(reactor_, *a_, *b_, options, *this);
  relay_->Start();
  ASSERT_TRUE(RunUntil([this] { return right_->read_end(); }));
  EXPECT_EQ(right_->received(), 4 * kMiB);
  EXPECT_TRUE(right_->intact());
}

INSTANTIATE_TEST_SUITE_P(All, SocketRelayTest,
                         ::testing::Values(Mode{"Copy", Help::kNone}, Mode{"Pipes", Help::kPipes},
                                           Mode{"OnePipe", Help::kOnePipe},
                                           Mode{"NoPipes", Help::kNoPipes},
                                           Mode{"Refused", Help::kRefused}),
                         [](const auto& mode) { return std::string(mode.param.name); });

}  // namespace
}  // namespace ming::tunnel
