// The program of peer_process.cc: the other end of a connection as a process of its own.
#ifndef MING_TESTS_WEBRTC_PEER_PROCESS_H_
#define MING_TESTS_WEBRTC_PEER_PROCESS_H_

#include <fcntl.h>
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

inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class PeerProcess {
 public:
  // `interfaces`: what it may use, or "all".
  explicit PeerProcess(std::string interfaces = "lo") {
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
    std::array<char*, 3> arguments = {path.data(), interfaces.data(), nullptr};
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

}  // namespace ming::webrtc

#endif  // MING_TESTS_WEBRTC_PEER_PROCESS_H_
