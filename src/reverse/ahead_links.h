// AheadLinks: the data connections that clients open before there are callers for them: those that
// were asked for, those that are here, and the pool of each client. Where a connection serves one
// caller after another, it is lent to each.
#ifndef MING_REVERSE_AHEAD_LINKS_H_
#define MING_REVERSE_AHEAD_LINKS_H_

#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/ahead_pool.h"
#include "ming/reverse/asked_ahead.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

// Sessions are named by their control connections. One that is not open here has no connections
// ahead of need.
class AheadLinks {
 public:
  // `random` is unpredictable and outlives this. What was asked for and has not come after
  // `patience` is forgotten.
  AheadLinks(Random& random, Duration patience) : random_(random), patience_(patience) {}

  // At most `limit` of them, at least 1.
  void Open(LinkId session, size_t limit);
  // Those that waited: they are to be ended.
  std::vector<LinkId> Close(LinkId session);

  // For a caller: the one that waits longest.
  std::optional<AheadPool::Waiting> Take(LinkId session, Timestamp now);
  // Fresh ids of those that the session is to open now, at most `room`.
  std::vector<codec::ReverseConnId> Ask(LinkId session, Timestamp now, size_t room);

  // Who was asked for this one; nothing for an id that nobody is to open.
  std::optional<LinkId> SessionOf(codec::ReverseConnId conn) const;
  // The next two are for ids that somebody is to open: it is here; it will not come.
  void HandleArrived(const AheadPool::Waiting& waiting);
  void HandleRefused(Timestamp now, codec::ReverseConnId conn);
  // One that was taken is expected back.
  AheadPool::Epoch Lend(LinkId session, Timestamp now);
  // It will not come back.
  void HandleSpent(LinkId session, AheadPool::Epoch lent);
  // It has come back, as far as we see. It waits for callers when its client is `ready`, too.
  // False: it is one too many, and to be ended.
  [[nodiscard]] bool HandleReturned(LinkId session, const AheadPool::Waiting& link,
                                    AheadPool::Epoch lent, bool ready);
  // The client is done with the last caller of this one. One that is to be ended, if any.
  std::optional<LinkId> HandleReady(LinkId session, codec::ReverseConnId conn);
  // One that waited is gone. False: none of ours.
  bool HandleLost(Timestamp now, LinkId link);

  // Those that nobody needs any more: they are to be ended. Ask every session again afterwards.
  std::vector<LinkId> HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;

  // For callers, or for their clients.
  size_t waiting_count() const { return waiting_.size(); }
  size_t asked_count() const { return asked_.size(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  // A link whose caller has left us, and maybe not the client.
  struct Parked {
    LinkId link;
    AheadPool::Epoch lent;
  };
  struct Pool : AheadPool {
    using AheadPool::AheadPool;
    std::unordered_map<codec::ReverseConnId, Parked> parked;
  };

  bool AddReturned(LinkId session, const AheadPool::Waiting& link, AheadPool::Epoch lent);

  Random& random_;
  const Duration patience_;
  std::map<LinkId, Pool> pools_;
  AskedAhead asked_;
  std::unordered_map<LinkId, LinkId> waiting_;  // their sessions
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_AHEAD_LINKS_H_
