#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "ming/admin/admin_pages.h"
#include "ming/admin/status_json.h"
#include "ming/base/utf8.h"
#include "ming/cli/admin_query.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/gflags_table.h"

namespace ming::cli {
namespace {

constexpr int kHttpOk = 200;
constexpr size_t kShownBytes = 300;

// Two columns. The words are another process's.
std::string AsText(const admin::StatusView& view) {
  std::vector<admin::Fact> lines = {{"role", view.role},
                                    {"ready", view.not_ready ? "no: " + *view.not_ready : "yes"}};
  lines.insert(lines.end(), view.lines.begin(), view.lines.end());
  size_t width = 0;
  for (const admin::Fact& line : lines) width = std::max(width, line.name.size());
  width = std::min(width, kShownBytes);
  std::string text;
  for (const admin::Fact& line : lines) {
    std::string name = PrintableText(line.name, kShownBytes);
    name.resize(std::max(name.size(), width), ' ');
    text += name + "  " + PrintableText(line.value, kShownBytes) + "\n";
  }
  return text;
}

ExitCode FailQuery(const Status& status) {
  PrintError(status);
  return ExitCodeForQuery(status);
}

ExitCode RunStatus(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const Result<HostPort> target = AdminTarget(settings);
  if (!target.ok()) return Fail(target.status());
  const Result<ws::HttpAnswer> answer = AskAdmin(*target, admin::kStatusPath, settings);
  if (!answer.ok()) return FailQuery(answer.status());
  if (answer->status != kHttpOk) {
    return FailQuery(Status(StatusCode::kProtocolViolation, target->ToString() + " answers HTTP " +
                                                                std::to_string(answer->status) +
                                                                ": not a ming's --admin"));
  }
  const Result<admin::StatusView> view = admin::ParseStatus(answer->body);
  if (!view.ok()) return FailQuery(view.status().WithContext(target->ToString()));
  std::fputs(settings.IsTrue("json") ? answer->body.c_str() : AsText(*view).c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

Command StatusCommand() {
  Command command;
  command.help = {
      "status", "print what a running role says about itself",
      "Prints the role, whether it is ready, its path and its counters since the start. "
      "The role needs --admin, or MING_ADMIN in the environment.",
      "ming status --admin localhost:9120", ""};
  command.flags = JoinFlags({AdminQueryFlags(), {JsonFlag(), HelpFlag()}, GlogFlags()});
  command.run = RunStatus;
  return command;
}

}  // namespace ming::cli
