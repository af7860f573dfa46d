// How a caller and its data connection meet: what comes with the reply, and connections that are
// there before their callers.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "ming/base/ip_address.h"
#include "ming/net/unique_fd.h"

#include "reverse_net_fixture.h"

namespace ming::reverse {
namespace {

// A peer of our own that reads what has come in one call.
class RawPeer {
 public:
  explicit RawPeer(Port port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage{};
    const auto loopback = IpAddress::Parse("127.0.0.1");
    const socklen_t size = net::SocketAddress(*loopback, port).ToKernel(storage);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0);
  }
  explicit RawPeer(net::UniqueFd fd) : fd_(std::move(fd)) {}
  void Send(const std::string& text) const {
    EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // False: nothing yet.
  bool Receive() {
    std::array<char, 1024> buffer;
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) last_.assign(buffer.data(), static_cast<size_t>(count));
    ended_ = count == 0;
    return count > 0;
  }
  const std::string& last() const { return last_; }
  // The last Receive found the end.
  bool ended() const { return ended_; }

 private:
  net::UniqueFd fd_;
  std::string last_;
  bool ended_ = false;
};

// A server of our own.
class RawListener {
 public:
  RawListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
  }
  Port port() const { return net::LocalAddressOf(fd_.get()).port(); }
  // Unless `peer` is there already. False: nobody has come.
  bool Accept(std::optional<RawPeer>& peer) const {
    if (peer) return true;
    net::UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid()) peer.emplace(std::move(fd));
    return peer.has_value();
  }

 private:
  net::UniqueFd fd_;
};

class ReverseReplyTest : public ReverseNetTest {
 protected:
  ReverseClientOptions AheadOptions() const {
    ReverseClientOptions options = ClientOptions();
    options.core.ahead = 8;
    return options;
  }
  // And two connections for callers to come.
  void StartClientAhead() {
    client_ = MakeClient(AheadOptions());
    ASSERT_TRUE(RunUntil([this] { return server_->counters().ahead == 2; }));
  }

  // A client by hand, as far as the reply to its data connection.
  void ServeCallerWhoSends(const std::string& early) {
    StartServer();
    control_.emplace(server_->client_port());
    control_->Send("RT1 CONTROL\n");
    ASSERT_TRUE(RunUntil([this] { return control_->Receive(); }));
    caller_.emplace(server_->caller_port(0));
    caller_->Send(early);
    ASSERT_TRUE(RunUntil([this] { return control_->Receive(); }));
    ASSERT_EQ(control_->last().rfind("NEW_CONN ", 0), 0u) << control_->last();
    data_.emplace(server_->client_port());
    data_->Send("RT1 DATA " + control_->last().substr(9, 32) + "\n");
    ASSERT_TRUE(RunUntil([this] { return data_->Receive(); }));
  }

  std::optional<RawPeer> control_;
  std::optional<RawPeer> caller_;
  std::optional<RawPeer> data_;
};

// Its client finds both in one read.
TEST_F(ReverseReplyTest, TakesTheFirstBytesOfTheCallerAlong) {
  ServeCallerWhoSends("hello");
  EXPECT_EQ(data_->last(), "OK\nhello");
  EXPECT_EQ(server_->counters().bytes_in, 5u);
  caller_->Send(" and more");
  ASSERT_TRUE(RunUntil([this] { return data_->Receive(); }));
  EXPECT_EQ(data_->last(), " and more");
  EXPECT_EQ(server_->counters().bytes_in, 14u);
}

TEST_F(ReverseReplyTest, WaitsForNoCallerWhoSaysNothing) {
  ServeCallerWhoSends("");
  EXPECT_EQ(data_->last(), "OK\n");
  data_->Send("the target speaks");
  ASSERT_TRUE(RunUntil([this] { return caller_->Receive(); }));
  EXPECT_EQ(caller_->last(), "the target speaks");
}

// The bytes of "Used again" in docs/reverse.md, by a client by hand.
TEST_F(ReverseReplyTest, OneConnectionServesCallerAfterCaller) {
  StartServer();
  control_.emplace(server_->client_port());
  control_->Send("RT1 CONTROL ahead=1 reuse=1\n");
  std::string said;
  const auto told = [&](const char* word) {
    if (control_->Receive()) said += control_->last();
    return said.find(word) != std::string::npos && said.back() == '\n';
  };
  ASSERT_TRUE(RunUntil([&] { return told("AHEAD "); }));
  const std::string conn = said.substr(said.find("AHEAD ") + 6, 32);
  data_.emplace(server_->client_port());
  data_->Send("RT1 DATA " + conn + "\n");
  ASSERT_TRUE(RunUntil([this] { return server_->counters().ahead == 1; }));
  for (const std::string body : {"a", "b", "c"}) {
    caller_.emplace(server_->caller_port(0));
    caller_->Send(body);
    ASSERT_TRUE(RunUntil([this] { return data_->Receive(); }));
    EXPECT_EQ(data_->last().rfind("OK src=127.0.0.1:", 0), 0u) << data_->last();
    EXPECT_EQ(data_->last().substr(data_->last().find('\n')), std::string("\n\0\1", 3) + body);
    data_->Send(std::string("\0\2hi\0\0", 6));
    ASSERT_TRUE(RunUntil([this] { return caller_->Receive(); }));
    EXPECT_EQ(caller_->last(), "hi");
    caller_.reset();
    ASSERT_TRUE(RunUntil([this] { return data_->Receive(); }));
    EXPECT_EQ(data_->last(), std::string("\0\0", 2));
    said.clear();
    control_->Send("READY " + conn + "\nPING 7\n");
    ASSERT_TRUE(RunUntil([&] { return told("PONG 7"); }));
  }
  EXPECT_EQ(server_->counters().paired_ahead, 3u);
  EXPECT_EQ(server_->counters().bytes_in, 3u);
  EXPECT_EQ(server_->counters().bytes_out, 6u);
}

