// Server, host and client as three processes: how they meet, and how each of them ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "ming/net/unique_fd.h"

#include "subprocess.h"
#include "test_folder.h"
#include "test_sockets.h"

namespace ming::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What a process says last, which is why it ended.
std::string LastLine(const std::string& text) {
  const size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  return text.substr(text.rfind('\n', end) + 1, end - text.rfind('\n', end));
}

class Tunnel : public TestFolder {
 protected:
  // A server that wants the token in the file "token".
  Tunnel() {
    Write("token", "s3cret\n");
    server_.emplace(std::vector<std::string>{"--mode", "server", "--addr", "127.0.0.1:0",
                                             "--valid-tokens-file", "token"});
    EXPECT_TRUE(server_->WaitForOutput("--local localhost:2222\n")) << server_->errors();
    url_ = "ws://127.0.0.1:" + std::to_string(PortAfter(server_->output(), "on 127.0.0.1:"));
  }

  std::vector<std::string> HostWords(const std::vector<std::string>& more) const {
    return Words({"--mode", "host", "--signal", url_, "--id", "myhost", "--stun-server", "none"},
                 more);
  }
  std::vector<std::string> ClientWords(const std::vector<std::string>& more) const {
    return Words({"--mode", "client", "--signal", url_, "--id", "myhost", "--local", "127.0.0.1:0",
                  "--stun-server", "none"},
                 more);
  }
  static std::vector<std::string> Words(std::vector<std::string> words,
                                        const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  std::optional<Subprocess> server_;
  std::string url_;
};

TEST_F(Tunnel, CarriesBytesAndStopsInOrder) {
  const ListeningSocket target;
  Subprocess host(HostWords(
      {"--token-file", "token", "--remote", target.address(), "--drain-timeout", "50ms"}));
  EXPECT_TRUE(server_->WaitForErrors("Host registered: myhost"));
  Subprocess client(ClientWords({"--token-file", "token"}));
  EXPECT_TRUE(client.WaitForErrors("Connected: direct udp")) << client.errors();
  EXPECT_THAT(client.output(), StartsWith("ming client: listening on 127.0.0.1:"));
  EXPECT_THAT(client.output(), HasSubstr("ming host --id myhost --signal " + url_));
  EXPECT_TRUE(host.WaitForOutput("ming client --id myhost --signal " + url_));
  EXPECT_THAT(host.output(), StartsWith("ming host: forwarding tcp of clients of \"myhost\" to " +
                                        target.address()));

  const net::UniqueFd near = ConnectTo(PortAfter(client.output(), "on 127.0.0.1:"));
  const net::UniqueFd far = target.Accept();
  SendAll(near, "there");
  EXPECT_EQ(ReceiveExactly(far, 5), "there");
  SendAll(far, "and back");
  EXPECT_EQ(ReceiveExactly(near, 8), "and back");

  client.Signal(SIGTERM);
  EXPECT_TRUE(client.WaitForErrors("Stopping: "));
  client.Signal(SIGTERM);  // the connection would hold it up
  EXPECT_EQ(client.WaitForExit(), 0);
  host.Signal(SIGTERM);
  EXPECT_EQ(host.WaitForExit(), 0);
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->WaitForExit(), 0);
}

TEST_F(Tunnel, DrainEndsWhenItsTimeIsOver) {
  const ListeningSocket target;
  Subprocess host(HostWords({"--token-file", "token", "--remote", target.address()}));
  EXPECT_TRUE(server_->WaitForErrors("Host registered: myhost"));
  Subprocess client(ClientWords({"--token-file", "token", "--drain-timeout", "50ms"}));
  EXPECT_TRUE(client.WaitForErrors("Connected: direct udp")) << client.errors();
  const net::UniqueFd near = ConnectTo(PortAfter(client.output(), "on 127.0.0.1:"));
  const net::UniqueFd far = target.Accept();
  client.Signal(SIGTERM);
  EXPECT_EQ(client.WaitForExit(), 0);
}

