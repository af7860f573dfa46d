// `ming reverse server` and `ming reverse client` as processes: how they meet, and how they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "subprocess.h"
#include "test_folder.h"
#include "test_sockets.h"

namespace ming::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Reverse : public TestFolder {
 protected:
  static std::vector<std::string> ServerWords(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"reverse",     "server",     "--listen-a",
                                      "127.0.0.1:0", "--listen-b", "127.0.0.1:0"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  // Where the client connects, as the server's first line says.
  static std::string ClientPort(const Subprocess& server) {
    return "127.0.0.1:" + std::to_string(PortAfter(server.output(), "client to 127.0.0.1:"));
  }
};

TEST_F(Reverse, MeetAndStopInOrder) {
  Subprocess server(ServerWords());
  ASSERT_TRUE(server.WaitForOutput("--target localhost:8080\n")) << server.errors();
  Subprocess client(
      {"reverse", "client", "--server", ClientPort(server), "--target", "localhost:1"});
  EXPECT_TRUE(client.WaitForErrors("event=client_up")) << client.errors();
  EXPECT_TRUE(server.WaitForErrors("event=client_up id=default"));
  EXPECT_THAT(server.errors(), HasSubstr("can pose as the client"));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(), 0);
  EXPECT_TRUE(client.WaitForErrors("event=reconnect_wait"));
  client.Signal(SIGTERM);
  EXPECT_EQ(client.WaitForExit(), 0);
}

TEST_F(Reverse, ALostServerIsTheEndWithoutReconnect) {
  Subprocess server(ServerWords());
  ASSERT_TRUE(server.WaitForOutput("--target localhost:8080\n"));
  Subprocess client({"reverse", "client", "--server", ClientPort(server), "--target", "localhost:1",
                     "--no-reconnect"});
  EXPECT_TRUE(client.WaitForErrors("event=client_up"));
  server.Signal(SIGKILL);
  EXPECT_EQ(client.WaitForExit(), 3);
}

TEST_F(Reverse, AReplacedClientEndsWithFive) {
  Subprocess server(ServerWords({"--second-client", "replace"}));
  ASSERT_TRUE(server.WaitForOutput("--target localhost:8080\n"));
  const std::vector<std::string> words = {"reverse",  "client",      "--server", ClientPort(server),
                                          "--target", "localhost:1", "--id",     "home"};
  Subprocess first(words);
  EXPECT_TRUE(first.WaitForErrors("event=client_up"));
  Subprocess second(words);
  EXPECT_EQ(first.WaitForExit(), 5);
  EXPECT_TRUE(second.WaitForErrors("event=client_up"));
}

