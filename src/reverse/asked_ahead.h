// AskedAhead: the data connections that clients were asked to open ahead of need and that have not
// come.
#ifndef MING_REVERSE_ASKED_AHEAD_H_
#define MING_REVERSE_ASKED_AHEAD_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

class AskedAhead {
 public:
  // `session` is the control connection that was asked. Deadlines never go back.
  void Add(codec::ReverseConnId conn, LinkId session, Timestamp deadline);
  // Who was asked; nothing for an id that nobody is to open.
  std::optional<LinkId> SessionOf(codec::ReverseConnId conn) const;
  void Remove(codec::ReverseConnId conn);
  void RemoveAllOf(LinkId session);

  // One whose deadline is not after `now`. Remove it before the next call.
  std::optional<codec::ReverseConnId> Late(Timestamp now) const;
  // Timestamp::Max() when there are none.
  Timestamp NextTimeout() const;
  size_t size() const { return sessions_.size(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  void Trim();

  std::unordered_map<codec::ReverseConnId, LinkId> sessions_;
  // The first one is among the above; behind it there may be some that are gone.
  std::deque<std::pair<Timestamp, codec::ReverseConnId>> deadlines_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_ASKED_AHEAD_H_
