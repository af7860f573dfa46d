// The run: the chosen cases one after another on one bench.
#ifndef MING_CONFORMANCE_CONFORMANCE_RUN_H_
#define MING_CONFORMANCE_CONFORMANCE_RUN_H_

#include <functional>
#include <vector>

#include "ming/base/status.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/case.h"
#include "ming/conformance/report.h"

namespace ming::conformance {

enum class RunEnd {
  kDone,
  kServerLost,   // the signaling server cannot be reached
  kRefused,      // it refused us: a token, or an ID that is taken
  kPeerMissing,  // no host of that ID, or no client that offers
  kLocal,        // an address of ours cannot be used
  kInterrupted,
};

struct RunSummary {
  RunEnd end = RunEnd::kDone;
  Status why;  // of anything but kDone
  std::vector<CaseResult> results;
};

// `on_result` is called for each case as it ends. Cases of the signaling server alone do not ask
// for the peer.
RunSummary RunCases(Bench& bench, const std::vector<Case>& cases,
                    const std::function<void(const CaseResult&)>& on_result);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_CONFORMANCE_RUN_H_
