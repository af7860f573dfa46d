#include "ming/cli/reverse_flags.h"

#include <glog/logging.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/cli/common_flags.h"
#include "ming/cli/flag_builder.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/gflags_table.h"
#include "ming/cli/reverse_security.h"
#include "ming/cli/reverse_statistics.h"

namespace ming::cli {
namespace {

using reverse::ClientSelector;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr Duration kLeastHeartbeat = milliseconds(10);

FlagSpec AheadFlag(size_t preset, const std::string& help) {
  FlagSpec flag = NumberFlag("ahead", preset, 0, help);
  flag.maximum = reverse::kMaxAhead;
  return flag;
}

// What both ends take.
std::vector<FlagSpec> CommonFlags() {
  return {
      BoolFlag("udp", "carry datagrams as well; both ends must say so"),
      DurationFlag("udp-timeout", reverse::UdpOptions().idle_timeout, milliseconds(100), hours(24),
                   "a UDP source is forgotten after so long without a datagram"),
      ChoiceFlag("orphans", {"drain", "keep", "kill"}, "relays when the other end is lost"),
      BoolFlag("no-splice", "copy every byte, where the kernel could move them by itself"),
      DurationFlag("half-close-timeout", minutes(1), milliseconds(10), hours(24),
                   "one direction has ended, the other is silent"),
      DurationFlag("idle-timeout", Duration::zero(), Duration::zero(), hours(24),
                   "no byte in either direction; 0: no limit"),
      DurationFlag("drain-timeout", std::chrono::seconds(5), Duration::zero(), hours(24),
                   "what relays get at a stop or a loss"),
      SpinFlag(),
      InGroup(FlagGroup::kLogging, ChoiceFlag("log-level", {"info", "error", "warn", "debug"},
                                              "debug: a line for each connection")),
      InGroup(FlagGroup::kLogging,
              ChoiceFlag("log-format", {"text", "json"}, "json: one object a line")),
      ConfigFlag(),
      HelpFlag(),
      VersionFlag(),
  };
}

FlagSet WithCommonFlags(std::vector<FlagSpec> flags, const std::vector<FlagSpec>& security) {
  for (const std::vector<FlagSpec>& more :
       {security, StatisticsFlags(), CommonFlags(), GlogFlags()}) {
    flags.insert(flags.end(), more.begin(), more.end());
  }
  return FlagSet(std::move(flags));
}

Duration TimeOf(const Settings& settings, const char* name) {
  return DurationValue(settings.Value(name));
}

size_t CountOf(const Settings& settings, const char* name) {
  return *ParseInteger(settings.Value(name));
}

reverse::Orphans OrphansOf(const Settings& settings) {
  const std::string& word = settings.Value("orphans");
  if (word == "keep") return reverse::Orphans::kKeep;
  return word == "kill" ? reverse::Orphans::kKill : reverse::Orphans::kDrain;
}

// What both ends take.
template <typename Options>
void SetCommon(const Settings& settings, Options& options) {
  options.core.orphans = OrphansOf(settings);
  options.core.handshake_timeout = TimeOf(settings, "handshake-timeout");
  options.core.drain_timeout = TimeOf(settings, "drain-timeout");
  options.core.ahead = CountOf(settings, "ahead");
  options.core.udp = settings.IsTrue("udp");
  options.udp.idle_timeout = TimeOf(settings, "udp-timeout");
  options.splice = !settings.IsTrue("no-splice");
  options.relay.half_close_timeout = TimeOf(settings, "half-close-timeout");
  const Duration idle = TimeOf(settings, "idle-timeout");
  if (idle > Duration::zero()) options.relay.idle_timeout = idle;
}

// "ADDR", "ADDR=id", "ADDR=label:NAME".
Status AddListener(const Settings& settings, const std::string& text,
                   reverse::ReverseServerOptions& options) {
  const size_t equals = text.find('=');
  const Result<HostPort> where = ParseHostPort(text.substr(0, equals));
  if (!where.ok()) return BadValue(settings, "listen-a", where.status().message());
  ClientSelector selector;
  if (equals != std::string::npos) {
    constexpr std::string_view kLabel = "label:";
    std::string name = text.substr(equals + 1);
    const bool label = name.rfind(kLabel, 0) == 0;
    if (label) name.erase(0, kLabel.size());
    if (!codec::IsReverseName(name)) {
      return BadValue(settings, "listen-a",
                      "behind '=' stands the id of a client, or label:NAME (A-Z a-z 0-9 . _ -)");
    }
    selector = {label ? ClientSelector::Kind::kLabel : ClientSelector::Kind::kId, name};
  }
  options.callers.push_back(*where);
  options.core.listeners.push_back(selector);
  return Status::Ok();
}

// What one flag alone does not tell.
Status CheckTogether(const Settings& settings, const reverse::ClientCoreOptions& options) {
  constexpr char kNames[] = "a name is 1 to 64 of A-Z a-z 0-9 . _ -";
  if (!codec::IsReverseName(options.id)) return BadValue(settings, "id", kNames);
  for (const std::string& label : options.labels) {
    if (!codec::IsReverseName(label)) return BadValue(settings, "label", kNames);
  }
  if (options.labels.size() > reverse::kMaxLabels) {
    return BadValue(settings, "label", "at most " + std::to_string(reverse::kMaxLabels));
  }
  if (options.ahead > 0 && options.dial_first) {
    return BadValue(settings, "ahead",
                    "not with --dial-first, which reaches the target before the server");
  }
  if (options.reconnect.most < options.reconnect.least) {
    return settings.IsSet("retry-max")
               ? BadValue(settings, "retry-max", "must not be less than --retry-min")
               : BadValue(settings, "retry-min", "must not be more than --retry-max");
  }
  for (const char* flag :
       {"retry-min", "retry-max", "retry-count", "retry-auth", "reconnect-after-replace"}) {
    if (!options.reconnect.enabled && settings.IsSet(flag)) {
      return BadValue(settings, flag, "means nothing with --no-reconnect");
    }
  }
  return Status::Ok();
}

Status CheckTogether(const Settings& settings, const reverse::ServerCoreOptions& options) {
  if (options.listeners.empty()) {
    return BadValue(settings, "listen-a", "needs an address (want host:port)");
  }
  if (options.heartbeat > Duration::zero() && options.heartbeat < kLeastHeartbeat) {
    return BadValue(settings, "heartbeat", "must be 10ms to 1h, or 0 for none");
  }
  return Status::Ok();
}

// The rest, and the last look.
template <typename Options>
Result<Options> Completed(const Settings& settings, Options options) {
  if (Status fits = CheckTogether(settings, options.core); !fits.ok()) return fits;
  if (Status valid = options.core.Validate(); !valid.ok()) return valid;
  if (Status secured = SetSecurity(settings, options); !secured.ok()) return secured;
  return options;
}

}  // namespace

FlagSet ReverseServerFlags() {
  const reverse::ServerCoreOptions presets;
  return WithCommonFlags(
      {
          ValueFlag("listen-a", ValueType::kTextList, "ADDR[=WHO]", ":18080",
                    "where callers connect; WHO: a client's id, or label:NAME"),
          ValueFlag("listen-b", ValueType::kAddress, "HOST:PORT", ":19090",
                    "where the client connects"),
          ChoiceFlag("second-client", {"reject", "replace"}, "what happens to a second client"),
          ChoiceFlag("offline", {"wait", "fail-fast"}, "a caller while no client is connected"),
          DurationFlag("pair-timeout", presets.pair_timeout, milliseconds(10), hours(1),
                       "how long a caller waits for its connection"),
          DurationFlag("handshake-timeout", presets.handshake_timeout, milliseconds(10),
                       minutes(10), "first line of a connection of the client"),
          DurationFlag("probe-timeout", presets.probe_timeout, milliseconds(10), minutes(10),
                       "sign of life when a second client comes"),
          DurationFlag("heartbeat", presets.heartbeat, Duration::zero(), hours(1),
                       "PING after so long without a line; 0: none"),
          AheadFlag(presets.ahead, "the most that a client may open ahead of need; 0: none"),
          NumberFlag("max-pending", presets.max_pending, 1, "callers that wait"),
          NumberFlag("max-conns", presets.max_relays, 1, "callers that are relayed"),
          NumberFlag("max-handshakes", presets.max_handshakes, 1,
                     "connections without a first line"),
      },
      ReverseServerSecurityFlags());
}

FlagSet ReverseClientFlags() {
  const reverse::ReverseClientOptions presets;
  const reverse::ReconnectOptions& reconnect = presets.core.reconnect;
  FlagSpec server =
      ValueFlag("server", ValueType::kAddress, "HOST:PORT", "", "the server's --listen-b");
  server.required = true;
  std::vector<FlagSpec> more = ReverseClientSecurityFlags();
  more.push_back(InGroup(FlagGroup::kNetwork, ChoiceFlag("proxy-protocol", {"off", "v1", "v2"},
                                                         "tell the target who the caller is")));
  more.push_back(InGroup(
      FlagGroup::kNetwork,
      BoolFlag("dial-first", "reach the target before a connection to the server is made")));
  FlagSpec target =
      ValueFlag("target", ValueType::kAddress, "HOST:PORT", "", "the service that callers reach");
  target.required = true;
  return WithCommonFlags(
      {
          std::move(server),
          std::move(target),
          ValueFlag("id", ValueType::kText, "NAME", presets.core.id,
                    "how the server knows this client"),
          ValueFlag("label", ValueType::kTextList, "NAME", "",
                    "groups this client belongs to, up to 8"),
          BoolFlag("no-reconnect", "exit with 3 when the server is lost"),
          BoolFlag("reconnect-after-replace", "come back when another client took the place"),
          DurationFlag("connect-timeout", presets.connect_timeout, milliseconds(10), minutes(10),
                       "to the server"),
          DurationFlag("dial-timeout", presets.dial_timeout, milliseconds(10), minutes(10),
                       "to the target, over all its addresses"),
          DurationFlag("handshake-timeout", presets.core.handshake_timeout, milliseconds(10),
                       minutes(10), "for the server's reply"),
          DurationFlag("retry-min", reconnect.least, milliseconds(10), hours(24), "first delay"),
          DurationFlag("retry-max", reconnect.most, milliseconds(10), hours(24), "longest delay"),
          NumberFlag("retry-count", reconnect.count, 0, "attempts before giving up; 0: no limit"),
          NumberFlag("max-conns", presets.core.max_conns, 1, "connections at once"),
          AheadFlag(presets.core.ahead,
                    "open up to N data connections before callers come; 0: none"),
      },
      more);
}

Result<reverse::ReverseServerOptions> ReverseServerSettings(const Settings& settings) {
  reverse::ReverseServerOptions options;
  options.callers.clear();
  options.core.listeners.clear();
  for (const std::string& text : SplitList(settings.Value("listen-a"))) {
    if (Status added = AddListener(settings, text, options); !added.ok()) return added;
  }
  options.clients = AddressValue(settings.Value("listen-b"));
  options.core.second_client = settings.Value("second-client") == "replace"
                                   ? reverse::SecondClient::kReplace
                                   : reverse::SecondClient::kReject;
  options.core.offline = settings.Value("offline") == "fail-fast" ? reverse::Offline::kFailFast
                                                                  : reverse::Offline::kWait;
  options.core.pair_timeout = TimeOf(settings, "pair-timeout");
  options.core.probe_timeout = TimeOf(settings, "probe-timeout");
  options.core.heartbeat = TimeOf(settings, "heartbeat");
  options.core.max_pending = CountOf(settings, "max-pending");
  options.core.max_relays = CountOf(settings, "max-conns");
  options.core.max_handshakes = CountOf(settings, "max-handshakes");
  SetCommon(settings, options);
  return Completed(settings, std::move(options));
}

Result<reverse::ReverseClientOptions> ReverseClientSettings(const Settings& settings) {
  reverse::ReverseClientOptions options;
  options.server = AddressValue(settings.Value("server"));
  options.target = AddressValue(settings.Value("target"));
  for (const auto& [flag, address] :
       {std::pair("server", &options.server), std::pair("target", &options.target)}) {
    if (address->host.empty() || address->port.value() == 0) {
      return BadValue(settings, flag, "needs a host and a port: HOST:PORT");
    }
  }
  options.core.id = settings.Value("id");
  options.core.dial_first = settings.IsTrue("dial-first");
  const std::string& proxy = settings.Value("proxy-protocol");
  if (proxy == "v1") options.proxy_protocol = codec::ProxyVersion::k1;
  if (proxy == "v2") options.proxy_protocol = codec::ProxyVersion::k2;
  options.core.labels = SplitList(settings.Value("label"));
  options.core.max_conns = CountOf(settings, "max-conns");
  options.core.reconnect.enabled = !settings.IsTrue("no-reconnect");
  options.core.reconnect.after_replace = settings.IsTrue("reconnect-after-replace");
  options.core.reconnect.least = TimeOf(settings, "retry-min");
  options.core.reconnect.most = TimeOf(settings, "retry-max");
  options.core.reconnect.count = CountOf(settings, "retry-count");
  options.connect_timeout = TimeOf(settings, "connect-timeout");
  options.dial_timeout = TimeOf(settings, "dial-timeout");
  SetCommon(settings, options);
  return Completed(settings, std::move(options));
}

std::unique_ptr<JsonLog> UseLogFlags(const Settings& settings) {
  std::unique_ptr<JsonLog> json;
  if (settings.Value("log-format") == "json") json = std::make_unique<JsonLog>();
  if (!settings.IsSet("log-level")) return json;
  const std::string& level = settings.Value("log-level");
  if (level == "error") FLAGS_minloglevel = google::GLOG_ERROR;
  if (level == "warn") FLAGS_minloglevel = google::GLOG_WARNING;
  if (level == "debug") FLAGS_v = std::max(FLAGS_v, 1);
  return json;
}

}  // namespace ming::cli
