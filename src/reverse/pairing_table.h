// PairingTable: the callers that wait for a data connection: under which id each is announced, to
// whom, and until when it waits.
#ifndef MING_REVERSE_PAIRING_TABLE_H_
#define MING_REVERSE_PAIRING_TABLE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/reverse_types.h"
#include "ming/reverse/server_events.h"

namespace ming::reverse {

class PairingTable {
 public:
  struct Announcement {
    codec::ReverseConnId conn;
    LinkId session;  // its control connection
  };
  struct Entry {
    WaitingCaller whom;
    std::optional<Announcement> announcement;
  };

  // Deadlines are in the order of the ids.
  void Add(CallerId caller, WaitingCaller whom);
  bool Has(CallerId caller) const { return entries_.count(caller) != 0; }
  // The following are for callers of ours.
  const Entry& At(CallerId caller) const { return entries_.at(caller); }
  // Its announcement, if there is one, is retired.
  Entry Remove(CallerId caller);
  void Announce(CallerId caller, const Announcement& announcement);
  // Nobody can pair with its id any more; the caller goes on waiting.
  void Retire(CallerId caller);
  void RetireAllOf(LinkId session);

  // Who is announced under this id.
  std::optional<CallerId> CallerOf(codec::ReverseConnId conn) const;
  // Those that are not announced and wait until `least` or longer, in the order of arrival.
  std::vector<CallerId> Unannounced(Timestamp least) const;
  // The oldest whose deadline is not after `now`. Remove it before the next call.
  std::optional<CallerId> Late(Timestamp now) const;

  // Timestamp::Max() when there are none.
  Timestamp NextTimeout() const;
  size_t size() const { return entries_.size(); }
  size_t announced_count() const { return announced_.size(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  std::map<CallerId, Entry> entries_;
  std::unordered_map<codec::ReverseConnId, CallerId> announced_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_PAIRING_TABLE_H_
