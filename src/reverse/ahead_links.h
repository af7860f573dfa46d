// AheadLinks: the data connections that clients open before there are callers for them: those that
// were asked for, those that are here, and the pool of each client.
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
  // One that waited is gone. False: none of ours.
  bool HandleLost(Timestamp now, LinkId link);

  // Those that nobody needs any more: they are to be ended. Ask every session again afterwards.
  std::vector<LinkId> HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;

  size_t waiting_count() const { return waiting_.size(); }
  size_t asked_count() const { return asked_.size(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  Random& random_;
  const Duration patience_;
  std::map<LinkId, AheadPool> pools_;
  AskedAhead asked_;
  std::unordered_map<LinkId, LinkId> waiting_;  // their sessions
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_AHEAD_LINKS_H_
