#include "ming/reverse/client_core_options.h"

#include <algorithm>

#include "ming/base/option_problems.h"
#include "ming/codec/reverse_line.h"

namespace ming::reverse {

Status ClientCoreOptions::Validate() const {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  OptionProblems problems;
  problems.Require(codec::IsReverseName(id), "id: 1 to 64 of A-Z a-z 0-9 . _ -");
  problems.Range("labels", labels.size(), 0, kMaxLabels);
  problems.Require(std::all_of(labels.begin(), labels.end(), codec::IsReverseName),
                   "label: 1 to 64 of A-Z a-z 0-9 . _ -");
  problems.Range("handshake-timeout", handshake_timeout, milliseconds(10), minutes(10));
  problems.Range("drain-timeout", drain_timeout, Duration::zero(), hours(24));
  problems.Range("max-conns", max_conns, 1, 1000000);
  problems.Range("ahead", ahead, 0, kMaxAhead);
  problems.Require(ahead == 0 || !dial_first,
                   "ahead: not with dial-first, which reaches the target before the server");
  problems.Range("retry-min", reconnect.least, milliseconds(10), hours(24));
  problems.Range("retry-max", reconnect.most, reconnect.least, hours(24));
  return problems.ToStatus();
}

}  // namespace ming::reverse
