#include "ming/cli/setting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_flags.h"

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class SettingsTest : public testing::Test {
 protected:
  Status Merge(Origin origin, const std::string& name, const std::string& value) {
    return settings_.Merge({Setting{name, value, origin, "somewhere"}});
  }

  const FlagSet flags_ = TestHostFlags();
  Settings settings_{flags_};
};

TEST_F(SettingsTest, DefaultsHoldUntilSet) {
  EXPECT_EQ(settings_.Value("remote"), "localhost:25565");
  EXPECT_FALSE(settings_.IsSet("remote"));
  EXPECT_TRUE(Merge(Origin::kFile, "remote", "h:1").ok());
  EXPECT_EQ(settings_.Value("remote"), "h:1");
  EXPECT_TRUE(settings_.IsSet("remote"));
}

TEST_F(SettingsTest, StrongerOriginHoldsInAnyOrder) {
  EXPECT_TRUE(Merge(Origin::kEnvironment, "remote", "env:1").ok());
  EXPECT_TRUE(Merge(Origin::kFile, "remote", "file:1").ok());
  EXPECT_EQ(settings_.Value("remote"), "env:1");
  EXPECT_TRUE(Merge(Origin::kCommandLine, "remote", "flag:1").ok());
  EXPECT_EQ(settings_.Value("remote"), "flag:1");
  EXPECT_TRUE(Merge(Origin::kEnvironment, "remote", "env:2").ok());
  EXPECT_EQ(settings_.Value("remote"), "flag:1");
}

TEST_F(SettingsTest, LastOneOfAnOriginHolds) {
  EXPECT_TRUE(settings_
                  .Merge({Setting{"id", "a", Origin::kCommandLine, "--id"},
                          Setting{"id", "b", Origin::kCommandLine, "--id"}})
                  .ok());
  EXPECT_EQ(settings_.Value("id"), "b");
}

TEST_F(SettingsTest, ListsAddUpWithinAnOriginAndReplaceAcross) {
  EXPECT_TRUE(Merge(Origin::kFile, "stun-server", "f").ok());
  EXPECT_TRUE(settings_
                  .Merge({Setting{"stun-server", "a,b", Origin::kCommandLine, "--stun-server"},
                          Setting{"stun-server", "c", Origin::kCommandLine, "--stun-server"}})
                  .ok());
  EXPECT_EQ(settings_.Value("stun-server"), "a,b,c");
}

TEST_F(SettingsTest, WrongValueNamesItsPlace) {
  const Status status = Merge(Origin::kEnvironment, "protocol", "sctp");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), StartsWith("somewhere: "));
}

TEST_F(SettingsTest, WrongValueIsAnErrorEvenWhereItWouldNotHold) {
  EXPECT_TRUE(Merge(Origin::kCommandLine, "protocol", "tcp").ok());
  EXPECT_FALSE(Merge(Origin::kFile, "protocol", "sctp").ok());
}

TEST_F(SettingsTest, RequiredFlagMustBeSet) {
  EXPECT_THAT(settings_.CheckRequired().message(), HasSubstr("--id is required"));
  EXPECT_TRUE(Merge(Origin::kFile, "id", "x").ok());
  EXPECT_TRUE(settings_.CheckRequired().ok());
}

}  // namespace
}  // namespace ming::cli
