#include "ming/cli/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "test_flags.h"

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

CommandHelp Host() {
  return {"host", "offers a service", "Registers and waits.", "ming host --id x", ""};
}

TEST(Help, ShowsFlagsWithDefaults) {
  const std::string text = FormatCommandHelp(Host(), TestHostFlags());
  EXPECT_THAT(text, HasSubstr("ming host: offers a service\n\nRegisters and waits.\n"));
  EXPECT_THAT(text, HasSubstr("example: ming host --id x\n"));
  EXPECT_THAT(text, HasSubstr("  --id VALUE                what it does (required)\n"));
  EXPECT_THAT(text,
              HasSubstr("  --remote VALUE            what it does (default localhost:25565)\n"));
  EXPECT_THAT(text, HasSubstr("  --relay-only              what it does\n"));
  EXPECT_THAT(text, HasSubstr("  --token-file PATH         read --token from a file\n"));
}

TEST(Help, WrapsLongLines) {
  FlagSpec flag = MakeFlag("a-name-that-is-too-long-for-its-column", ValueType::kText);
  flag.help = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
  const std::string text = FormatCommandHelp(Host(), FlagSet({flag}));
  EXPECT_THAT(text, HasSubstr("--a-name-that-is-too-long-for-its-column VALUE\n"
                              "                            one two three"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), kHelpColumns) << line;
}

TEST(Help, GroupsComeInTheirOrder) {
  FlagSpec log = MakeFlag("v", ValueType::kInteger, "0");
  log.group = FlagGroup::kLogging;
  const std::string text =
      FormatCommandHelp(Host(), FlagSet({log, MakeFlag("id", ValueType::kText)}));
  EXPECT_LT(text.find("Flags:"), text.find("Logging (glog):"));
  EXPECT_THAT(text, Not(HasSubstr("Limits:")));
}

TEST(Help, OverviewListsCommands) {
  const std::string text = FormatOverview({Host()});
  EXPECT_THAT(text, HasSubstr("\n  host        offers a service\n"));
}

}  // namespace
}  // namespace ming::cli
