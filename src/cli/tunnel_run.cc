#include "ming/cli/tunnel_run.h"

#include <glog/logging.h>

#include "ming/cli/admin_setup.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/live_status.h"
#include "ming/cli/process_setup.h"
#include "ming/cli/stop_signals.h"
#include "ming/cli/tunnel_flags.h"
#include "ming/cli/tunnel_role.h"

namespace ming::cli {

void TunnelRun::End(p2p::TunnelEnd end, const Status& why) {
  end_ = end;
  why_ = why;
  reactor_.Stop();
}

void TunnelRun::Stop(TunnelCommand& command) {
  LOG(INFO) << "Stopping: connections may end by themselves; a second signal stops at once";
  notifier_.Stopping();
  state_ = RunState::kStopping;
  command.Drain(reactor_.Now() + DrainTimeout());
}

std::string TunnelRun::Describe(const TunnelCommand& command) {
  return command.Describe(FormatRate(rate_.Update(reactor_.Now(), command.path_bytes())));
}

ExitCode TunnelRun::Report(const std::string& host_id) const {
  return ReportEnd(end_, why_, host_id);
}

ExitCode RunTunnel(const Invocation& invocation, const std::string& host_id,
                   const MakeTunnelCommand& make) {
  RaiseDescriptorLimit();
  net::Reactor reactor;
  reactor.SetSpin(SpinOf(invocation.settings));
  TunnelRun run(reactor, invocation.environment);
  std::unique_ptr<TunnelCommand> command;
  const StopSignals signals(reactor, ExitCode::kOk, [&] { run.Stop(*command); });
  const auto services = p2p::TunnelServices::Create(reactor);
  if (!services.ok()) return Fail(services.status());
  command = make(run);
  const auto admin =
      AdminInterface::Start(reactor, (*services)->websockets(), invocation.settings.Get("admin"),
                            [&] { return command->Report(run.state()); });
  if (!admin.ok()) return Fail(admin.status());
  if (Status started = command->Start(**services); !started.ok()) return Fail(started);
  {
    const LiveStatus live(reactor, [&] { return run.Describe(*command); });
    reactor.Run();
  }
  const ExitCode code = run.Report(host_id);
  command.reset();
  return code;
}

}  // namespace ming::cli
