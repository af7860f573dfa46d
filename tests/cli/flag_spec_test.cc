#include "ming/cli/flag_spec.h"

#include <gtest/gtest.h>

#include "test_flags.h"

namespace ming::cli {
namespace {

TEST(FlagSet, AddsAFileFlagForEverySecret) {
  const FlagSet flags = TestHostFlags();
  const FlagSpec* file = flags.Find("token-file");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->secret_of, "token");
  EXPECT_EQ(file->type, ValueType::kPath);
  EXPECT_EQ(flags.Find("id-file"), nullptr);
}

TEST(FlagSet, FindsBySpellingAndAlias) {
  const FlagSet flags = TestHostFlags();
  ASSERT_NE(flags.Find("log-dir"), nullptr);
  EXPECT_EQ(flags.Find("log-dir")->name, "log_dir");
  EXPECT_EQ(flags.Find("ice_stun"), flags.Find("stun-server"));
  EXPECT_EQ(flags.Find("nosuch"), nullptr);
  EXPECT_EQ(flags.Find(""), nullptr);
}

TEST(FlagSetDeathTest, RefusesANameTwice) {
  const std::vector<FlagSpec> twice = {MakeFlag("log_dir", ValueType::kPath),
                                       MakeFlag("log-dir", ValueType::kPath)};
  EXPECT_DEATH(FlagSet{twice}, "flag defined twice");
}

TEST(NearestWord, FindsTypingMistakes) {
  const std::vector<std::string> words = {"server",      "host",    "client", "demo",
                                          "conformance", "version", "help"};
  EXPECT_EQ(NearestWord("sever", words), "server");
  EXPECT_EQ(NearestWord("hots", words), "host");
  EXPECT_EQ(NearestWord("clinet", words), "client");
  EXPECT_EQ(NearestWord("verison", words), "version");
}

TEST(NearestWord, IsSilentWhenNothingIsNear) {
  const std::vector<std::string> words = {"server", "v"};
  EXPECT_EQ(NearestWord("xyzzy", words), std::nullopt);
  EXPECT_EQ(NearestWord("", words), std::nullopt);
  EXPECT_EQ(NearestWord("x", words), std::nullopt);
  EXPECT_EQ(NearestWord(std::string(100, 's'), words), std::nullopt);
}

}  // namespace
}  // namespace ming::cli