// Those are not used again.
TEST_F(ReverseReplyTest, LongCallersThroughConnectionsOpenedAhead) {
  StartTarget(Sends(300000));
  StartServer();
  StartClientAhead();
  for (size_t served = 1; served <= 4; ++served) {
    Call(Sends(served % 2 == 0 ? 400000 : 10));
    ASSERT_TRUE(RunUntil([&] { return CallersDone(served); }));
    EXPECT_TRUE(callers_.back()->intact());
    EXPECT_EQ(callers_.back()->received(), 300000u);
    EXPECT_TRUE(targets_.back()->intact());
    EXPECT_TRUE(callers_.back()->read_end());
    ASSERT_TRUE(Quiet());
  }
}

TEST_F(ReverseReplyTest, AResetEndsNeitherTheClientNorTheNextCaller) {
  StartTarget(Sends(1000));
  StartServer();
  StartClientAhead();
  support::StreamUserPlan plan = Sends(1000);
  for (size_t served = 1; served <= 6; ++served) {
    plan.end = served % 2 == 1 ? support::StreamUserPlan::End::kReset
                               : support::StreamUserPlan::End::kAfterReading;
    Call(plan);
    ASSERT_TRUE(RunUntil([&] { return CallersDone(served); }));
    if (served % 2 == 1) continue;
    EXPECT_EQ(callers_.back()->received(), 1000u);
    EXPECT_TRUE(callers_.back()->intact());
  }
  ASSERT_TRUE(Quiet());
  EXPECT_EQ(client_->counters().reconnects, 0u);
}

// Its connection could serve the next one, for whom there is no client any more: a reset would
// overtake what the server has not got yet.
TEST_F(ReverseReplyTest, TheLastCallerOfAClientThatStopsGetsEverything) {
  StartTarget(AnswersAfterEnd(20000));
  RawListener server;
  ReverseClientOptions options;
  options.server = HostPort{"127.0.0.1", server.port()};
  options.target = HostPort{"127.0.0.1", target_->port()};
  options.core.ahead = 1;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([&] { return server.Accept(control_) && control_->Receive(); }));
  const std::string conn(32, 'a');
  control_->Send("OK session=0011223344556677 ahead=1 reuse=1\nAHEAD " + conn + "\n");
  ASSERT_TRUE(RunUntil([&] { return server.Accept(data_) && data_->Receive(); }));
  data_->Send("OK src=192.0.2.9:1\n" + std::string("\0\0", 2));
  ASSERT_TRUE(RunUntil([this] { return client_->counters().active == 1; }));
  client_->Stop();
  ASSERT_TRUE(RunUntil([this] { return client_end_.has_value(); }));
  size_t received = 0;
  while (data_->Receive()) received += data_->last().size();
  EXPECT_GT(received, 20000u);
  EXPECT_TRUE(data_->ended()) << "not reset";
}

TEST_F(ReverseReplyTest, ServesCallersThroughConnectionsOpenedAhead) {
  StartTarget(Sends(30000));
  StartServer();
  StartClientAhead();
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 10; ++i) Call(Sends(20000));
    ASSERT_TRUE(RunUntil([&] { return CallersDone(static_cast<size_t>(round) * 10); }));
    for (const auto& caller : callers_) {
      EXPECT_TRUE(caller->intact());
      EXPECT_EQ(caller->received(), 30000u);
    }
    ASSERT_TRUE(Quiet());
    ASSERT_TRUE(RunUntil([this] { return server_->counters().ahead >= 2; })) << "refilled";
  }
  EXPECT_GE(server_->counters().paired_ahead, 6u);
  EXPECT_EQ(server_->counters().paired, 30u);
  EXPECT_EQ(client_->counters().paired_ahead, server_->counters().paired_ahead);
  EXPECT_LE(server_->counters().ahead, 8u);
  EXPECT_EQ(client_->counters().pending, 0u);
}

// What the kernel knows to be dead is found out before a byte of the caller is taken.
TEST_F(ReverseReplyTest, ACallerOutlivesADeadConnectionAhead) {
  StartTarget(Sends(1000));
  StartServer();
  StartClientAhead();
  Call(Sends(1000));
  client_.reset();  // everything is reset; the server has not looked yet
  client_ = MakeClient(AheadOptions());
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_TRUE(callers_[0]->intact());
  EXPECT_EQ(callers_[0]->received(), 1000u);
  EXPECT_EQ(server_->counters().paired, 1u) << "a dead connection pairs nobody";
}

}  // namespace
}  // namespace ming::reverse
