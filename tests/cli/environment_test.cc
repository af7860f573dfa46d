#include "ming/cli/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_flags.h"

namespace ming::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "name=value from WHERE"
std::vector<std::string> Read(const Environment& environment) {
  const FlagSet flags = TestHostFlags();
  std::vector<std::string> lines;
  for (const Setting& setting : ReadEnvironment(flags, "host", environment)) {
    lines.push_back(setting.name + "=" + setting.value + " from " + setting.where);
  }
  return lines;
}

TEST(Environment, ReadsBothPrefixes) {
  EXPECT_THAT(Read({{"MING_REMOTE", "h:1"}, {"WTT_STUN_SERVER", "s"}}),
              ElementsAre("remote=h:1 from MING_REMOTE", "stun-server=s from WTT_STUN_SERVER"));
}

TEST(Environment, OwnPrefixIsStrongerAndTheCommandsNameToo) {
  Environment environment = {{"WTT_ID", "d"}};
  EXPECT_THAT(Read(environment), ElementsAre("id=d from WTT_ID"));
  environment["WTT_HOST_ID"] = "c";
  EXPECT_THAT(Read(environment), ElementsAre("id=c from WTT_HOST_ID"));
  environment["MING_ID"] = "b";
  EXPECT_THAT(Read(environment), ElementsAre("id=b from MING_ID"));
  environment["MING_HOST_ID"] = "a";
  EXPECT_THAT(Read(environment), ElementsAre("id=a from MING_HOST_ID"));
}

TEST(Environment, ReadsAliases) {
  EXPECT_THAT(Read({{"WTT_HOST_ICE_STUN", "s"}}),
              ElementsAre("stun-server=s from WTT_HOST_ICE_STUN"));
}

TEST(Environment, EmptyMeansNotSet) {
  EXPECT_THAT(Read({{"MING_ID", ""}, {"WTT_ID", "x"}}), ElementsAre("id=x from WTT_ID"));
}

TEST(Environment, FlagsOfTheCommandLineStayThere) {
  EXPECT_THAT(Read({{"MING_HELP", "true"}}), IsEmpty());
  EXPECT_THAT(Read({{"MING_CONFIG", "x"}}), ElementsAre("config=x from MING_CONFIG"));
}

TEST(Environment, NamesVariablesThatSetNothing) {
  const FlagSet host = TestHostFlags();
  const FlagSet server = TestServerFlags();
  const std::vector<CommandFlags> commands = {{"host", &host}, {"server", &server}};
  const std::vector<std::string> sentences =
      FindUnknownVariables(commands, {{"MING_REMOET", "h:1"},
                                      {"MING_ADDR", ":1"},
                                      {"MING_SERVER_ADDR", ":1"},
                                      {"WTT_NOSUCH", "x"},
                                      {"PATH", "/bin"}});
  ASSERT_EQ(sentences.size(), 1U);
  EXPECT_THAT(sentences[0], HasSubstr("MING_REMOET sets nothing; did you mean \"MING_REMOTE\"?"));
}

}  // namespace
}  // namespace ming::cli
