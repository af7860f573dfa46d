// RelayTable: the callers that are relayed: on whose behalf, until when, and why each ends.
#ifndef MING_REVERSE_RELAY_TABLE_H_
#define MING_REVERSE_RELAY_TABLE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/ahead_pool.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

class RelayTable {
 public:
  struct Relay {
    codec::ReverseConnId conn;  // spent
    LinkId session;             // the control connection of its client
    Timestamp since;            // of the accept
    Timestamp deadline = Timestamp::Max();
    std::optional<codec::ReverseReason> aborted_for;
    std::optional<codec::ReverseReason> hint;  // the client's CLOSE
    std::optional<AheadPool::Epoch> lent;      // its link, which may come back
    bool ready = false;                        // the client is done with it

    // It ended, seemingly for `why`: the client's hint says more than a reset does.
    codec::ReverseReason EndReason(codec::ReverseReason why) const;
  };

  void Add(CallerId caller, const Relay& relay);
  // Nothing: none of ours.
  std::optional<Relay> Remove(CallerId caller);
  bool IsRelayed(codec::ReverseConnId conn) const { return callers_.count(conn) != 0; }
  // The client of `session` says why a relay ends. False: there is none of that id.
  bool NoteClose(LinkId session, codec::ReverseConnId conn, codec::ReverseReason why);
  // The same, that it is done with the caller.
  bool NoteReady(LinkId session, codec::ReverseConnId conn);

  // Of these callers, in the order of arrival.
  std::vector<CallerId> CallersOf(LinkId session) const;
  // It has to end by then, or earlier where that was said before.
  void Limit(CallerId caller, Timestamp deadline);
  void LimitAll(Timestamp deadline);
  // One whose deadline is not after `now`; it has none from here on.
  std::optional<CallerId> TakeLate(Timestamp now);
  // It is told to end. False: it was before.
  bool Abort(CallerId caller, codec::ReverseReason why);

  // Timestamp::Max() when no relay has a deadline.
  Timestamp NextTimeout() const;
  size_t size() const { return relays_.size(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  // Null: none has that id.
  Relay* FindByConn(codec::ReverseConnId conn);

  std::map<CallerId, Relay> relays_;
  std::unordered_map<codec::ReverseConnId, CallerId> callers_;
  std::set<std::pair<Timestamp, CallerId>> deadlines_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_RELAY_TABLE_H_