TEST_F(Reverse, TakesItsSectionOfTheFileAndItsVariables) {
  Write("config.yaml",
        "listen-b: 127.0.0.1:0\nserver: {addr: ':1'}\n"
        "reverse-server: {listen-a: ['127.0.0.1:0=home']}\n"
        "reverse:\n  client:\n    target: localhost:1\n    id: home\n");
  Subprocess server({"reverse", "server"}, {{"MING_REVERSE_SERVER_UDP", "true"}});
  ASSERT_TRUE(server.WaitForOutput(" --id home --udp\n")) << server.errors();
  Subprocess client({"reverse", "client"}, {{"MING_REVERSE_CLIENT_SERVER", ClientPort(server)}});
  EXPECT_TRUE(server.WaitForErrors("event=client_up id=home")) << client.errors();
  Write("config.yaml", "reverse-server:\n  listen-c: ':1'\n");
  const RunResult refused = RunMing({"reverse", "server"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.errors, HasSubstr("config.yaml:2:3: unknown key \"listen-c\""));
}

TEST_F(Reverse, WrongUseIsExplained) {
  const auto error_of = [](const std::vector<std::string>& words) {
    const RunResult result = RunMing(words);
    EXPECT_EQ(result.code, 2) << result.errors;
    EXPECT_THAT(result.errors, StartsWith("ming: "));
    return result.errors;
  };
  EXPECT_THAT(error_of({"reverse"}),
              HasSubstr("which one: reverse server or reverse client? (see: ming help reverse)"));
  EXPECT_THAT(error_of({"reverse", "carry"}),
              HasSubstr("unknown command \"reverse carry\" (see: ming help reverse)"));
  EXPECT_THAT(error_of({"reverse", "sever"}), HasSubstr("did you mean \"reverse server\"?"));
  EXPECT_THAT(error_of({"reverse", "client", "--server", "a:1"}),
              HasSubstr("--target is required"));
  EXPECT_THAT(error_of({"reverse", "client", "--server", ":1", "--target", "b:2"}),
              HasSubstr("needs a host and a port"));
  EXPECT_THAT(error_of({"reverse", "client", "--server", "a:1", "--target", "b:2", "--id", "a b"}),
              HasSubstr("--id: a name is 1 to 64 of"));
  EXPECT_THAT(error_of({"reverse", "client", "--server", "a:1", "--target", "b:2", "--label", "/"}),
              HasSubstr("--label: a name is 1 to 64 of"));
  EXPECT_THAT(error_of({"reverse", "client", "--server", "a:1", "--target", "b:2", "--label",
                        "a,b,c,d,e,f,g,h,i"}),
              HasSubstr("--label: at most 8"));
  EXPECT_THAT(
      error_of({"reverse", "client", "--server", "a:1", "--target", "b:2", "--retry-min", "1m"}),
      HasSubstr("--retry-min: must not be more than --retry-max"));
  EXPECT_THAT(error_of({"reverse", "client", "--server", "a:1", "--target", "b:2", "--no-reconnect",
                        "--retry-count", "5"}),
              HasSubstr("--retry-count: means nothing with --no-reconnect"));
  EXPECT_THAT(error_of({"revers", "server"}), HasSubstr("did you mean \"reverse\"?"));
  EXPECT_THAT(error_of({"reverse", "server", "--listen-a", ""}),
              HasSubstr("--listen-a: needs an address"));
  EXPECT_THAT(error_of({"reverse", "server", "--heartbeat", "1ms"}),
              HasSubstr("--heartbeat: must be 10ms to 1h, or 0 for none"));
  EXPECT_THAT(error_of({"reverse", "server", "--pair-timeout", "10"}), HasSubstr("--pair-timeout"));
  EXPECT_THAT(error_of({"reverse", "server", "--listen-a", ":1=a/b"}),
              HasSubstr("the id of a client, or label:NAME"));
}

TEST_F(Reverse, AnotherTokenIsRefusedForGoodAndNeverLogged) {
  Write("right", "  right-token \nsecond line\n");
  Write("wrong", "wrong-token\n");
  std::filesystem::permissions("right", std::filesystem::perms::owner_read);
  std::filesystem::permissions("wrong", std::filesystem::perms::owner_read);
  Subprocess server(ServerWords({"--token-file", "right", "--log-level", "debug"}));
  ASSERT_TRUE(server.WaitForOutput("--target localhost:8080 --token-file FILE\n"))
      << server.errors();
  EXPECT_TRUE(server.WaitForErrors("without TLS all bytes are readable"));
  const auto client_words = [&server](const char* file) {
    return std::vector<std::string>{"reverse",  "client",      "--server",     ClientPort(server),
                                    "--target", "localhost:1", "--token-file", file};
  };
  const RunResult refused = RunMing(client_words("wrong"));
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.errors, HasSubstr("refused: AUTH (token): it judges --token-file"));
  Subprocess client(client_words("right"));
  EXPECT_TRUE(client.WaitForErrors("event=client_up")) << client.errors();
  EXPECT_THAT(client.errors(), HasSubstr("without TLS all bytes are readable"));
  for (const std::string& text : {server.errors(), client.errors(), refused.errors}) {
    EXPECT_THAT(text, Not(HasSubstr("right-token")));
    EXPECT_THAT(text, Not(HasSubstr("wrong-token")));
  }
}