TEST_F(Tunnel, UnknownHost) {
  const RunResult result = RunMing(ClientWords({"--token-file", "token", "--wait", "300ms"}));
  EXPECT_EQ(result.code, 5);
  EXPECT_EQ(LastLine(result.errors),
            "ming: target host 'myhost' not found (is `ming host --id myhost` running, with the "
            "same --signal?)");
}

TEST_F(Tunnel, BadToken) {
  Write("wrong", "wrong\n");
  for (const auto& words : {ClientWords({"--token-file", "wrong"}),
                            HostWords({"--token-file", "wrong"}), HostWords({})}) {
    const RunResult result = RunMing(words);
    EXPECT_EQ(result.code, 4);
    EXPECT_THAT(LastLine(result.errors),
                EndsWith("the server refuses our token (check --token-file and the server's "
                         "--valid-tokens-file)"));
  }
}

TEST_F(Tunnel, RefusalOfTheHostIsNotBlamedOnTheToken) {
  Subprocess host(HostWords({"--token-file", "token"}));
  EXPECT_TRUE(server_->WaitForErrors("Host registered: myhost"));
  const RunResult result =
      RunMing(ClientWords({"--token-file", "token", "--wait", "300ms", "--protocol", "udp"}));
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(LastLine(result.errors), HasSubstr("the host tunnels tcp"));
  EXPECT_THAT(LastLine(result.errors), Not(HasSubstr("--token-file")));
}

TEST_F(Tunnel, IdTaken) {
  Subprocess host(HostWords({"--token-file", "token"}));
  EXPECT_TRUE(server_->WaitForErrors("Host registered: myhost"));
  const RunResult second = RunMing(HostWords({"--token-file", "token"}));
  EXPECT_EQ(second.code, 4);
  EXPECT_EQ(LastLine(second.errors),
            "ming: host with ID 'myhost' already registered (choose another --id, or stop the host "
            "that has it)");
}

TEST_F(Tunnel, ServerUnreachable) {
  const std::string nowhere = "ws://" + ListeningSocket().address();  // closed again
  for (const std::string mode : {"host", "client"}) {
    std::vector<std::string> words = {mode, "--id", "x", "--signal", nowhere, "--wait", "300ms"};
    if (mode == "client") words = Words(words, {"--local", "127.0.0.1:0"});
    const RunResult result = RunMing(words);
    EXPECT_EQ(result.code, 3);
    EXPECT_THAT(LastLine(result.errors), StartsWith("ming: cannot connect to " + nowhere));
    EXPECT_THAT(LastLine(result.errors), HasSubstr("is `ming server` running there?"));
  }
}

TEST_F(Tunnel, TerminalOfAClientShowsItsState) {
  Subprocess client(ClientWords({"--token-file", "token", "--wait", "1h"}), {{"TERM", "xterm"}},
                    Subprocess::Streams::kTerminal);
  EXPECT_TRUE(client.WaitForErrors("0 B/s, 0 connections")) << client.errors();
  Subprocess host(HostWords({"--token-file", "token"}));
  EXPECT_TRUE(client.WaitForErrors("\r\033[Kconnected: direct udp")) << client.errors();
  client.Signal(SIGINT);
  EXPECT_EQ(client.WaitForExit(), 0);
}

TEST(Demo, ChecksTheWholeTunnelAndSaysWhatToTypeNext) {
  const RunResult result = RunMing({"demo", "--bytes", "1M", "--datagrams", "50"});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, StartsWith("ming demo: "));
  EXPECT_THAT(result.output, HasSubstr("Everything that was sent arrived"));
  EXPECT_THAT(result.output, HasSubstr("50 of 50 returned, 0 damaged"));
  EXPECT_THAT(result.output, HasSubstr("\nming client --signal "));
  EXPECT_EQ(result.errors, "");
}

TEST(Demo, InterruptedIsNotASuccess) {
  Subprocess demo({"demo", "--bytes", "1GB"});
  EXPECT_TRUE(demo.WaitForOutput("connecting: "));
  demo.Signal(SIGINT);
  EXPECT_EQ(demo.WaitForExit(), 1);
  EXPECT_EQ(LastLine(demo.errors()), "ming: demo: interrupted");
}

}  // namespace
}  // namespace ming::cli
