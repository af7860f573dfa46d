// A peer in another process that is stopped, goes on, and is killed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "ming/net/fd_watch.h"
#include "ming/net/unique_fd.h"

#include "peer_world.h"

namespace ming::webrtc {
namespace {

using ::testing::ElementsAre;
using State = ConnectionState;

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// The program of peer_process.cc.
class PeerProcess {
 public:
  PeerProcess() {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    CHECK_EQ(pipe2(in.data(), O_CLOEXEC), 0);
    CHECK_EQ(pipe2(out.data(), O_CLOEXEC), 0);
    to_ = net::UniqueFd(in[1]);
    from_ = net::UniqueFd(out[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string path = MING_PEER_PROCESS;
    std::array<char*, 2> arguments = {path.data(), nullptr};
    CHECK_EQ(posix_spawn(&pid_, path.c_str(), &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
  }
  ~PeerProcess() { Kill(); }
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  std::string Answer(Loop& loop, const std::string& offer) {
    const std::string line = Replaced(offer, "\r\n", "|") + "\n";
    CHECK_EQ(write(to_.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
    std::string answer;
    net::FdWatch watch(loop.reactor, from_.get(), [this, &answer](uint32_t /*events*/) {
      std::array<char, 4096> bytes{};
      const ssize_t size = read(from_.get(), bytes.data(), bytes.size());
      if (size > 0) answer.append(bytes.data(), static_cast<size_t>(size));
    });
    watch.SetEvents(EPOLLIN);
    EXPECT_TRUE(loop.RunUntil([&] { return !answer.empty() && answer.back() == '\n'; }));
    answer.pop_back();
    return Replaced(answer, "|", "\r\n");
  }
  void Signal(int signal) const { kill(pid_, signal); }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  net::UniqueFd to_;
  net::UniqueFd from_;
  pid_t pid_ = -1;
};

class LivenessTest : public DescriptorCheck {
 protected:
  void Connect(Loop& loop, TestPeer& peer, PeerProcess& process) {
    const std::string offer =
        peer.connection->CreateOffer(PeerConnection::OfferKind::kFirst).value();
    ASSERT_TRUE(peer.connection->SetAnswer(process.Answer(loop, offer)).ok());
    ASSERT_TRUE(loop.RunUntil([&] { return peer.connection->state() == State::kConnected; }));
  }
};

TEST_F(LivenessTest, AVanishedPeerIsDisconnectedThenFailed) {
  Loop loop;
  PeerConnectionOptions options = LoopbackOptions();
  options.liveness.failed_after = std::chrono::seconds(2);
  TestPeer peer(loop, options);
  TestChannel& channel = peer.Open("echo");
  PeerProcess process;
  Connect(loop, peer, process);
  channel.SendText("there?");
  ASSERT_TRUE(loop.RunUntil([&] { return channel.count == 1; }));
  process.Kill();
  const Timestamp killed = loop.reactor.Now();
  ASSERT_TRUE(loop.RunUntil([&] { return peer.Reached(State::kDisconnected); }));
  EXPECT_LT(loop.reactor.Now() - killed, std::chrono::milliseconds(3500));
  EXPECT_EQ(channel.SendText("kept for later"), link::SendResult::kAccepted);
  ASSERT_TRUE(loop.RunUntil([&] { return !peer.closed.empty(); }));
  EXPECT_LT(loop.reactor.Now() - killed, std::chrono::seconds(8));
  EXPECT_EQ(peer.closed[0].code(), StatusCode::kTimeout);
  EXPECT_EQ(channel.closed.size(), 1u);
  EXPECT_THAT(peer.states, ElementsAre(State::kConnecting, State::kConnected, State::kDisconnected,
                                       State::kFailed));
}

TEST_F(LivenessTest, AnIdleConnectionStaysConnected) {
  Loop loop;
  TestPeer peer(loop, LoopbackOptions());
  peer.Open("sink");
  PeerProcess process;
  Connect(loop, peer, process);
  loop.RunFor(std::chrono::seconds(6));
  EXPECT_THAT(peer.states, ElementsAre(State::kConnecting, State::kConnected));
}

TEST_F(LivenessTest, APeerThatComesBackIsConnectedAgain) {
  Loop loop;
  TestPeer peer(loop, LoopbackOptions());
  TestChannel& channel = peer.Open("echo");
  PeerProcess process;
  Connect(loop, peer, process);
  process.Signal(SIGSTOP);
  ASSERT_TRUE(loop.RunUntil([&] { return peer.Reached(State::kDisconnected); }));
  channel.SendText("when you are back");
  process.Signal(SIGCONT);
  ASSERT_TRUE(loop.RunUntil([&] { return peer.connection->state() == State::kConnected; }));
  EXPECT_TRUE(loop.RunUntil([&] { return channel.count == 1; }));
}

}  // namespace
}  // namespace ming::webrtc
