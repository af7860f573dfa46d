// What this binary was built from. The values are made at build time (build_values.cmake).
#ifndef MING_CLI_BUILD_INFO_H_
#define MING_CLI_BUILD_INFO_H_

#include <string>
#include <vector>

namespace ming::cli {

// Semantic version: "0.1.0".
std::string ProjectVersion();
// Abbreviated commit, with "-dirty" for changed files; "unknown" for a build outside of git.
std::string BuildCommit();

struct LibraryVersion {
  std::string name;
  std::string version;
};

// Of every library that matters for how ming behaves.
std::vector<LibraryVersion> LibraryVersions();

// All of it for people, a line each.
std::string VersionText();

// Whether dotted numbers are in order: "3.7.9" is not older than "3.7.9". Text behind the numbers
// does not count.
bool IsOlderVersion(const std::string& version, const std::string& than);

}  // namespace ming::cli

#endif  // MING_CLI_BUILD_INFO_H_
