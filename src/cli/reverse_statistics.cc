#include "ming/cli/reverse_statistics.h"

#include <csignal>
#include <utility>

#include "ming/cli/common_flags.h"
#include "ming/cli/flag_builder.h"
#include "ming/reverse/reverse_log.h"

namespace ming::cli {
namespace {

constexpr char kInterval[] = "stats-interval";
constexpr char kListen[] = "stats-listen";

}  // namespace

std::vector<FlagSpec> StatisticsFlags() {
  return {
      InGroup(FlagGroup::kLogging,
              DurationFlag(kInterval, Duration::zero(), Duration::zero(), std::chrono::hours(24),
                           "a line of statistics so often; 0: at SIGUSR1 only")),
      InGroup(FlagGroup::kLogging, ValueFlag(kListen, ValueType::kAddress, "HOST:PORT", "",
                                             "HTTP: /metrics /stats /healthz /readyz")),
  };
}

ReverseStatistics::ReverseStatistics(net::Reactor& reactor)
    : reactor_(reactor),
      signal_(reactor, {SIGUSR1}, [this](int /*signal*/) { Log(); }),
      alarm_(reactor.CreateAlarm([this] { OnInterval(); })) {}

Status ReverseStatistics::Start(const Settings& settings, Counters counters, Reporter reporter) {
  counters_ = std::move(counters);
  interval_ = DurationValue(settings.Value(kInterval));
  if (interval_ > Duration::zero()) alarm_->ArmAt(reactor_.Now() + interval_);
  if (settings.Value(kListen).empty()) return Status::Ok();
  glib_.emplace(reactor_);
  auto websockets = ws::WsContext::Create(reactor_, *glib_);
  if (!websockets.ok()) return websockets.status();
  websockets_ = *std::move(websockets);
  auto admin = AdminInterface::Start(reactor_, *websockets_, settings.Get(kListen),
                                     [this, reporter] { return reporter(counters_(), state_); });
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  return Status::Ok();
}

void ReverseStatistics::Log() const {
  if (counters_) reverse::StatsEvent(counters_()).Write();
}

void ReverseStatistics::OnInterval() {
  Log();
  alarm_->ArmAt(reactor_.Now() + interval_);
}

}  // namespace ming::cli
