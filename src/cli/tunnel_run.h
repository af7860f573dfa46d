// TunnelRun: one run of `ming host` or `ming client`, from its start to its exit code: signals, the
// admin interface, the status line and the service manager. What it runs is behind TunnelCommand.
#ifndef MING_CLI_TUNNEL_RUN_H_
#define MING_CLI_TUNNEL_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ming/admin/role_report.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/cli/command.h"
#include "ming/cli/exit_code.h"
#include "ming/cli/role_reports.h"
#include "ming/cli/service_notify.h"
#include "ming/cli/status_text.h"
#include "ming/net/reactor.h"
#include "ming/p2p/session_types.h"
#include "ming/p2p/tunnel_services.h"

namespace ming::cli {

// The role in a run. Called from the loop, and only after Start succeeded, but for Start itself.
class TunnelCommand {
 public:
  virtual ~TunnelCommand() = default;
  // Starts the role, and tells the user what it does and what to beware of.
  virtual Status Start(p2p::TunnelServices& services) = 0;
  // Ends the role in order, by `deadline`; TunnelRun::End follows.
  virtual void Drain(Timestamp deadline) = 0;
  virtual admin::RoleReport Report(RunState state) const = 0;
  // One line; `rate` is that of the bytes on the path.
  virtual std::string Describe(const std::string& rate) const = 0;
  // Sent and received on the path since the start.
  virtual uint64_t path_bytes() const = 0;
};

class TunnelRun {
 public:
  TunnelRun(net::Reactor& reactor, const Environment& environment)
      : reactor_(reactor), notifier_(NotifySocket(environment)) {}

  RunState state() const { return state_; }

  // What the role reports: it does its work (later calls do nothing), and it has ended.
  void NoteReady() { notifier_.Ready(); }
  void End(p2p::TunnelEnd end, const Status& why);

  // `command` is drained by the first signal.
  void Stop(TunnelCommand& command);
  std::string Describe(const TunnelCommand& command);
  // Prints why the run ended. `host_id` is the host's.
  ExitCode Report(const std::string& host_id) const;

 private:
  net::Reactor& reactor_;
  ServiceNotifier notifier_;
  RateMeter rate_;
  RunState state_ = RunState::kRunning;
  p2p::TunnelEnd end_ = p2p::TunnelEnd::kFailed;
  Status why_;
};

// Makes the role; the run outlives it.
using MakeTunnelCommand = std::function<std::unique_ptr<TunnelCommand>(TunnelRun& run)>;

// Runs it until it has ended. `host_id` is the host's.
ExitCode RunTunnel(const Invocation& invocation, const std::string& host_id,
                   const MakeTunnelCommand& make);

}  // namespace ming::cli

#endif  // MING_CLI_TUNNEL_RUN_H_
