#include "ming/cli/argument_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_flags.h"

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<ParsedArguments> Parse(const std::vector<std::string>& words) {
  const FlagSet flags = TestHostFlags();
  const FlagSet others = TestServerFlags();
  return ParseArguments(flags, NumberArguments(words), {{"server", &others}});
}

// "name=value name=value | positional positional"
std::string Describe(const std::vector<std::string>& words) {
  const Result<ParsedArguments> parsed = Parse(words);
  if (!parsed.ok()) return parsed.status().message();
  std::string text;
  for (const Setting& setting : parsed->settings) text += setting.name + "=" + setting.value + " ";
  text += "|";
  for (const Argument& argument : parsed->positionals) text += " " + argument.text;
  return text;
}

TEST(ArgumentParser, TakesBothFormsOfValues) {
  EXPECT_EQ(Describe({"--id", "a", "--remote=h:1"}), "id=a remote=h:1 |");
  EXPECT_EQ(Describe({"--id="}), "id= |");
  EXPECT_EQ(Describe({"--id=a=b"}), "id=a=b |");
}

TEST(ArgumentParser, TakesOneOrTwoDashes) {
  EXPECT_EQ(Describe({"-id", "a", "-remote=h:1"}), "id=a remote=h:1 |");
}

TEST(ArgumentParser, TakesDashAndUnderscoreAlike) {
  EXPECT_EQ(Describe({"--stun_server", "a", "--log-dir=x"}), "stun-server=a log_dir=x |");
}

TEST(ArgumentParser, TakesAliases) { EXPECT_EQ(Describe({"--ice-stun", "a"}), "stun-server=a |"); }

TEST(ArgumentParser, TakesEveryFormOfBool) {
  EXPECT_EQ(Describe({"--relay-only"}), "relay-only=true |");
  EXPECT_EQ(Describe({"--relay-only=false"}), "relay-only=false |");
  EXPECT_EQ(Describe({"--no-relay-only"}), "relay-only=false |");
  EXPECT_EQ(Describe({"--norelay_only"}), "relay-only=false |");
}

TEST(ArgumentParser, BoolTakesNoWordOfItsOwn) {
  EXPECT_EQ(Describe({"--relay-only", "false"}), "relay-only=true | false");
}

TEST(ArgumentParser, DoubleDashEndsFlags) {
  EXPECT_EQ(Describe({"--id", "a", "--", "--remote", "x"}), "id=a | --remote x");
}

TEST(ArgumentParser, LoneDashIsPositional) { EXPECT_EQ(Describe({"-"}), "| -"); }

TEST(ArgumentParser, KeepsPositionalsWithPositions) {
  const Result<ParsedArguments> parsed = Parse({"one", "--id", "a", "two"});
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->positionals.size(), 2U);
  EXPECT_EQ(parsed->positionals[1].text, "two");
  EXPECT_EQ(parsed->positionals[1].position, 4U);
}

TEST(ArgumentParser, ValueMayBeginWithDashes) {
  EXPECT_EQ(Describe({"--id", "-5"}), "id=-5 |");
  EXPECT_EQ(Describe({"--id", "--nosuch"}), "id=--nosuch |");
}

TEST(ArgumentParser, RefusesAFlagAsValue) {
  EXPECT_THAT(Describe({"--id", "--remote", "h:1"}),
              HasSubstr("--id (argument 1) needs a value: --id=VALUE; the next word is the flag "
                        "--remote"));
}

TEST(ArgumentParser, RefusesAMissingValue) {
  EXPECT_EQ(Describe({"--remote=h:1", "--id"}), "--id (argument 2) needs a value: --id=VALUE");
}

TEST(ArgumentParser, NamesPositionOfUnknownFlagAndSuggests) {
  EXPECT_EQ(Describe({"--id", "a", "--remoote", "h:1"}),
            "unknown flag --remoote (argument 3); did you mean \"--remote\"?");
  EXPECT_EQ(Describe({"--xyzzy=1"}), "unknown flag --xyzzy (argument 1)");
}

TEST(ArgumentParser, NamesTheCommandThatHasAnUnknownFlag) {
  EXPECT_EQ(Describe({"--tls_cert_file=x"}),
            "unknown flag --tls_cert_file (argument 1); it is a flag of server");
}

TEST(ArgumentParser, UnknownFlagDoesNotShowItsValue) {
  EXPECT_THAT(Describe({"--tokn=secret"}), testing::Not(HasSubstr("secret")));
}

TEST(ArgumentParser, NegationOnlyForBool) {
  EXPECT_THAT(Describe({"--no-id"}), HasSubstr("unknown flag --no-id"));
  EXPECT_THAT(Describe({"--no-relay-only=true"}), HasSubstr("unknown flag --no-relay-only"));
}

TEST(ArgumentParser, EmptyCommandLineIsFine) { EXPECT_EQ(Describe({}), "|"); }

TEST(ArgumentParser, EmptyWordsArePositional) {
  const Result<ParsedArguments> parsed = Parse({""});
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->settings, IsEmpty());
  EXPECT_EQ(parsed->positionals.size(), 1U);
}

}  // namespace
}  // namespace ming::cli
