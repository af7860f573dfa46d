// The real binary as it runs: what it prints, how it stops, what it does to its process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "ming/net/unique_fd.h"

#include "subprocess.h"
#include "test_folder.h"
#include "test_sockets.h"

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class Running : public TestFolder {
 protected:
  static std::vector<std::string> ServerWords(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"server", "--addr", "127.0.0.1:0"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

uint16_t PrintedPort(Subprocess& server) {
  EXPECT_TRUE(server.WaitForOutput("--local localhost:2222\n")) << server.errors();
  return PortAfter(server.output(), "listening on 127.0.0.1:");
}

// A WebSocket connection that never answers, so that an orderly stop has to wait for it.
net::UniqueFd SilentWebSocket(uint16_t port) {
  net::UniqueFd fd = ConnectTo(port);
  const std::string request =
      "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  SendAll(fd, request);
  std::string answer;
  std::array<char, 512> block{};
  while (answer.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(fd.get(), block.data(), block.size(), 0);
    if (count <= 0) break;
    answer.append(block.data(), static_cast<size_t>(count));
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
  return fd;
}

std::string ProcFile(const Subprocess& process, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(process.pid()) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_F(Running, ServerPrintsItsRealPortAndWhatToTypeNext) {
  Subprocess server(ServerWords());
  const uint16_t port = PrintedPort(server);
  EXPECT_NE(port, 0);
  const std::string url = "ws://127.0.0.1:" + std::to_string(port);
  EXPECT_THAT(server.output(), StartsWith("ming server: listening on 127.0.0.1:"));
  EXPECT_THAT(server.output(), HasSubstr("ming host --id myhost --signal " + url + " "));
  EXPECT_THAT(server.output(), HasSubstr("ming client --id myhost --signal " + url + " "));
  EXPECT_TRUE(ConnectTo(port).valid());
}

TEST_F(Running, SignalsStopInOrder) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    Subprocess server(ServerWords());
    PrintedPort(server);
    server.Signal(signal);
    EXPECT_EQ(server.WaitForExit(), 0);
    EXPECT_THAT(server.errors(), HasSubstr("Stopping: "));
  }
}

TEST_F(Running, NohupOutlivesItsTerminal) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGHUP, &ignore, &before), 0);
  Subprocess server(ServerWords());
  ASSERT_EQ(::sigaction(SIGHUP, &before, nullptr), 0);
  const uint16_t port = PrintedPort(server);
  server.Signal(SIGHUP);
  EXPECT_TRUE(SilentWebSocket(port).valid());
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
}

TEST_F(Running, SecondSignalStopsAtOnce) {
  Subprocess server(ServerWords({"--drain-timeout", "1h"}));
  const net::UniqueFd silent = SilentWebSocket(PrintedPort(server));
  server.Signal(SIGTERM);
  EXPECT_TRUE(server.WaitForErrors("Stopping: "));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
}

TEST_F(Running, DrainHasALimit) {
  Subprocess server(ServerWords({"--drain-timeout", "100ms"}));
  const net::UniqueFd silent = SilentWebSocket(PrintedPort(server));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
}

TEST_F(Running, ModeAndYamlRunTheSameServer) {
  Write("config.yaml", "mode: server\nserver:\n  addr: \"127.0.0.1:0\"\n");
  Subprocess server({"-alsologtostderr"});
  PrintedPort(server);
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
}

TEST_F(Running, DescriptorLimitIsRaised) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  Subprocess server(ServerWords());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  PrintedPort(server);
  EXPECT_THAT(ProcFile(server, "limits"),
              HasSubstr("Max open files            " + std::to_string(before.rlim_max)));
}

TEST_F(Running, ClosedOutputIsNoReasonToDie) {
  Subprocess version({"version"}, {}, Subprocess::Streams::kNobodyReads);
  EXPECT_EQ(version.WaitForExit(), 0);
}

// What a process tells its service manager.
class NotifySocket {
 public:
  explicit NotifySocket(std::string path)
      : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_LT(path_.size(), sizeof(address.sun_path));
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
  }
  const std::string& path() const { return path_; }
  std::string Receive() const {
    std::array<char, 64> block{};
    const ssize_t count = ::recv(socket_.get(), block.data(), block.size(), 0);
    return std::string(block.data(), static_cast<size_t>(count));
  }

 private:
  const std::string path_;
  const net::UniqueFd socket_;
};

TEST_F(Running, ClosedStreamsGiveTheirNumbersToNoSocket) {
  const NotifySocket manager(folder() / "notify");
  Subprocess server(ServerWords(), {{"NOTIFY_SOCKET", manager.path()}},
                    Subprocess::Streams::kClosed);
  EXPECT_EQ(manager.Receive(), "READY=1");
  for (const char* fd : {"0", "1", "2"}) {
    const std::filesystem::path link =
        std::filesystem::path("/proc") / std::to_string(server.pid()) / "fd" / fd;
    EXPECT_EQ(std::filesystem::read_symlink(link), "/dev/null") << fd;
  }
}

