// AheadPool: the data connections that one client has opened before there are callers for them:
// how many there should be, and which one is next. It follows the demand up at once and down
// slowly. A connection may be lent to a caller and come back.
#ifndef MING_REVERSE_AHEAD_POOL_H_
#define MING_REVERSE_AHEAD_POOL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

class AheadPool {
 public:
  struct Waiting {
    codec::ReverseConnId conn;
    LinkId link;
  };

  // When a connection was lent.
  using Epoch = uint64_t;

  // At most `limit` wait or are on their way; 0: none ever.
  explicit AheadPool(size_t limit);

  // For a caller: the one that waits longest. None: from now on there should be more of them.
  std::optional<Waiting> Take(Timestamp now);
  // How many to ask the client for now, at most `room`; they count as asked for.
  size_t Ask(size_t room);

  // One that was taken is expected back. It counts as one of the pool, unless its caller stays: for
  // more than one or two reviews, 10 s each, others are asked for in its place.
  Epoch Lend(Timestamp now);
  // It is here again. False: it is one too many.
  [[nodiscard]] bool HandleReturned(Epoch lent, const Waiting& waiting);
  // It will not come back.
  void HandleSpent(Epoch lent);

  // One that was asked for is here.
  void HandleArrived(const Waiting& waiting);
  // One that was asked for will not come: the client has reasons, so it is left alone for a while.
  void HandleRefused(Timestamp now);
  // One that waited is gone. False: none of these.
  bool HandleLost(Timestamp now, LinkId link);

  // Those that nobody needs any more: they are to be ended. Early or repeated calls are harmless.
  std::vector<Waiting> HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const { return std::min(review_, rest_until_); }

  size_t limit() const { return limit_; }
  size_t goal() const { return goal_; }
  size_t asked() const { return asked_; }
  // That count as ones of the pool.
  size_t lent() const { return lent_now_ + lent_before_; }
  const std::deque<Waiting>& waiting() const { return waiting_; }

 private:
  size_t least() const;
  size_t have() const { return waiting_.size() + asked_ + lent(); }
  void BeginReviews(Timestamp now);

  const size_t limit_;
  size_t goal_;
  size_t asked_ = 0;
  std::deque<Waiting> waiting_;
  Epoch epoch_ = 1;                          // reviews so far
  size_t lent_now_ = 0;                      // in this epoch
  size_t lent_before_ = 0;                   // in the one before
  size_t idle_ = 0;                          // the fewest that waited since the last review
  Timestamp review_ = Timestamp::Max();      // while there may be something to change
  Timestamp rest_until_ = Timestamp::Max();  // asks for nothing until then
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_AHEAD_POOL_H_
