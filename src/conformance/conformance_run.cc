#include "ming/conformance/conformance_run.h"

#include <algorithm>
#include <utility>

#include "ming/net/reactor.h"

namespace ming::conformance {
namespace {

constexpr Duration kRetryPause = std::chrono::milliseconds(250);

RunEnd EndOfStart(const Status& why, const BenchOptions& options) {
  if (why.code() == StatusCode::kPermissionDenied) return RunEnd::kRefused;
  const bool local = options.target && why.message().rfind("signaling", 0) != 0;
  return local ? RunEnd::kLocal : RunEnd::kServerLost;
}

// A host may be started at the same time as the run.
Status AwaitPeer(Bench& bench) {
  const net::Reactor& reactor = bench.services().reactor;
  const Timestamp deadline = reactor.Now() + bench.options().wait;
  for (;;) {
    Result<Session*> session = bench.Share();
    if (session.ok()) return Status::Ok();
    // Whoever answers is there; what is wrong with the answer is for the cases to say.
    const bool missing = session.status().code() == StatusCode::kUnavailable ||
                         session.status().code() == StatusCode::kTimeout;
    if (!missing) return Status::Ok();
    if (bench.interrupted() || reactor.Now() >= deadline) return session.status();
    bench.Rest(kRetryPause);
  }
}

// A peer that failed a case may have ended by it, or hang: the next case begins with a connection
// that works. Not ok: there is none to be had.
Status LookAfter(Bench& bench, CaseResult& result) {
  const bool usable = bench.has_session() && bench.session().CheckAlive().ok();
  if (usable && !bench.host_under_test()) return Status::Ok();  // it may be the only one
  bench.DropShared();
  const Timestamp start = bench.services().reactor.Now();
  Status there = AwaitPeer(bench);
  const bool was_away = bench.services().reactor.Now() - start >= kRetryPause;
  if (there.ok() && was_away && bench.host_under_test()) {
    result.outcome.detail += " (afterwards the peer was away for a while)";
  }
  return there;
}

// What the case stands on, or why it cannot be judged.
std::optional<Outcome> Prepare(Bench& bench, const Case& one) {
  if (one.need == Need::kNothing) return std::nullopt;
  const Result<Session*> session = bench.Share();
  if (!session.ok()) return bench.Missing(session.status());
  if (one.need == Need::kSession) return std::nullopt;
  if (one.need == Need::kOurEnd && bench.host_under_test() && bench.target() == nullptr) {
    return Skipped("the target behind the host is not ours (--target)");
  }
  if (bench.TrafficFlows()) return std::nullopt;
  if (!bench.host_under_test() && !bench.options().local) {
    return Skipped("nothing can be sent through the client (--local)");
  }
  return Skipped("nothing echoes behind the peer");
}

}  // namespace

RunSummary RunCases(Bench& bench, const std::vector<Case>& cases,
                    const std::function<void(const CaseResult&)>& on_result) {
  RunSummary summary;
  summary.why = bench.Start();
  if (!summary.why.ok()) {
    summary.end = EndOfStart(summary.why, bench.options());
    return summary;
  }
  const bool peer_matters = std::any_of(
      cases.begin(), cases.end(), [](const Case& one) { return GroupOf(one) != kServerGroup; });
  if (peer_matters) summary.why = AwaitPeer(bench);
  if (!summary.why.ok()) {
    summary.end = bench.interrupted() ? RunEnd::kInterrupted : RunEnd::kPeerMissing;
    return summary;
  }
  const net::Reactor& reactor = bench.services().reactor;
  Status gone;
  for (const Case& one : cases) {
    const Timestamp start = reactor.Now();
    const bool peer_needed = GroupOf(one) != kServerGroup;
    CaseResult result{one, {}, Duration(0)};
    if (peer_needed && !gone.ok()) {
      result.outcome = Fails("the peer is gone: " + gone.message());
    } else {
      const std::optional<Outcome> missing = Prepare(bench, one);
      result.outcome = missing ? *missing : one.run(bench);
    }
    result.took = reactor.Now() - start;
    if (peer_needed && gone.ok() && result.outcome.verdict == Verdict::kFails) {
      gone = LookAfter(bench, result);
    }
    if (bench.interrupted()) {
      summary.end = RunEnd::kInterrupted;
      summary.why = Status(StatusCode::kClosed, "interrupted");
      return summary;
    }
    on_result(result);
    summary.results.push_back(std::move(result));
  }
  return summary;
}

}  // namespace ming::conformance
