#include "ming/reverse/server_core_options.h"

#include "ming/base/option_problems.h"
#include "ming/codec/reverse_line.h"

namespace ming::reverse {
namespace {

constexpr size_t kMaxListeners = 1000;
constexpr size_t kMillion = 1000000;

}  // namespace

Status ServerCoreOptions::Validate() const {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  OptionProblems problems;
  problems.Range("handshake-timeout", handshake_timeout, milliseconds(10), minutes(10));
  problems.Range("pair-timeout", pair_timeout, milliseconds(10), hours(1));
  if (heartbeat != Duration::zero()) {
    problems.Range("heartbeat", heartbeat, milliseconds(10), hours(1));
  }
  problems.Range("probe-timeout", probe_timeout, milliseconds(10), minutes(10));
  problems.Range("drain-timeout", drain_timeout, Duration::zero(), hours(24));
  problems.Range("listeners", listeners.size(), 1, kMaxListeners);
  problems.Range("max-pending", max_pending, 1, kMillion);
  problems.Range("max-conns", max_relays, 1, kMillion);
  problems.Range("max-handshakes", max_handshakes, 1, kMillion);
  problems.Range("max-handshakes-per-address", max_handshakes_per_address, 1, kMillion);
  problems.Range("max-clients", max_clients, 1, 10000);
  problems.Range("ahead", ahead, 0, kMaxAhead);
  problems.Range("max-nonces", max_nonces, 1, kMillion);
  for (const ClientSelector& selector : listeners) {
    problems.Require(
        selector.kind == ClientSelector::Kind::kAny || codec::IsReverseName(selector.name),
        "a client id or label is 1 to 64 of A-Z a-z 0-9 . _ -");
  }
  return problems.ToStatus();
}

}  // namespace ming::reverse
