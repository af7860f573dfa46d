#include <cstdio>
#include <string>

#include "ming/admin/admin_pages.h"
#include "ming/base/utf8.h"
#include "ming/cli/admin_query.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/gflags_table.h"

namespace ming::cli {
namespace {

constexpr int kHttpOk = 200;
constexpr int kHttpUnavailable = 503;
constexpr size_t kShownBytes = 300;

ExitCode RunHealth(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const Result<HostPort> target = AdminTarget(settings);
  if (!target.ok()) return Fail(target.status());
  const bool ready = settings.IsTrue("ready");
  const Result<ws::HttpAnswer> answer =
      AskAdmin(*target, ready ? admin::kReadyPath : admin::kHealthPath, settings);
  if (!answer.ok()) {
    PrintError(answer.status());
    return ExitCodeForQuery(answer.status());
  }
  const std::string where = target->ToString();
  if (answer->status == kHttpOk) {
    std::printf("%s: %s\n", ready ? "ready" : "healthy", where.c_str());
    return ExitCode::kOk;
  }
  std::string text = answer->body.substr(0, answer->body.find('\n'));
  text = where + ": " + PrintableText(text, kShownBytes);
  if (answer->status == kHttpUnavailable) {
    PrintError(Status(StatusCode::kUnavailable, text));
    return ExitCode::kFailure;
  }
  PrintError(Status(StatusCode::kProtocolViolation,
                    text + " (HTTP " + std::to_string(answer->status) + ")"));
  return ExitCode::kRefused;
}

}  // namespace

Command HealthCommand() {
  const FlagSpec ready =
      SwitchFlag("ready", "ask whether it can do its work, not only whether it lives");
  Command command;
  command.help = {"health", "ask a running role whether it is well",
                  "For scripts and container health checks. Exit code 0: it is; 1: it says that it "
                  "is not ready; 3: it does not answer; 5: nothing listens there.",
                  "ming health --ready", ""};
  command.flags = JoinFlags({AdminQueryFlags(), {ready, HelpFlag()}, GlogFlags()});
  command.run = RunHealth;
  return command;
}

}  // namespace ming::cli
