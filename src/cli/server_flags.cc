#include "ming/cli/server_flags.h"

#include <gflags/gflags.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/units.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/gflags_table.h"
#include "ming/cli/small_file.h"

DEFINE_string(addr, ":8080", "where to listen; without a host: everywhere");
DEFINE_string(valid_tokens, "", "tokens that are let in; none: everybody is");
DEFINE_string(host_tokens, "", "id=token,...: host IDs that need their token");
DEFINE_string(tls_cert_file, "", "certificate chain (PEM): speak wss://");
DEFINE_string(tls_key_file, "", "its private key (PEM)");
DEFINE_string(allowed_origins, "*", "web origins that are let in");

DEFINE_string(max_connections_per_source, "", "the same from one IPv4 address or IPv6 /64");
DEFINE_string(max_message_size, "", "longest signaling message");
DEFINE_string(message_rate, "", "messages a second of one connection");
DEFINE_string(message_burst, "", "messages of one connection at once");
DEFINE_string(max_id_length, "", "bytes of an ID");
DEFINE_string(connection_rate, "", "new connections a second of one address");
DEFINE_string(connection_burst, "", "new connections of one address at once");
DEFINE_string(auth_failure_burst, "", "wrong tokens of one source before it has to wait");
DEFINE_string(auth_failure_refill, "", "time after which it may try once more");
DEFINE_string(send_queue_size, "", "bytes kept for a slow reader; more is lost");
DEFINE_string(send_queue_total, "", "the same for all readers together");
DEFINE_string(slow_reader_limit, "", "a reader whose queue stays full for so long is closed");
DEFINE_string(handshake_timeout, "", "from accept to the end of the request");
DEFINE_string(first_message_timeout, "", "from there to the first message");
DEFINE_string(ping_interval, "", "time between pings");
DEFINE_string(peer_timeout, "", "a peer that is silent for so long is gone");
DECLARE_string(max_connections);
DECLARE_string(drain_timeout);

namespace ming::cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::vector<FlagSpec> LimitFlags() {
  const signaling::SignalingServerOptions presets;
  const signaling::SignalingServerCoreOptions& core = presets.core;
  return {
      CountFlag("max-connections", core.max_connections, 1, 1'000'000),
      CountFlag("max-connections-per-source", core.max_connections_per_source, 1, 1'000'000),
      CountFlag("connection-rate", static_cast<uint64_t>(core.connection_rate), 1, 1'000'000),
      CountFlag("connection-burst", static_cast<uint64_t>(core.connection_burst), 1, 1'000'000),
      SizeFlag("max-message-size", core.max_message_size, kKiB, kMiB),
      CountFlag("message-rate", static_cast<uint64_t>(core.message_rate), 1, 1'000'000),
      CountFlag("message-burst", static_cast<uint64_t>(core.message_burst), 1, 1'000'000),
      CountFlag("max-id-length", core.max_id_length, 1, 256),
      CountFlag("auth-failure-burst", core.auth_failure_burst, 1, 10'000),
      TimeFlag("auth-failure-refill", core.auth_failure_refill, milliseconds(1), hours(1)),
      SizeFlag("send-queue-size", presets.send_queue_bytes, 64 * kKiB, 64 * kMiB),
      SizeFlag("send-queue-total", presets.send_queue_total, 64 * kKiB, 4 * kGiB),
      TimeFlag("slow-reader-limit", presets.slow_reader_limit, milliseconds(10), minutes(1)),
      TimeFlag("handshake-timeout", presets.handshake_timeout, milliseconds(100), hours(1)),
      TimeFlag("first-message-timeout", core.first_message_timeout, milliseconds(100), hours(1)),
      TimeFlag("ping-interval", presets.ping_interval, seconds(1), hours(24)),
      TimeFlag("peer-timeout", presets.peer_timeout, seconds(1), hours(24)),
      TimeFlag("drain-timeout", presets.drain_timeout, milliseconds(0), hours(1)),
  };
}

Status CheckReadable(const Settings& settings, const std::string& flag, const std::string& path) {
  constexpr size_t kMaxPemBytes = 4 * kMiB;
  const Result<std::string> file = ReadSmallFile(path, kMaxPemBytes);
  return file.ok() ? Status::Ok() : file.status().WithContext(settings.Get(flag).where);
}

Status SetTls(const Settings& settings, signaling::SignalingServerOptions& options) {
  if (FLAGS_tls_cert_file.empty() && FLAGS_tls_key_file.empty()) return Status::Ok();
  if (FLAGS_tls_key_file.empty()) {
    return BadValue(settings, "tls-cert-file", "a certificate needs its key: set --tls-key-file");
  }
  if (FLAGS_tls_cert_file.empty()) {
    return BadValue(settings, "tls-key-file", "a key needs its certificate: set --tls-cert-file");
  }
  if (Status read = CheckReadable(settings, "tls-cert-file", FLAGS_tls_cert_file); !read.ok()) {
    return read;
  }
  if (Status read = CheckReadable(settings, "tls-key-file", FLAGS_tls_key_file); !read.ok()) {
    return read;
  }
  options.tls = ws::WsServerTls{FLAGS_tls_cert_file, FLAGS_tls_key_file};
  return Status::Ok();
}

// Whether who wrote this expects the door to be closed: `--valid-tokens "$UNSET"`, a list of
// nothing but commas. Empty in the environment or a file is how those leave a setting out.
bool MeansTokens(const Setting& setting) {
  return !setting.value.empty() || setting.origin == Origin::kCommandLine;
}

Status SetTokens(const Settings& settings, signaling::SignalingServerCoreOptions& options) {
  for (std::string& token : SplitList(FLAGS_valid_tokens)) {
    options.valid_tokens.emplace_back(std::move(token));
  }
  if (options.valid_tokens.empty() && MeansTokens(settings.Get("valid-tokens"))) {
    return BadValue(settings, "valid-tokens",
                    "holds no token, and without one everybody is let in");
  }
  for (const std::string& entry : SplitList(FLAGS_host_tokens)) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == entry.size()) {
      return BadValue(settings, "host-tokens", "an entry is not of the form id=token");
    }
    const std::string id = entry.substr(0, equals);
    if (!options.host_tokens.emplace(id, Secret(entry.substr(equals + 1))).second) {
      return BadValue(settings, "host-tokens", "the ID \"" + id + "\" has two tokens");
    }
  }
  return Status::Ok();
}