TEST_F(Reverse, ATokenThatOthersMayReadIsRefused) {
  Write("open", "token\n");
  std::filesystem::permissions("open", std::filesystem::perms{0640});
  Write("blank", " \ntoken\n");
  std::filesystem::permissions("blank", std::filesystem::perms{0600});
  const auto error_of = [](const char* file) {
    const RunResult result = RunMing(ServerWords({"--token-file", file}));
    EXPECT_EQ(result.code, 1) << file;
    return result.errors;
  };
  EXPECT_THAT(error_of("open"), HasSubstr("chmod 600 open"));
  EXPECT_THAT(error_of("blank"), HasSubstr("no token in its first line"));
  EXPECT_THAT(error_of("missing"), HasSubstr("missing"));
}

TEST_F(Reverse, TlsFlagsThatMeanNothingAreErrors) {
  const auto error_of = [](const std::vector<std::string>& words) {
    const RunResult result = RunMing(words);
    EXPECT_EQ(result.code, 2) << result.errors;
    return result.errors;
  };
  EXPECT_THAT(error_of(ServerWords({"--tls-cert", "x"})), HasSubstr("needs --tls-key"));
  EXPECT_THAT(error_of(ServerWords({"--tls-key", "x"})), HasSubstr("needs --tls-cert"));
  EXPECT_THAT(error_of(ServerWords({"--tls-client-ca", "x"})), HasSubstr("needs --tls-cert"));
  for (const char* flag : {"--tls-ca", "--tls-name", "--tls-cert", "--tls-key"}) {
    EXPECT_THAT(error_of({"reverse", "client", "--server", "a:1", "--target", "b:2", flag, "x"}),
                HasSubstr("means nothing without --tls"))
        << flag;
  }
}

TEST_F(Reverse, TellsHowAClientOfItsListenersIsCalled) {
  Subprocess by_id({"reverse", "server", "--listen-a", "127.0.0.1:0=home", "--listen-b",
                    "127.0.0.1:0", "--udp"});
  EXPECT_TRUE(by_id.WaitForOutput("--target localhost:8080 --id home --udp\n")) << by_id.output();
  Subprocess by_label(
      {"reverse", "server", "--listen-a", "127.0.0.1:0=label:web", "--listen-b", "127.0.0.1:0"});
  EXPECT_TRUE(by_label.WaitForOutput("--target localhost:8080 --id NAME --label web\n"))
      << by_label.output();
}

TEST_F(Reverse, ShowsHelpAndVersionWhereverTheyAreAskedFor) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"reverse", "--help"}, {"reverse", "help"}, {"help", "reverse"}}) {
    const RunResult result = RunMing(words);
    EXPECT_EQ(result.code, 0);
    EXPECT_THAT(result.output, HasSubstr("ming reverse server --listen-a :18080"));
    EXPECT_THAT(result.output, HasSubstr("ming reverse client --server localhost:19090"));
    EXPECT_THAT(result.output, HasSubstr("`ming help reverse server` lists"));
  }
  EXPECT_EQ(RunMing({"reverse", "help", "client"}).output,
            RunMing({"help", "reverse", "client"}).output);
  const std::string version = RunMing({"version"}).output;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"reverse", "--version"},
                                                {"reverse", "server", "--version"},
                                                {"reverse", "client", "--version"}}) {
    const RunResult result = RunMing(words);
    EXPECT_EQ(result.code, 0) << result.errors;
    EXPECT_EQ(result.output, version);
  }
}

TEST_F(Reverse, AnOccupiedPortIsNamed) {
  const ListeningSocket taken;
  const RunResult result =
      RunMing({"reverse", "server", "--listen-a", taken.address(), "--listen-b", "127.0.0.1:0"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.errors, HasSubstr("cannot listen on " + taken.address()));
  EXPECT_THAT(result.errors, HasSubstr("choose another with --listen-a or --listen-b"));
}

}  // namespace
}  // namespace ming::cli
