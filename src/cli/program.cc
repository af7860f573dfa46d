#include "ming/cli/program.h"

#include <glog/logging.h>

#include <cstdio>

#include "ming/cli/build_info.h"
#include "ming/cli/command.h"
#include "ming/cli/command_line.h"
#include "ming/cli/gflags_table.h"
#include "ming/cli/glog_setup.h"
#include "ming/cli/help.h"
#include "ming/cli/process_setup.h"
#include "ming/tls/engine_version.h"

namespace ming::cli {
namespace {

void WarnOfOldGnutls() {
  constexpr char kOldestTested[] = "3.7.9";
  const std::string version = tls::EngineVersion();
  if (!IsOlderVersion(version, kOldestTested)) return;
  LOG(WARNING) << "GnuTLS " << version << " is older than " << kOldestTested
               << ", the oldest that ming is tested with";
}

ExitCode ShowOverview(const std::vector<Command>& commands) {
  std::fputs(FormatOverview(HelpsOf(commands)).c_str(), stderr);
  return ExitCode::kUsage;
}

}  // namespace

ExitCode RunProgram(const std::vector<std::string>& words, const Environment& environment) {
  OpenStandardStreams();
  IgnoreSigpipe();
  const std::vector<Command> commands = MakeCommands();
  const Result<SelectedCommand> selected = SelectCommand(commands, words, environment);
  if (!selected.ok()) return Fail(selected.status());
  if (selected->command == nullptr) return ShowOverview(commands);
  const Command& command = *selected->command;
  Result<PreparedCommand> prepared = PrepareCommand(commands, *selected, environment);
  if (!prepared.ok()) return Fail(prepared.status());
  if (prepared->wants_help) {
    std::fputs(FormatCommandHelp(command.help, command.flags).c_str(), stdout);
    return ExitCode::kOk;
  }
  if (prepared->wants_version) {
    std::fputs(VersionText().c_str(), stdout);
    return ExitCode::kOk;
  }
  StoreInGflags(prepared->settings);
  if (Status started = StartLogging(prepared->settings); !started.ok()) return Fail(started);
  for (const std::string& warning : prepared->warnings) LOG(WARNING) << warning;
  if (command.kind == CommandKind::kRole) WarnOfOldGnutls();
  return command.run(Invocation{prepared->settings, prepared->positionals, commands, environment});
}

}  // namespace ming::cli