TEST_F(Running, TellsTheServiceManager) {
  const NotifySocket manager(folder() / "notify");
  Subprocess server(ServerWords(), {{"NOTIFY_SOCKET", manager.path()}});
  EXPECT_EQ(manager.Receive(), "READY=1");
  server.Signal(SIGTERM);
  EXPECT_EQ(manager.Receive(), "STOPPING=1");
  EXPECT_EQ(server.WaitForExit(), 0);
}

TEST_F(Running, PipeGetsNeitherColoursNorAStatusLine) {
  Subprocess server(ServerWords({"-colorlogtostderr"}));
  PrintedPort(server);
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
  EXPECT_THAT(server.errors(), Not(HasSubstr("\033")));
  EXPECT_THAT(server.errors(), Not(HasSubstr("\r")));
}

TEST_F(Running, TerminalGetsAStatusLine) {
  Subprocess server(ServerWords(), {{"TERM", "xterm"}}, Subprocess::Streams::kTerminal);
  EXPECT_TRUE(server.WaitForErrors("\r\033[Kserving: 0 hosts, 0 clients, "));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
  // The line makes room for log lines.
  EXPECT_THAT(server.errors(), MatchesRegex("(.|\n)*\r\033\\[KI[0-9]+ [^\n]*Stopping: (.|\n)*"));
}

TEST_F(Running, TerminalGetsColoursOnlyWhenWanted) {
  const std::vector<std::string> words =
      ServerWords({"-colorlogtostderr", "--valid-tokens", "visible"});
  {
    Subprocess server(words, {{"TERM", "xterm"}, {"NO_COLOR", "1"}},
                      Subprocess::Streams::kTerminal);
    EXPECT_TRUE(server.WaitForErrors("is visible"));
    EXPECT_THAT(server.errors(), Not(HasSubstr("\033[0;3")));
  }
  Subprocess server(words, {{"TERM", "xterm"}}, Subprocess::Streams::kTerminal);
  EXPECT_TRUE(server.WaitForErrors("is visible"));
  EXPECT_THAT(server.errors(), HasSubstr("\033[0;33m"));
}

TEST_F(Running, LogFilesOnlyWhereTheyAreWanted) {
  std::filesystem::create_directory("logs");
  Subprocess without(ServerWords(), {{"TMPDIR", folder().string()}});
  PrintedPort(without);
  without.Signal(SIGTERM);
  EXPECT_EQ(without.WaitForExit(), 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder())) {
    EXPECT_TRUE(entry.is_directory()) << entry.path();
  }
  Subprocess with(ServerWords({"-log_dir=logs"}));
  PrintedPort(with);
  with.Signal(SIGTERM);
  EXPECT_EQ(with.WaitForExit(), 0);
  EXPECT_TRUE(std::filesystem::exists("logs/ming.INFO"));
  EXPECT_THAT(with.errors(), HasSubstr("Stopping: "));
}

TEST_F(Running, LogLinesAreOneLineEach) {
  Subprocess server(ServerWords({"-v=2"}));
  PrintedPort(server);
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
  std::istringstream lines(server.errors());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_THAT(line,
                MatchesRegex("[IWEF][0-9]{8} [0-9:.]+ +[0-9]+ [a-z_]+\\.(cc|h):[0-9]+\\] .+"));
  }
}

TEST_F(Running, VersionForPeopleAndPrograms) {
  const RunResult text = RunMing({"version"});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.output, MatchesRegex("ming [0-9.]+ \\(commit [0-9a-z-]+\\)\n(  .+\n)+"));
  EXPECT_EQ(RunMing({"--version"}).output, text.output);
  const RunResult json = RunMing({"version", "--json"});
  EXPECT_EQ(json.code, 0);
  const nlohmann::json parsed = nlohmann::json::parse(json.output, nullptr, false);
  ASSERT_TRUE(parsed.is_object());
  EXPECT_EQ(parsed["version"], 1);
  for (const char* library : {"libnice", "GnuTLS", "usrsctp", "libwebsockets", "nlohmann-json",
                              "glog", "gflags", "yaml-cpp"}) {
    EXPECT_TRUE(parsed["libraries"].contains(library)) << library;
  }
}

