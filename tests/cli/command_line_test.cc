#include "ming/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "test_folder.h"

namespace ming::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Words = std::vector<std::string>;

class CommandLineTest : public TestFolder {
 protected:
  // The name of the selected command, "none", or the error.
  std::string Select(const Words& words, const Environment& environment = {}) const {
    const Result<SelectedCommand> selected = SelectCommand(commands_, words, environment);
    if (!selected.ok()) return selected.status().message();
    return selected->command == nullptr ? "none" : selected->command->help.name;
  }

  // Whatever was prepared; the error is in error_.
  std::optional<PreparedCommand> Prepare(const Words& words, const Environment& environment = {}) {
    const Result<SelectedCommand> selected = SelectCommand(commands_, words, environment);
    error_ = selected.status();
    if (!selected.ok()) return std::nullopt;
    Result<PreparedCommand> prepared = PrepareCommand(commands_, *selected, environment);
    error_ = prepared.status();
    if (!prepared.ok()) return std::nullopt;
    return *std::move(prepared);
  }

  // The value of a flag, or the error.
  std::string Value(const std::string& flag, const Words& words,
                    const Environment& environment = {}) {
    const std::optional<PreparedCommand> prepared = Prepare(words, environment);
    return prepared ? prepared->settings.Value(flag) : error_.message();
  }

  const std::vector<Command> commands_ = MakeCommands();
  Status error_;
};

TEST_F(CommandLineTest, CommandIsTheFirstWordOrTheMode) {
  EXPECT_EQ(Select({"server"}), "server");
  EXPECT_EQ(Select({"--mode", "host"}), "host");
  EXPECT_EQ(Select({"-mode=client", "-id", "x"}), "client");
  EXPECT_EQ(Select({"-v=1", "server", "--addr", ":1"}), "server");
  EXPECT_EQ(Select({"--help"}), "help");
  EXPECT_EQ(Select({"-h"}), "help");
  EXPECT_EQ(Select({"--version"}), "version");
}

TEST_F(CommandLineTest, NothingNamesACommand) {
  EXPECT_EQ(Select({}), "none");
  EXPECT_EQ(Select({"--addr", ":1"}), "none");
}

TEST_F(CommandLineTest, ModeComesFromEnvironmentAndFileToo) {
  Write("config.yaml", "mode: client\n");
  EXPECT_EQ(Select({}), "client");
  EXPECT_EQ(Select({}, {{"WTT_MODE", "host"}}), "host");
  EXPECT_EQ(Select({"--mode", "server"}, {{"WTT_MODE", "host"}}), "server");
  EXPECT_EQ(Select({"server"}, {{"MING_MODE", "host"}}), "server");
  Write("other.yaml", "mode: host\n");
  EXPECT_EQ(Select({"--config", "other.yaml"}), "host");
}

TEST_F(CommandLineTest, UnknownCommandSuggests) {
  EXPECT_EQ(Select({"sever"}),
            "unknown command \"sever\"; did you mean \"server\"? (see: ming help)");
  EXPECT_THAT(Select({"--mode", "sideways"}),
              StartsWith("--mode: \"sideways\" is not server, host or client"));
  EXPECT_THAT(Select({"-v=1", "hots"}), HasSubstr("did you mean \"host\"?"));
}

