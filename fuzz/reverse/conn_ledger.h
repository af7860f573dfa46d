// ConnLedger: the connections that a core has told of and not ended yet, for the drivers of both.
#ifndef MING_FUZZ_REVERSE_CONN_LEDGER_H_
#define MING_FUZZ_REVERSE_CONN_LEDGER_H_

#include <glog/logging.h>

#include <chrono>
#include <set>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"

namespace ming::reverse {

template <typename Id>
class ConnLedger {
 public:
  void Begin(Id id) { CHECK(open_.insert(id).second) << "it begins twice"; }
  void BeginRelay(Id id) { CHECK(relays_.insert(id).second) << "it is relayed twice"; }
  void End(Id id) {
    CHECK_EQ(open_.erase(id), 1U) << "it ends twice";
    relays_.erase(id);
  }

  // Stops `core`, lets its deadlines pass and ends what is relayed: nothing may be left. `drain`
  // takes the core's events.
  template <typename Core, typename Drain>
  void Finish(Core& core, Timestamp now, const Drain& drain) {
    core.Stop(now);
    drain();
    now = now + std::chrono::hours(1);
    core.HandleTimeout(now);
    drain();
    const std::set<Id> relays = relays_;
    for (const Id& id : relays) core.HandleRelayDone(now, id, codec::ReverseReason::kReset);
    drain();
    CHECK(open_.empty()) << "a connection without an end";
    CHECK(core.NextTimeout() == Timestamp::Max());
  }

 private:
  std::set<Id> open_;
  std::set<Id> relays_;
};

}  // namespace ming::reverse

#endif  // MING_FUZZ_REVERSE_CONN_LEDGER_H_
