#include "ming/sctp/send_queue_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <utility>

namespace ming::sctp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMessage = 16384;
constexpr size_t kFloor = 65536;
constexpr size_t kCeiling = 1 << 20;

// A path of one rate and one round trip time, and a sender that always has more, as far as the
// limit lets it.
class Path {
 public:
  Path(double bytes_per_second, Duration round_trip)
      : rate_(bytes_per_second), round_trip_(round_trip) {}

  void Run(Duration duration) { Step(duration, true); }
  // The same sender on another path.
  void ChangeTo(double bytes_per_second, Duration round_trip) {
    rate_ = bytes_per_second;
    round_trip_ = round_trip;
    limit_.HandleNewPath();
  }
  void Idle(Duration duration) { Step(duration, false); }

  size_t limit() const { return limit_.limit(); }
  // The time a message queued now stays.
  Duration sojourn() const { return in_flight_.empty() ? Duration(0) : in_flight_.back() - now_; }
  double TakeRate(Duration over) {
    const auto bytes = static_cast<double>(std::exchange(acknowledged_, 0) * kMessage);
    return bytes / std::chrono::duration<double>(over).count();
  }

 private:
  void Step(Duration duration, bool has_more) {
    const Timestamp end = now_ + duration;
    for (; now_ < end; now_ = now_ + microseconds(50)) {
      while (!in_flight_.empty() && in_flight_.front() <= now_) {
        in_flight_.pop_front();
        ++acknowledged_;
      }
      const size_t queued = in_flight_.size() * kMessage;
      limit_.NoteQueued(now_, queued);
      if (queued <= limit_.resume_at()) waiting_ = false;
      while (has_more && !waiting_) Send();
    }
  }

  void Send() {
    if ((in_flight_.size() + 1) * kMessage > limit_.limit()) {
      limit_.NoteFull();
      waiting_ = true;
      return;
    }
    const Duration cost(static_cast<Duration::rep>(1e9 * static_cast<double>(kMessage) / rate_));
    link_free_ = std::max(link_free_, now_) + cost;
    in_flight_.push_back(link_free_ + round_trip_);
    limit_.NoteSent(now_, kMessage);
  }

  double rate_;
  Duration round_trip_;
  SendQueueLimit limit_{kFloor, kCeiling};
  Timestamp now_{seconds(1)};
  Timestamp link_free_;
  std::deque<Timestamp> in_flight_;  // when each message will be acknowledged
  size_t acknowledged_ = 0;
  bool waiting_ = false;
};

TEST(SendQueueLimit, KeepsTheQueueShortOnAFastPath) {
  Path path(100e6, microseconds(100));
  path.Run(seconds(1));
  EXPECT_LT(path.sojourn(), Duration(milliseconds(4)));
  path.TakeRate(seconds(1));
  path.Run(seconds(1));
  EXPECT_GT(path.TakeRate(seconds(1)), 95e6);
}

TEST(SendQueueLimit, FillsALongPath) {
  Path path(10e6, milliseconds(50));
  path.Run(seconds(1));
  path.TakeRate(seconds(1));
  path.Run(seconds(2));
  EXPECT_GT(path.TakeRate(seconds(2)), 9e6);
}

TEST(SendQueueLimit, DoesNotDriftWhileTheQueueIsNeverEmpty) {
  Path path(100e6, milliseconds(1));
  path.Run(seconds(60));
  EXPECT_LT(path.sojourn(), Duration(milliseconds(8)));
  path.TakeRate(seconds(60));
  path.Run(seconds(20));
  EXPECT_GT(path.TakeRate(seconds(20)), 95e6);
}

TEST(SendQueueLimit, FillsALongerPathThatReplacesAShortOne) {
  Path path(100e6, microseconds(100));
  path.Run(seconds(1));
  path.ChangeTo(10e6, milliseconds(50));
  path.Run(seconds(1));
  path.TakeRate(seconds(1));
  path.Run(seconds(2));
  EXPECT_GT(path.TakeRate(seconds(2)), 9e6);
}

TEST(SendQueueLimit, IdleTimeIsNoSignOfASlowPath) {
  Path path(10e6, milliseconds(50));
  path.Run(seconds(2));
  path.Run(milliseconds(1));
  const size_t before = path.limit();
  path.Idle(seconds(3));
  path.Run(milliseconds(300));
  EXPECT_GT(path.limit(), before / 2);
}

TEST(SendQueueLimit, StaysWithinItsBounds) {
  Path slow(20e3, milliseconds(10));
  slow.Run(seconds(3));
  EXPECT_EQ(slow.limit(), kFloor);
  Path long_path(1e9, milliseconds(200));
  long_path.Run(seconds(5));
  EXPECT_GT(long_path.limit(), kCeiling / 2);
  EXPECT_LE(long_path.limit(), kCeiling);
}

}  // namespace
}  // namespace ming::sctp