TEST_F(CommandLineTest, WordAndModeMustAgree) {
  EXPECT_TRUE(Prepare({"server", "--mode", "server"}));
  EXPECT_FALSE(Prepare({"server", "--mode", "client"}));
  EXPECT_EQ(error_.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(error_.message(), HasSubstr("--mode says client"));
}

TEST_F(CommandLineTest, ModeOfTheGoToolWorksAsInItsQuickStart) {
  EXPECT_EQ(Value("addr", {"--mode", "server", "-alsologtostderr"}), ":8080");
  EXPECT_EQ(Value("remote", {"--mode", "host", "--id", "x", "--remote", "localhost:80"}),
            "localhost:80");
}

TEST_F(CommandLineTest, DefaultsAreTheContract) {
  EXPECT_EQ(Value("addr", {"server"}), ":8080");
  EXPECT_EQ(Value("allowed-origins", {"server"}), "*");
  EXPECT_EQ(Value("valid-tokens", {"server"}), "");
  for (const std::string mode : {"host", "client"}) {
    const Words words = {mode, "--id", "x"};
    EXPECT_EQ(Value("signal", words), "ws://localhost:8080");
    EXPECT_EQ(Value("protocol", words), "tcp");
    EXPECT_EQ(Value("stun-server", words), "stun:stun.l.google.com:19302");
    EXPECT_EQ(Value("token", words), "");
  }
  EXPECT_EQ(Value("remote", {"host", "--id", "x"}), "localhost:25565");
  EXPECT_EQ(Value("local", {"client", "--id", "x"}), "localhost:25565");
}

TEST_F(CommandLineTest, FlagIsStrongerThanEnvironmentThanFileThanDefault) {
  const Words words = {"host", "--id", "x"};
  EXPECT_EQ(Value("remote", words), "localhost:25565");
  Write("config.yaml", "remote: file:1\n");
  EXPECT_EQ(Value("remote", words), "file:1");
  EXPECT_EQ(Value("remote", words, {{"WTT_HOST_REMOTE", "env:1"}}), "env:1");
  EXPECT_EQ(
      Value("remote", {"host", "--id", "x", "--remote", "flag:1"}, {{"WTT_HOST_REMOTE", "env:1"}}),
      "flag:1");
}

TEST_F(CommandLineTest, ReadsTheGoProgramsConfiguration) {
  Write("config.yaml",
        "signal: \"ws://localhost:9090\"\nprotocol: \"udp\"\nstun:\n  server: \"stun:a:1\"\n"
        "server:\n  addr: \":9090\"\n  allowed-origins: [\"*\"]\n  tls:\n    cert-file: \"\"\n"
        "    key-file: \"\"\n  auth:\n    valid-tokens: [\"a\", \"b\"]\n"
        "host:\n  id: \"h\"\n  remote: \"localhost:1\"\nclient:\n  id: \"c\"\n  local: \":2\"\n"
        "token: \"\"\n");
  EXPECT_EQ(Value("addr", {"server"}), ":9090");
  EXPECT_EQ(Value("valid-tokens", {"server"}), "a,b");
  EXPECT_EQ(Value("id", {"host"}), "h");
  EXPECT_EQ(Value("stun-server", {"host"}), "stun:a:1");
  EXPECT_EQ(Value("local", {"client"}), ":2");
  EXPECT_EQ(Value("protocol", {"client"}), "udp");
}

TEST_F(CommandLineTest, FileErrorsNameTheirPlace) {
  Write("bad.yaml", "id: x\nremoote: localhost:1\n");
  EXPECT_EQ(Value("id", {"host", "--config", "bad.yaml"}),
            "bad.yaml:2:1: unknown key \"remoote\"; did you mean \"remote\"?");
  EXPECT_EQ(error_.code(), StatusCode::kInvalidArgument);
}

TEST_F(CommandLineTest, DefaultFileCanBeSwitchedOff) {
  Write("config.yaml", "nonsense: [\n");
  EXPECT_THAT(Value("id", {"host", "--id", "x"}),
              AllOf(StartsWith("./config.yaml:2:1: "), HasSubstr("--config= reads none")));
  EXPECT_EQ(Value("id", {"host", "--id", "x", "--config="}), "x");
}

TEST_F(CommandLineTest, MissingFileIsAnErrorWhenAskedFor) {
  EXPECT_EQ(Value("id", {"host", "--id", "x"}), "x");
  EXPECT_EQ(Value("id", {"host", "--id", "x", "--config", "none.yaml"}),
            "--config: cannot read none.yaml: No such file or directory");
  EXPECT_EQ(error_.code(), StatusCode::kUnavailable);
}

TEST_F(CommandLineTest, IdIsRequired) {
  EXPECT_FALSE(Prepare({"host"}));
  EXPECT_THAT(error_.message(), StartsWith("--id is required"));
  EXPECT_FALSE(Prepare({"client", "--id", ""}));
  EXPECT_THAT(error_.message(), StartsWith("--id: must not be empty"));
  EXPECT_TRUE(Prepare({"client", "--id", std::string(128, 'x')}));
  EXPECT_FALSE(Prepare({"client", "--id", std::string(129, 'x')}));
  EXPECT_THAT(error_.message(), HasSubstr("129 bytes long; at most 128"));
}

TEST_F(CommandLineTest, SecretsComeFromFiles) {
  Write("token", "s3cret\n");
  EXPECT_EQ(Value("token", {"host", "--id", "x", "--token-file", "token"}), "s3cret");
  EXPECT_EQ(Value("token", {"host", "--id", "x"}, {{"MING_TOKEN_FILE", "token"}}), "s3cret");
  Write("tokens", "a\n\nb\r\n");
  EXPECT_EQ(Value("valid-tokens", {"server", "--valid-tokens-file", "tokens"}), "a,b");
}

TEST_F(CommandLineTest, SecretFilesMustHoldTheSecret) {
  Write("empty", "\n");
  EXPECT_EQ(Value("token", {"host", "--id", "x", "--token-file", "empty"}),
            "--token-file: \"empty\" is empty: it must hold --token");
  EXPECT_EQ(error_.code(), StatusCode::kInvalidArgument);
  Write("two", "a\nb\n");
  EXPECT_EQ(Value("token", {"host", "--id", "x", "--token-file", "two"}),
            "--token-file: \"two\" holds more than one line");
  Write("comma", "a,b\n");
  EXPECT_EQ(Value("valid-tokens", {"server", "--valid-tokens-file", "comma"}),
            "--valid-tokens-file: \"comma\" holds a line with a comma");
  EXPECT_THAT(Value("token", {"host", "--id", "x", "--token-file", "none"}),
              StartsWith("--token-file: cannot read none: "));
  EXPECT_EQ(error_.code(), StatusCode::kUnavailable);
}

TEST_F(CommandLineTest, SecretAndItsFileGoByOrigin) {
  Write("token", "file\n");
  const Words with_file = {"host", "--id", "x", "--token-file", "token"};
  EXPECT_EQ(Value("token", with_file, {{"MING_TOKEN", "variable"}}), "file");
  const Words direct = {"host", "--id", "x", "--token", "flag"};
  EXPECT_EQ(Value("token", direct, {{"MING_TOKEN_FILE", "token"}}), "flag");
  EXPECT_EQ(Value("token", {"host", "--id", "x", "--token", "a", "--token-file", "token"}),
            "both --token and --token-file are set: give one of them");
}

TEST_F(CommandLineTest, WarnsOfSecretsThatOthersSee) {
  EXPECT_THAT(Prepare({"host", "--id", "x", "--token", "s3cret"})->warnings,
              ElementsAre(AllOf(HasSubstr("--token on the command line is visible"),
                                Not(HasSubstr("s3cret")))));
  EXPECT_THAT(Prepare({"host", "--id", "x"}, {{"MING_TOKEN", "s3cret"}})->warnings, IsEmpty());
  Write("token", "s3cret\n");
  const Words words = {"host", "--id", "x", "--token-file", "token"};
  EXPECT_THAT(Prepare(words)->warnings, IsEmpty());
  std::filesystem::permissions("token", std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_THAT(Prepare(words)->warnings, ElementsAre(HasSubstr("token can be read by everybody")));
}

TEST_F(CommandLineTest, WarnsOfVariablesThatSetNothing) {
  EXPECT_THAT(Prepare({"server"}, {{"MING_ADR", ":1"}, {"MING_ID", "x"}})->warnings,
              ElementsAre(HasSubstr("MING_ADR sets nothing; did you mean \"MING_ADDR\"?")));
}

TEST_F(CommandLineTest, WrongVariableNamesItself) {
  EXPECT_THAT(Value("remote", {"host", "--id", "x"}, {{"MING_REMOTE", "nowhere"}}),
              StartsWith("MING_REMOTE: "));
}

TEST_F(CommandLineTest, UnexpectedWords) {
  EXPECT_EQ(Value("addr", {"server", ":8080"}),
            "unexpected argument \":8080\" (argument 2) (see: ming help server)");
  EXPECT_THAT(Value("relay-only", {"host", "--id", "x", "--relay-only", "false"}),
              HasSubstr("--flag=false"));
  EXPECT_TRUE(Prepare({"help", "server"}));
  EXPECT_TRUE(Prepare({"help", "reverse", "server"}));
  EXPECT_FALSE(Prepare({"help", "reverse", "server", "host"}));
}

TEST_F(CommandLineTest, HelpLooksNoFurther) {
  Write("config.yaml", "nonsense: [\n");
  const std::optional<PreparedCommand> prepared = Prepare({"host", "--help"});
  ASSERT_TRUE(prepared);
  EXPECT_TRUE(prepared->wants_help);
}

}  // namespace
}  // namespace ming::cli
