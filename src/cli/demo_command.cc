#include <gflags/gflags.h>
#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/units.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/gflags_table.h"
#include "ming/cli/process_setup.h"
#include "ming/cli/status_line.h"
#include "ming/cli/status_text.h"
#include "ming/cli/stop_signals.h"
#include "ming/net/reactor.h"
#include "ming/p2p/demo.h"
#include "ming/p2p/tunnel_services.h"

DEFINE_string(bytes, "", "bytes to send each way over TCP");
DEFINE_string(datagrams, "", "UDP datagrams to send to an echo and back");
DEFINE_string(datagram_size, "", "bytes of each datagram");
DEFINE_string(round_trips, "", "round trips of one byte to measure");
DEFINE_string(time_limit, "", "the whole run at most");

namespace ming::cli {
namespace {

using p2p::DemoPhase;

double PerSecond(uint64_t amount, Duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  return seconds > 0 ? static_cast<double>(amount) / seconds : 0;
}

// "256MiB, 212.0 MB/s", "10000", ...
std::string Amount(const p2p::DemoProgress& progress) {
  switch (progress.phase) {
    case DemoPhase::kConnecting:
      return FormatDelay(progress.elapsed);
    case DemoPhase::kToHost:
    case DemoPhase::kToClient:
      return FormatSize(progress.done) + ", " +
             FormatRate(PerSecond(progress.done, progress.elapsed));
    case DemoPhase::kRoundTrips:
    case DemoPhase::kDatagrams:
      return std::to_string(progress.done) + " of " + std::to_string(progress.total);
  }
  return "";
}

std::string ProgressText(const p2p::DemoProgress& progress) {
  return std::string(p2p::DemoPhaseName(progress.phase)) + ": " + Amount(progress);
}

std::string ReportText(const p2p::DemoReport& report) {
  return "path:          " + report.path + "\n" +
         "round trip:    " + FormatDelay(report.round_trip_time) + " (median, one byte)\n" +
         "to the host:   " + FormatSize(report.bytes_to_host) + ", " +
         FormatRate(PerSecond(report.bytes_to_host, report.time_to_host)) + ", SHA-256 " +
         report.sha256_to_host.substr(0, 16) + " equal\n" +
         "to the client: " + FormatSize(report.bytes_to_client) + ", " +
         FormatRate(PerSecond(report.bytes_to_client, report.time_to_client)) + ", SHA-256 " +
         report.sha256_to_client.substr(0, 16) + " equal\n" +
         "datagrams:     " + std::to_string(report.datagrams_returned) + " of " +
         std::to_string(report.datagrams_sent) + " returned, " +
         std::to_string(report.datagrams_damaged) + " damaged\n";
}

// Progress goes to standard error as a live line, each finished phase and the report to standard
// output.
class DemoRun final : public p2p::Demo::Observer {
 public:
  explicit DemoRun(net::Reactor& reactor) : reactor_(reactor) {}

  void Start(p2p::TunnelServices& services, const p2p::DemoOptions& options) {
    demo_ = p2p::Demo::Start(services, options, *this);
  }

  void Interrupt() {
    demo_.reset();
    Finish(Status(StatusCode::kClosed, "demo: interrupted"));
  }

  const Status& result() const { return result_; }

 private:
  void OnDemoProgress(const p2p::DemoProgress& progress) override {
    if (!progress.finished) return line_.Update(ProgressText(progress));
    line_.Update("");
    std::printf("%s\n", ProgressText(progress).c_str());
    std::fflush(stdout);
  }

  void OnDemoDone(const Status& result, const p2p::DemoReport& report) override {
    line_.Update("");
    if (result.ok()) {
      std::printf("\nEverything that was sent arrived, and nothing else.\n%s\n%s",
                  ReportText(report).c_str(), p2p::DemoNextSteps("ming").c_str());
    }
    Finish(result.WithContext("demo"));
  }

  void Finish(const Status& result) {
    result_ = result;
    reactor_.Stop();
  }

  net::Reactor& reactor_;
  StatusLine line_;
  std::unique_ptr<p2p::Demo> demo_;
  Status result_;
};

p2p::DemoOptions DemoOptionsOfFlags() {
  p2p::DemoOptions options;
  options.tcp_bytes = SizeValue(FLAGS_bytes);
  options.datagrams = *ParseInteger(FLAGS_datagrams);
  options.datagram_bytes = SizeValue(FLAGS_datagram_size);
  options.round_trips = *ParseInteger(FLAGS_round_trips);
  options.time_limit = DurationValue(FLAGS_time_limit);
  return options;
}

// A report is what a demo shows; who wants the log as well asks for it.
void KeepLogQuiet(const Settings& settings) {
  if (settings.IsSet("v") || settings.IsSet("minloglevel")) return;
  FLAGS_minloglevel = google::GLOG_WARNING;
}

ExitCode RunDemo(const Invocation& invocation) {
  KeepLogQuiet(invocation.settings);
  const p2p::DemoOptions options = DemoOptionsOfFlags();
  if (Status valid = options.Validate(); !valid.ok()) return Fail(valid);
  RaiseDescriptorLimit();
  std::printf("ming demo: a signaling server, a host and a client in this process, on loopback\n");
  std::fflush(stdout);
  net::Reactor reactor;
  std::unique_ptr<DemoRun> run;
  const StopSignals signals(reactor, ExitCode::kFailure, [&run] { run->Interrupt(); });
  const auto services = p2p::TunnelServices::Create(reactor);
  if (!services.ok()) return Fail(services.status());
  run = std::make_unique<DemoRun>(reactor);
  run->Start(**services, options);
  reactor.Run();
  const Status result = run->result();
  run.reset();
  if (result.ok()) return ExitCode::kOk;
  PrintError(result);
  return ExitCode::kFailure;
}

FlagSet DemoFlags() {
  const p2p::DemoOptions presets;
  std::vector<FlagSpec> flags = {
      SizeFlag("bytes", presets.tcp_bytes, 1, uint64_t{1} << 40),
      CountFlag("datagrams", presets.datagrams, 1, 1'000'000'000),
      SizeFlag("datagram-size", presets.datagram_bytes, 16, 16'384),
      CountFlag("round-trips", presets.round_trips, 1, 1'000'000),
      TimeFlag("time-limit", presets.time_limit, std::chrono::seconds(1), std::chrono::hours(24)),
      HelpFlag(),
  };
  for (FlagSpec& flag : flags) {
    flag.group = FlagGroup::kMain;
    flag.sources = Sources::kCommandLine;
  }
  return JoinFlags({flags, GlogFlags()});
}

}  // namespace

Command DemoCommand() {
  Command command;
  command.help = {"demo", "see the whole tunnel work, in one process",
                  "Runs a signaling server, a host, a client and a service on loopback, sends data "
                  "through the tunnel both ways, and checks every byte of it.",
                  "ming demo", ""};
  command.flags = DemoFlags();
  command.run = RunDemo;
  return command;
}

}  // namespace ming::cli