void SetLimits(signaling::SignalingServerOptions& options) {
  const auto count = [](const std::string& text) { return *ParseInteger(text); };
  signaling::SignalingServerCoreOptions& core = options.core;
  core.max_connections = count(FLAGS_max_connections);
  core.max_connections_per_source = count(FLAGS_max_connections_per_source);
  core.max_message_size = SizeValue(FLAGS_max_message_size);
  core.connection_rate = static_cast<double>(count(FLAGS_connection_rate));
  core.connection_burst = static_cast<double>(count(FLAGS_connection_burst));
  core.message_rate = static_cast<double>(count(FLAGS_message_rate));
  core.message_burst = static_cast<double>(count(FLAGS_message_burst));
  core.max_id_length = count(FLAGS_max_id_length);
  core.auth_failure_burst = count(FLAGS_auth_failure_burst);
  core.auth_failure_refill = DurationValue(FLAGS_auth_failure_refill);
  core.first_message_timeout = DurationValue(FLAGS_first_message_timeout);
  options.send_queue_bytes = SizeValue(FLAGS_send_queue_size);
  options.send_queue_total = SizeValue(FLAGS_send_queue_total);
  options.slow_reader_limit = DurationValue(FLAGS_slow_reader_limit);
  options.handshake_timeout = DurationValue(FLAGS_handshake_timeout);
  options.ping_interval = DurationValue(FLAGS_ping_interval);
  options.peer_timeout = DurationValue(FLAGS_peer_timeout);
  options.drain_timeout = DurationValue(FLAGS_drain_timeout);
}

Status JoinProblems(const std::vector<std::string>& problems) {
  std::string text;
  for (const std::string& problem : problems) text += (text.empty() ? "" : "; ") + problem;
  return problems.empty() ? Status::Ok() : Status(StatusCode::kInvalidArgument, text);
}

}  // namespace

FlagSet ServerFlags() {
  FlagSpec valid_tokens = GflagsFlag("valid-tokens", ValueType::kTextList, "LIST");
  valid_tokens.sensitivity = Sensitivity::kSecret;
  valid_tokens.aliases = {"auth-valid-tokens"};  // the key of the Go program's file
  FlagSpec host_tokens = GflagsFlag("host-tokens", ValueType::kTextList, "LIST");
  host_tokens.sensitivity = Sensitivity::kSecret;
  const std::vector<FlagSpec> flags = {
      GflagsFlag("addr", ValueType::kAddress, "HOST:PORT"),
      std::move(valid_tokens),
      std::move(host_tokens),
      GflagsFlag("tls-cert-file", ValueType::kPath, "FILE"),
      GflagsFlag("tls-key-file", ValueType::kPath, "FILE"),
      GflagsFlag("allowed-origins", ValueType::kTextList, "LIST"),
  };
  return JoinFlags({flags, RoleFlags(), {HelpFlag()}, LimitFlags(), {SpinFlag()}, GlogFlags()});
}

Result<signaling::SignalingServerOptions> ServerOptions(const Settings& settings) {
  signaling::SignalingServerOptions options;
  options.listen = AddressValue(FLAGS_addr);
  if (Status set = SetTls(settings, options); !set.ok()) return set;
  if (Status set = SetTokens(settings, options.core); !set.ok()) return set;
  options.core.allowed_origins = SplitList(FLAGS_allowed_origins);
  SetLimits(options);
  if (Status valid = JoinProblems(signaling::Validate(options)); !valid.ok()) return valid;
  return options;
}

}  // namespace ming::cli
