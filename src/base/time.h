// Duration and Timestamp. A Timestamp is a point of the steady clock as read by a TimerService;
// pure code only compares and adds, it never reads a clock.
#ifndef MING_BASE_TIME_H_
#define MING_BASE_TIME_H_

#include <chrono>
#include <limits>

namespace ming {

using Duration = std::chrono::nanoseconds;

class Timestamp {
 public:
  constexpr Timestamp() = default;
  constexpr explicit Timestamp(Duration since_origin) : since_origin_(since_origin) {}

  // Later than any other: "never". Adding to it stays "never".
  static constexpr Timestamp Max() { return Timestamp(Duration::max()); }

  constexpr Duration since_origin() const { return since_origin_; }

  friend constexpr bool operator==(Timestamp a, Timestamp b) {
    return a.since_origin_ == b.since_origin_;
  }
  friend constexpr bool operator!=(Timestamp a, Timestamp b) { return !(a == b); }
  friend constexpr bool operator<(Timestamp a, Timestamp b) {
    return a.since_origin_ < b.since_origin_;
  }
  friend constexpr bool operator<=(Timestamp a, Timestamp b) { return !(b < a); }
  friend constexpr bool operator>(Timestamp a, Timestamp b) { return b < a; }
  friend constexpr bool operator>=(Timestamp a, Timestamp b) { return !(a < b); }

  // Saturates at Max().
  friend constexpr Timestamp operator+(Timestamp t, Duration d) {
    if (t == Max() || (d.count() > 0 && t.since_origin_ > Duration::max() - d)) return Max();
    return Timestamp(t.since_origin_ + d);
  }
  friend constexpr Timestamp operator-(Timestamp t, Duration d) {
    return Timestamp(t.since_origin_ - d);
  }
  friend constexpr Duration operator-(Timestamp a, Timestamp b) {
    return a.since_origin_ - b.since_origin_;
  }

 private:
  Duration since_origin_{0};
};

}  // namespace ming

#endif  // MING_BASE_TIME_H_