// The first screen of each help is in a file of its own; the other flags change more often.
TEST_F(Running, HelpScreensAreAsReviewed) {
  constexpr int kScreenLines = 24;
  for (const std::string name : {"overview", "server", "host", "client", "demo", "health", "status",
                                 "conformance", "version", "reverse server", "reverse client"}) {
    const RunResult result = name == "overview" ? RunMing({"help"}) : RunMing({"help", name});
    EXPECT_EQ(result.code, 0);
    EXPECT_THAT(result.errors, IsEmpty());
    std::istringstream lines(result.output);
    std::string screen;
    std::string line;
    for (int i = 0; i < kScreenLines && std::getline(lines, line); ++i) screen += line + "\n";
    std::ifstream file(std::string(MING_GOLDEN_FOLDER) + "/help_" + name + ".txt");
    const std::string golden((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>());
    EXPECT_EQ(screen, golden) << name;
  }
}

TEST_F(Running, HealthOfARunningServer) {
  Subprocess server(ServerWords({"--admin", "127.0.0.1:0"}));
  PrintedPort(server);
  ASSERT_TRUE(server.WaitForErrors("(HTTP: "));
  const std::string admin =
      "127.0.0.1:" + std::to_string(PortAfter(server.errors(), "listening on 127.0.0.1:"));
  for (const std::string word : {"--ready", "--ready=false"}) {
    const RunResult health = RunMing({"health", word}, {{"MING_ADMIN", admin}});
    EXPECT_EQ(health.code, 0) << health.errors;
    EXPECT_EQ(health.output, (word == "--ready" ? "ready: " : "healthy: ") + admin + "\n");
  }
  const RunResult status = RunMing({"status", "--admin", admin});
  EXPECT_EQ(status.code, 0) << status.errors;
  EXPECT_THAT(status.output, StartsWith("role "));
  EXPECT_THAT(status.output, HasSubstr("\nready                       "));
  const RunResult json = RunMing({"status", "--json", "--admin", admin});
  const nlohmann::json parsed = nlohmann::json::parse(json.output, nullptr, false);
  ASSERT_TRUE(parsed.is_object()) << json.output;
  EXPECT_EQ(parsed["version"], 1);
  EXPECT_EQ(parsed["role"], "server");
  EXPECT_EQ(parsed["metrics"]["signaling_hosts"], 0);
  // Another interface of the same process is none of it.
  const RunResult other =
      RunMing({"status", "--admin", "127.0.0.1:" + std::to_string(PrintedPort(server))});
  EXPECT_EQ(other.code, 4);

  server.Signal(SIGSTOP);
  const RunResult frozen = RunMing({"health", "--admin", admin, "--timeout", "200ms"});
  EXPECT_EQ(frozen.code, 3);
  EXPECT_THAT(frozen.errors, HasSubstr("no answer in time"));
  server.Signal(SIGCONT);
  EXPECT_EQ(RunMing({"health", "--admin", admin}).code, 0);
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
  const RunResult gone = RunMing({"health", "--admin", admin});
  EXPECT_EQ(gone.code, 5);
  EXPECT_THAT(gone.errors, StartsWith("ming: http://" + admin + "/healthz: "));
  EXPECT_EQ(RunMing({"health", "--admin", "localhost:0"}).code, 2);
}

TEST_F(Running, AHostWithoutServerLivesAndIsNotReady) {
  ListeningSocket silent;
  Subprocess host({"host", "--id", "x", "--signal", "ws://" + silent.address(), "--admin", ":0"});
  ASSERT_TRUE(host.WaitForErrors("keeps them to this machine"));
  EXPECT_THAT(host.errors(), HasSubstr("anybody who reaches :"));
  // "Everywhere" is asked at this machine.
  const std::string admin = ":" + std::to_string(PortAfter(host.errors(), "listening on :"));
  EXPECT_EQ(RunMing({"health", "--admin", admin}).code, 0);
  const RunResult ready = RunMing({"health", "--ready", "--admin", admin});
  EXPECT_EQ(ready.code, 1);
  EXPECT_THAT(ready.errors, HasSubstr("not ready: not registered"));
}

TEST_F(Running, AdminNeedsItsAddress) {
  ListeningSocket taken;
  const RunResult server = RunMing({"server", "--addr", "127.0.0.1:0", "--admin", taken.address()});
  EXPECT_EQ(server.code, 1);
  EXPECT_THAT(server.errors, HasSubstr("choose another with --admin"));
}

TEST_F(Running, EveryWayToHelpIsTheSame) {
  const std::string host = RunMing({"help", "host"}).output;
  EXPECT_EQ(RunMing({"host", "--help"}).output, host);
  EXPECT_EQ(RunMing({"host", "-h"}).output, host);
  EXPECT_EQ(RunMing({"--mode", "host", "--help"}).output, host);
  EXPECT_EQ(RunMing({"--help"}).output, RunMing({"help"}).output);
}

}  // namespace
}  // namespace ming::cli
