#include "ming/cli/build_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ming::cli {
namespace {

using ::testing::MatchesRegex;

TEST(BuildInfo, VersionIsSemantic) {
  EXPECT_THAT(ProjectVersion(), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

TEST(BuildInfo, CommitIsKnownOrSaysNot) {
  EXPECT_THAT(BuildCommit(), MatchesRegex("(unknown|[0-9a-f]{12,40}(-dirty)?)"));
}

TEST(BuildInfo, EveryLibraryHasAVersion) {
  const std::vector<LibraryVersion> libraries = LibraryVersions();
  EXPECT_EQ(libraries.size(), 8U);
  for (const LibraryVersion& library : libraries) {
    EXPECT_THAT(library.version, MatchesRegex("[0-9]+(\\.[0-9]+)+")) << library.name;
  }
}

TEST(BuildInfo, ComparesVersions) {
  EXPECT_TRUE(IsOlderVersion("3.7.8", "3.7.9"));
  EXPECT_TRUE(IsOlderVersion("3.6.16", "3.7.9"));
  EXPECT_FALSE(IsOlderVersion("3.7.9", "3.7.9"));
  EXPECT_FALSE(IsOlderVersion("3.7.10", "3.7.9"));
  EXPECT_FALSE(IsOlderVersion("3.8.0-5", "3.7.9"));
  EXPECT_TRUE(IsOlderVersion("", "3.7.9"));
}

}  // namespace
}  // namespace ming::cli
