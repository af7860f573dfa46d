#include <cstdio>
#include <string>

#include <nlohmann/json.hpp>

#include "ming/cli/build_info.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/gflags_table.h"

namespace ming::cli {
namespace {

constexpr int kJsonVersion = 1;

std::string AsJson() {
  nlohmann::ordered_json json = {
      {"version", kJsonVersion}, {"ming", ProjectVersion()}, {"commit", BuildCommit()}};
  for (const LibraryVersion& library : LibraryVersions()) {
    json["libraries"][library.name] = library.version;
  }
  return json.dump(2) + "\n";
}

ExitCode RunVersion(const Invocation& invocation) {
  const bool json = invocation.settings.IsTrue("json");
  std::fputs((json ? AsJson() : VersionText()).c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

Command VersionCommand() {
  Command command;
  command.help = {"version", "print the versions of ming and its libraries",
                  "Prints the version, the commit it was built from, and the library versions.",
                  "ming version --json", ""};
  command.flags = JoinFlags({{JsonFlag(), HelpFlag()}, GlogFlags()});
  command.run = RunVersion;
  return command;
}

}  // namespace ming::cli
