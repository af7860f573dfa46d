// The table of commands: what every entry owes its users.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "ming/cli/command.h"
#include "ming/cli/command_line.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/gflags_table.h"

namespace ming::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class CommandsTest : public testing::TestWithParam<std::string> {
 protected:
  const Command& command() const { return *FindCommand(commands_, GetParam()); }
  std::string Help() const { return FormatCommandHelp(command().help, command().flags); }

  const std::vector<Command> commands_ = MakeCommands();
};

TEST_P(CommandsTest, FirstScreenHoldsTheMainFlags) {
  const std::vector<std::string> lines = Lines(Help());
  bool in_main_flags = false;
  size_t last = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == "Flags:") in_main_flags = true;
    if (in_main_flags && lines[i].empty()) break;
    if (in_main_flags) last = i + 1;
  }
  EXPECT_TRUE(in_main_flags);
  EXPECT_LE(last, kHelpScreenLines) << Help();
}

TEST_P(CommandsTest, HelpFitsTheTerminal) {
  for (const std::string& line : Lines(Help())) EXPECT_LE(line.size(), kHelpColumns) << line;
}

TEST_P(CommandsTest, ExampleWorks) {
  std::istringstream stream(command().help.example);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  ASSERT_GE(words.size(), 2U);
  EXPECT_EQ(words[0], "ming");
  words.erase(words.begin());
  const Result<SelectedCommand> selected = SelectCommand(commands_, words, {});
  ASSERT_TRUE(selected.ok());
  EXPECT_EQ(selected->command, &command());
  EXPECT_TRUE(PrepareCommand(commands_, *selected, {}).ok());
}

TEST_P(CommandsTest, EveryFlagHasHelpAndAValidDefault) {
  for (const FlagSpec& flag : command().flags.flags()) {
    EXPECT_FALSE(flag.help.empty()) << flag.name;
    EXPECT_EQ(flag.value_name.empty(), flag.type == ValueType::kBool) << flag.name;
    if (flag.default_text.empty()) continue;
    EXPECT_TRUE(CheckValue(flag, flag.default_text).ok()) << flag.name;
  }
}

TEST_P(CommandsTest, TakesGlogsFlags) {
  for (const char* name : {"v", "vmodule", "log_dir", "alsologtostderr", "logtostderr",
                           "stderrthreshold", "minloglevel", "log-dir"}) {
    EXPECT_NE(command().flags.Find(name), nullptr) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Every, CommandsTest,
                         testing::Values("server", "host", "client", "demo", "conformance",
                                         "reverse server", "reverse client", "health", "status",
                                         "version", "help"),
                         [](const auto& command) {
                           std::string name = command.param;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST(Commands, OverviewFitsOneScreenAndListsAll) {
  const std::vector<CommandHelp> helps = HelpsOf(MakeCommands());
  const std::string text = FormatOverview(helps);
  EXPECT_LE(Lines(text).size(), kHelpScreenLines);
  for (const CommandHelp& help : helps) EXPECT_THAT(text, HasSubstr("\n  " + help.name + " "));
}

TEST(Commands, RolesAreThoseOfTheGoTool) {
  std::vector<std::string> roles;
  for (const Command& command : MakeCommands()) {
    if (command.kind == CommandKind::kRole) roles.push_back(command.help.name);
  }
  EXPECT_THAT(roles, ElementsAre("server", "host", "client"));
}

TEST(Commands, FlagOfSeveralCommandsWithAFileHasOneType) {
  const std::vector<Command> commands = MakeCommands();
  for (const Command& one : commands) {
    for (const Command& other : commands) {
      if (!one.flags.Find("config") || !other.flags.Find("config")) continue;
      for (const FlagSpec& flag : one.flags.flags()) {
        const FlagSpec* same = other.flags.Find(flag.name);
        if (same == nullptr) continue;
        EXPECT_EQ(same->type, flag.type) << flag.name;
      }
    }
  }
}

}  // namespace
}  // namespace ming::cli
