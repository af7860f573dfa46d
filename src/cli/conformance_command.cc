#include <glog/logging.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "ming/base/utf8.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/gflags_table.h"
#include "ming/cli/process_setup.h"
#include "ming/cli/stop_signals.h"
#include "ming/cli/tunnel_flags.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"
#include "ming/conformance/conformance_run.h"
#include "ming/conformance/report.h"
#include "ming/net/reactor.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/webrtc/peer_connection.h"

namespace ming::cli {
namespace {

using conformance::BenchOptions;
using conformance::CaseResult;
using conformance::PeerRole;
using conformance::RunEnd;
using conformance::TunnelKind;

constexpr int kJsonVersion = 1;

std::string LowerCaseName(conformance::Verdict verdict) {
  std::string name(conformance::VerdictName(verdict));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::string AsJson(const Settings& settings, const std::vector<CaseResult>& results) {
  const conformance::Tally tally = conformance::Count(results);
  nlohmann::ordered_json json = {{"version", kJsonVersion},
                                 {"role", settings.Value("role")},
                                 {"id", settings.Value("id")},
                                 {"protocol", settings.Value("protocol")},
                                 {"signal", settings.Value("signal")},
                                 {"holds", tally.holds},
                                 {"fails", tally.fails},
                                 {"skipped", tally.skipped},
                                 {"results", nlohmann::ordered_json::array()}};
  for (const CaseResult& result : results) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(result.took);
    json["results"].push_back({{"id", result.about.id},
                               {"section", result.about.section},
                               {"sentence", result.about.sentence},
                               {"verdict", LowerCaseName(result.outcome.verdict)},
                               {"detail", PrintableText(result.outcome.detail, 2000)},
                               {"milliseconds", took.count()}});
  }
  return json.dump(2) + "\n";
}

std::string ListAsJson(const std::vector<conformance::Case>& cases) {
  nlohmann::ordered_json json = {{"version", kJsonVersion},
                                 {"cases", nlohmann::ordered_json::array()}};
  for (const conformance::Case& one : cases) {
    json["cases"].push_back({{"id", one.id}, {"section", one.section}, {"sentence", one.sentence}});
  }
  return json.dump(2) + "\n";
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

conformance::CaseFilter FilterOf(const Settings& settings) {
  conformance::CaseFilter filter;
  filter.role = settings.Value("role") == "client" ? PeerRole::kClient : PeerRole::kHost;
  filter.tunnel = settings.Value("protocol") == "udp" ? TunnelKind::kUdp : TunnelKind::kTcp;
  filter.only = SplitList(settings.Value("only"));
  filter.with_long = settings.IsTrue("long");
  return filter;
}

Result<BenchOptions> BenchOptionsOf(const Settings& settings) {
  BenchOptions options;
  p2p::SignalingAccess access;
  if (Status set = SetSignaling(settings, access); !set.ok()) return set;
  if (Status set = SetIce(settings, options.ice); !set.ok()) return set;
  options.signaling = {access.url, access.token, access.trust};
  options.id = settings.Value("id");
  options.role = FilterOf(settings).role;
  options.tunnel = FilterOf(settings).tunnel;
  options.step_limit = DurationValue(settings.Value("timeout"));
  options.wait = DurationValue(settings.Value("wait"));
  options.local = AddressValue(settings.Value("local"));
  const std::string& target = settings.Value("target");
  if (!target.empty()) options.target = AddressValue(target);
  if (options.target && options.role == PeerRole::kClient) {
    return BadValue(settings, "target", "is for a host under test; a client has --local");
  }
  return options;
}

std::string Hint(RunEnd end, const BenchOptions& options) {
  const bool host = options.role == PeerRole::kHost;
  switch (end) {
    case RunEnd::kServerLost:
      return "is `ming server` running there? --signal names another";
    case RunEnd::kRefused:
      return "check --token-file and --id";
    case RunEnd::kPeerMissing:
      return host ? "is `ming host --id " + options.id + "` running, with the same --signal?"
                  : "start `ming client --id " + options.id + "` within --wait";
    case RunEnd::kLocal:
      return "choose another with --target";
    case RunEnd::kDone:
    case RunEnd::kInterrupted:
      break;
  }
  return "";
}

ExitCode CodeOf(RunEnd end) {
  switch (end) {
    case RunEnd::kServerLost:
      return ExitCode::kLost;
    case RunEnd::kRefused:
      return ExitCode::kRefused;
    case RunEnd::kPeerMissing:
      return ExitCode::kNotFound;
    case RunEnd::kDone:
    case RunEnd::kLocal:
    case RunEnd::kInterrupted:
      break;
  }
  return ExitCode::kFailure;
}

ExitCode Report(const Settings& settings, const BenchOptions& options,
                const conformance::RunSummary& summary) {
  if (summary.end != RunEnd::kDone && summary.end != RunEnd::kInterrupted) {
    const std::string hint = Hint(summary.end, options);
    PrintError(WithHint(summary.why, hint));
    return CodeOf(summary.end);
  }
  const conformance::Tally tally = conformance::Count(summary.results);
  if (settings.IsTrue("json")) {
    Print(AsJson(settings, summary.results));
  } else {
    Print(conformance::FormatTally(tally) + "\n");
  }
  if (summary.end == RunEnd::kInterrupted) return Fail(summary.why);
  return tally.all_hold() ? ExitCode::kOk : ExitCode::kFailure;
}

ExitCode RunConformance(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (!settings.IsSet("v") && !settings.IsSet("minloglevel")) {
    FLAGS_minloglevel = google::GLOG_ERROR;  // odd peers make odd lines; the report is the output
  }
  const std::vector<conformance::Case> cases =
      conformance::ChooseCases(conformance::AllCases(), FilterOf(settings));
  if (cases.empty()) {
    return Fail(Status(StatusCode::kInvalidArgument, "--only: no case is named so (see --list)"));
  }
  const bool json = settings.IsTrue("json");
  if (settings.IsTrue("list")) {
    std::string list;
    for (const conformance::Case& one : cases) list += conformance::FormatListed(one) + "\n";
    Print(json ? ListAsJson(cases) : list);
    return ExitCode::kOk;
  }
  if (settings.Value("id").empty()) {
    return Fail(Status(StatusCode::kInvalidArgument,
                       "--id is required: the ID of the host" + SeeHelp("conformance")));
  }
  const Result<BenchOptions> options = BenchOptionsOf(settings);
  if (!options.ok()) return Fail(options.status());
  RaiseDescriptorLimit();
  net::Reactor reactor;
  std::unique_ptr<conformance::Bench> bench;
  const StopSignals signals(reactor, ExitCode::kFailure, [&bench] {
    if (bench) bench->Interrupt();
  });
  const auto services = p2p::TunnelServices::Create(reactor);
  if (!services.ok()) return Fail(services.status());
  const webrtc::PeerServices& peers = (*services)->peers();
  const conformance::RawServices raw{
      reactor,      peers.glib,       peers.resolver, peers.sctp, (*services)->websockets(),
      peers.random, peers.certificate};
  bench = std::make_unique<conformance::Bench>(raw, *options);
  const conformance::RunSummary summary =
      conformance::RunCases(*bench, cases, [json](const CaseResult& result) {
        if (!json) Print(conformance::FormatResult(result) + "\n");
      });
  bench.reset();
  return Report(settings, *options, summary);
}

FlagSpec OwnFlag(const std::string& name, ValueType type, const std::string& preset,
                 const std::string& help) {
  FlagSpec flag;
  flag.name = name;
  flag.type = type;
  flag.default_text = preset;
  flag.help = help;
  flag.sources = Sources::kCommandLine;
  return flag;
}

FlagSpec TimeSpec(const std::string& name, const std::string& preset, const std::string& help,
                  Duration most) {
  FlagSpec flag = OwnFlag(name, ValueType::kDuration, preset, help);
  flag.value_name = "TIME";
  flag.group = FlagGroup::kLimits;
  flag.minimum = static_cast<uint64_t>(Duration(std::chrono::milliseconds(100)).count());
  flag.maximum = static_cast<uint64_t>(most.count());
  return flag;
}

FlagSet ConformanceFlags() {
  FlagSpec role = OwnFlag("role", ValueType::kChoice, "host", "what the peer under test is");
  role.value_name = "host|client";
  role.choices = {"host", "client"};
  FlagSpec id = OwnFlag("id", ValueType::kText, "", "the host's ID; of a client: the one we take");
  id.value_name = "ID";
  id.maximum = 128;
  FlagSpec target =
      OwnFlag("target", ValueType::kAddress, "", "we echo here, behind the host; none: others do");
  target.value_name = "HOST:PORT";
  FlagSpec local = GflagsFlag("local", ValueType::kAddress, "HOST:PORT");
  local.help = "where the client under test listens";
  FlagSpec only =
      OwnFlag("only", ValueType::kTextList, "", "only cases whose names contain one of these");
  only.value_name = "LIST";
  FlagSpec more =
      OwnFlag("long", ValueType::kBool, "false", "with cases that wait for long timers (40 s)");
  more.group = FlagGroup::kLimits;
  std::vector<FlagSpec> flags = {std::move(role), std::move(id)};
  for (FlagSpec& flag : AccessFlags()) flags.push_back(std::move(flag));
  flags.push_back(std::move(target));
  flags.push_back(std::move(local));
  flags.push_back(std::move(only));
  flags.push_back(OwnFlag("list", ValueType::kBool, "false", "the cases, without running them"));
  flags.push_back(
      OwnFlag("json", ValueType::kBool, "false", "for programs, with a member `version`"));
  flags.push_back(TimeSpec("timeout", "5s", "one step: an answer, a path, a transfer",
                           std::chrono::minutes(5)));
  flags.push_back(TimeSpec("wait", "10s", "for the peer to be there", std::chrono::hours(1)));
  flags.push_back(std::move(more));
  flags.push_back(HelpFlag());
  for (FlagSpec& flag : NetworkFlags()) {
    if (flag.name == "stun-server") flag.default_text = "none";
    flags.push_back(std::move(flag));
  }
  for (FlagSpec& flag : GlogFlags()) flags.push_back(std::move(flag));
  return FlagSet(std::move(flags));
}

}  // namespace

Command ConformanceCommand() {
  Command command;
  command.help = {"conformance", "check any peer against the protocols",
                  "Plays the other side of a host or client, ming or not, and says of each rule of "
                  "signaling, SDP, ICE, DTLS, SCTP, DCEP and the tunnel whether it holds.",
                  "ming conformance --id myhost --target localhost:25565", ""};
  command.flags = ConformanceFlags();
  command.run = RunConformance;
  return command;
}

}  // namespace ming::cli
