#include "ming/cli/admin_query.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "ming/base/units.h"
#include "ming/cli/command.h"
#include "ming/cli/common_flags.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/ws/ws_context.h"

namespace ming::cli {
namespace {

// What the documentation and the container image set by --admin.
constexpr char kUsualAddress[] = "localhost:9120";
constexpr Duration kTimeout = std::chrono::seconds(3);

const char* NextStep(const Status& status) {
  switch (status.code()) {
    case StatusCode::kUnavailable:
      return "is a role running there, with --admin or MING_ADMIN?";
    case StatusCode::kTimeout:
      return "the process does not respond";
    default:
      return "is it the --admin address of a ming?";
  }
}

}  // namespace

std::vector<FlagSpec> AdminQueryFlags() {
  FlagSpec admin = AdminFlag(kUsualAddress);
  admin.help = "what the role has as --admin";
  FlagSpec timeout;
  timeout.name = "timeout";
  timeout.type = ValueType::kDuration;
  timeout.default_text = FormatDuration(kTimeout);
  timeout.value_name = "TIME";
  timeout.help = "for the whole answer";
  timeout.sources = Sources::kCommandLine;
  timeout.minimum = static_cast<uint64_t>(Duration(std::chrono::milliseconds(1)).count());
  timeout.maximum = static_cast<uint64_t>(Duration(std::chrono::minutes(2)).count());
  return {std::move(admin), std::move(timeout)};
}

Result<HostPort> AdminTarget(const Settings& settings) {
  HostPort target = AddressValue(settings.Value("admin"));
  if (target.port == Port(0)) return BadValue(settings, "admin", "port 0 cannot be connected to");
  const std::optional<IpAddress> ip = IpAddress::Parse(target.host);
  if (target.host.empty() || (ip && ip->IsUnspecified())) target.host = "localhost";
  return target;
}

Result<ws::HttpAnswer> AskAdmin(const HostPort& target, const std::string& path,
                                const Settings& settings) {
  net::Reactor reactor;
  net::GlibBridge glib(reactor);
  net::Resolver resolver(reactor);
  const auto context = ws::WsContext::Create(reactor, glib);
  if (!context.ok()) return context.status();
  ws::HttpGetOptions options;
  options.server = target;
  options.target = path;
  options.timeout = DurationValue(settings.Value("timeout"));
  std::optional<Result<ws::HttpAnswer>> answer;
  const auto get = ws::HttpGet::Start(**context, resolver, options, [&](auto outcome) {
    answer = std::move(outcome);
    reactor.Stop();
  });
  reactor.Run();
  if (!answer) return Status(StatusCode::kInternal, "the loop ended without an answer");
  if (!answer->ok()) return WithHint(answer->status(), NextStep(answer->status()));
  return *std::move(answer);
}

ExitCode ExitCodeForQuery(const Status& status) {
  switch (status.code()) {
    case StatusCode::kUnavailable:
      return ExitCode::kNotFound;
    case StatusCode::kTimeout:
    case StatusCode::kClosed:
      return ExitCode::kLost;
    case StatusCode::kMalformed:
    case StatusCode::kProtocolViolation:
    case StatusCode::kResourceExhausted:
      return ExitCode::kRefused;
    default:
      return ExitCodeFor(status);
  }
}

}  // namespace ming::cli
