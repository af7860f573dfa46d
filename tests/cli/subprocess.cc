#include "subprocess.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

namespace ming::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience(20);

int MillisecondsUntil(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

struct FdPair {
  net::UniqueFd ours;
  net::UniqueFd theirs;
};

FdPair MakePipe() {
  std::array<int, 2> fds{};
  PCHECK(::pipe2(fds.data(), O_CLOEXEC) == 0);
  return {net::UniqueFd(fds[0]), net::UniqueFd(fds[1])};
}

FdPair MakeTerminal() {
  int ours = -1;
  int theirs = -1;
  PCHECK(::openpty(&ours, &theirs, nullptr, nullptr, nullptr) == 0);
  PCHECK(::fcntl(ours, F_SETFD, FD_CLOEXEC) == 0);
  PCHECK(::fcntl(theirs, F_SETFD, FD_CLOEXEC) == 0);
  return {net::UniqueFd(ours), net::UniqueFd(theirs)};
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Appends what there is; closes `fd` at the end of the stream.
void ReadInto(net::UniqueFd& fd, std::string& text) {
  std::array<char, 4096> block{};
  const ssize_t count = ::read(fd.get(), block.data(), block.size());
  if (count > 0) {
    text.append(block.data(), static_cast<size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    fd.Close();  // a terminal without users reads as EIO
  }
}

}  // namespace

Subprocess::Subprocess(const std::vector<std::string>& words,
                       std::map<std::string, std::string> variables, Streams streams) {
  variables.emplace("PATH", "/usr/bin:/bin");
  variables.emplace("MING_STUN_SERVER", "none");
  std::vector<std::string> environment;
  environment.reserve(variables.size());
  for (const auto& [name, value] : variables) {
    environment.push_back(name);
    environment.back().append("=").append(value);
  }
  std::vector<std::string> arguments = {MING_BINARY};
  arguments.insert(arguments.end(), words.begin(), words.end());
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  FdPair output = MakePipe();
  FdPair errors = streams == Streams::kTerminal ? MakeTerminal() : MakePipe();
  if (streams == Streams::kNobodyReads) output.ours.Close();
  pid_ = ::fork();
  PCHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::dup2(output.theirs.get(), STDOUT_FILENO);
    ::dup2(errors.theirs.get(), STDERR_FILENO);
    if (streams == Streams::kClosed) {
      for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
    }
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  output_fd_ = std::move(output.ours);
  errors_fd_ = std::move(errors.ours);
}

Subprocess::~Subprocess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Subprocess::WaitForOutput(const std::string& text) { return WaitForText(text, output_); }

bool Subprocess::WaitForErrors(const std::string& text) { return WaitForText(text, errors_); }

bool Subprocess::WaitForText(const std::string& text, const std::string& where) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (where.find(text) == std::string::npos) {
    if (!ReadSome(MillisecondsUntil(deadline))) return where.find(text) != std::string::npos;
  }
  return true;
}

std::optional<int> Subprocess::WaitForExit() {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (output_fd_.valid() || errors_fd_.valid()) {
    if (!ReadSome(MillisecondsUntil(deadline)) && Clock::now() >= deadline) return std::nullopt;
  }
  int status = 0;
  PCHECK(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void Subprocess::Signal(int number) const { PCHECK(::kill(pid_, number) == 0); }

bool Subprocess::ReadSome(int milliseconds) {
  std::array<pollfd, 2> wanted = {{{output_fd_.get(), POLLIN, 0}, {errors_fd_.get(), POLLIN, 0}}};
  if (!output_fd_.valid() && !errors_fd_.valid()) return false;
  if (::poll(wanted.data(), wanted.size(), milliseconds) <= 0) return false;
  if (wanted[0].revents != 0) ReadInto(output_fd_, output_);
  if (wanted[1].revents != 0) ReadInto(errors_fd_, errors_);
  return true;
}

RunResult RunMing(const std::vector<std::string>& words,
                  const std::map<std::string, std::string>& variables) {
  Subprocess process(words, variables);
  const std::optional<int> code = process.WaitForExit();
  return {code.value_or(-1), process.output(), process.errors()};
}

}  // namespace ming::cli
