// Wrong use of the real binary ends with one clear line and the right exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "subprocess.h"
#include "test_folder.h"
#include "test_sockets.h"

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class WrongUse : public TestFolder {
 protected:
  // The whole of standard error is `line`, standard output is empty.
  static void ExpectLine(const std::vector<std::string>& words, int code, const std::string& line) {
    const RunResult result = RunMing(words);
    EXPECT_EQ(result.code, code) << result.errors;
    EXPECT_EQ(result.errors, "ming: " + line + "\n");
    EXPECT_EQ(result.output, "");
  }
};

TEST_F(WrongUse, UnknownFlag) {
  ExpectLine({"host", "--id", "x", "--remoote", "localhost:1"}, 2,
             "unknown flag --remoote (argument 4); did you mean \"--remote\"? (see: ming help "
             "host)");
}

TEST_F(WrongUse, FlagOfAnotherCommand) {
  ExpectLine({"host", "--local=localhost:1"}, 2,
             "unknown flag --local (argument 2); it is a flag of client (see: ming help host)");
}

TEST_F(WrongUse, UnknownCommand) {
  ExpectLine({"hots"}, 2, "unknown command \"hots\"; did you mean \"host\"? (see: ming help)");
  ExpectLine({"help", "clinet"}, 2,
             "unknown command \"clinet\"; did you mean \"client\"? (see: ming help)");
}

TEST_F(WrongUse, BadMode) {
  ExpectLine({"--mode", "sideways"}, 2, "--mode: \"sideways\" is not server, host or client");
}

TEST_F(WrongUse, WordAgainstMode) {
  ExpectLine({"server", "--mode", "client"}, 2,
             "the command is server, but --mode says client: give one of them");
}

TEST_F(WrongUse, NoCommandShowsTheOverview) {
  const RunResult result = RunMing({});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.errors, HasSubstr("Commands:\n"));
  EXPECT_EQ(result.output, "");
}

TEST_F(WrongUse, IdMissing) {
  ExpectLine({"host"}, 2,
             "--id is required: the ID that clients reach this host by (--id ID) (see: ming help "
             "host)");
  ExpectLine({"--mode=client"}, 2,
             "--id is required: the ID of the host to reach (--id ID) (see: ming help client)");
}

TEST_F(WrongUse, IdEmptyOrTooLong) {
  ExpectLine({"client", "--id", ""}, 2, "--id: must not be empty");
  ExpectLine(
      {"client", "--id", std::string(129, 'x')}, 2,
      "--id: \"" + std::string(60, 'x') + "...\" is 129 bytes long; at most 128 are allowed");
}

TEST_F(WrongUse, BadValues) {
  ExpectLine({"host", "--id", "x", "--protocol", "sctp"}, 2,
             "--protocol: \"sctp\" is not tcp or udp");
  ExpectLine({"host", "--id", "x", "--wait", "10"}, 2,
             "--wait: '10' is no duration (want for example 300ms, 10s or 1m30s)");
  ExpectLine({"host", "--id", "x", "--remote", "localhost"}, 2,
             "--remote: 'localhost' lacks a port (want host:port)");
  ExpectLine({"server", "--max-connections", "0"}, 2,
             "--max-connections: \"0\" is out of range (1 to 1000000)");
}

TEST_F(WrongUse, BadYaml) {
  Write("bad.yaml", "mode: host\nremoote: localhost:1\n");
  ExpectLine({"--config", "bad.yaml"}, 2,
             "bad.yaml:2:1: unknown key \"remoote\"; did you mean \"remote\"?");
  Write("broken.yaml", "mode: [host\n");
  EXPECT_THAT(RunMing({"host", "--id", "x", "--config", "broken.yaml"}).errors,
              MatchesRegex("ming: broken\\.yaml:[0-9]+:[0-9]+: [^\n]+\n"));
}

TEST_F(WrongUse, UnreadableFiles) {
  ExpectLine({"host", "--id", "x", "--config", "none.yaml"}, 1,
             "--config: cannot read none.yaml: No such file or directory");
  Write("key.pem", "k");
  ExpectLine({"server", "--tls-cert-file", "none.pem", "--tls-key-file", "key.pem"}, 1,
             "--tls-cert-file: cannot read none.pem: No such file or directory");
  ExpectLine({"host", "--id", "x", "--token-file", "none"}, 1,
             "--token-file: cannot read none: No such file or directory");
  ExpectLine({"server", "--log_dir", "none"}, 1,
             "--log_dir: cannot write log files to none: No such file or directory");
}

TEST_F(WrongUse, CertificateThatIsNone) {
  Write("cert.pem", "no certificate\n");
  Write("key.pem", "no key\n");
  const RunResult result = RunMing({"server", "--addr", "127.0.0.1:0", "--tls-cert-file",
                                    "cert.pem", "--tls-key-file", "key.pem"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.errors, MatchesRegex("ming: [^\n]*cert\\.pem[^\n]*\n"));
}

TEST_F(WrongUse, EmptySecretFile) {
  Write("empty", "");
  ExpectLine({"client", "--id", "x", "--token-file", "empty"}, 2,
             "--token-file: \"empty\" is empty: it must hold --token");
}

TEST_F(WrongUse, AddressInUse) {
  const ListeningSocket taken;
  ExpectLine({"server", "--addr", taken.address()}, 1,
             "cannot listen on " + taken.address() +
                 ": bind: Address already in use (choose another with --addr)");
}

TEST_F(WrongUse, LocalAddressInUse) {
  const ListeningSocket taken;
  ExpectLine({"client", "--id", "x", "--signal", "ws://127.0.0.1:1", "--local", taken.address()}, 1,
             "cannot listen on " + taken.address() +
                 ": bind: Address already in use (choose another with --local)");
}

TEST_F(WrongUse, SecretOnTheCommandLineIsWarnedAbout) {
  const RunResult result = RunMing({"server", "--host-tokens", "s3cret", "-minloglevel=0"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.errors, HasSubstr("--host-tokens on the command line is visible"));
  EXPECT_THAT(result.errors, testing::Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace ming::cli
