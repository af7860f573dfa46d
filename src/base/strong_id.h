// StrongId: an integer that does not mix with other integers. One tag type a meaning.
#ifndef MING_BASE_STRONG_ID_H_
#define MING_BASE_STRONG_ID_H_

#include <cstddef>
#include <functional>
#include <ostream>

namespace ming {

template <typename Tag, typename Value>
class StrongId {
 public:
  using ValueType = Value;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Value value) : value_(value) {}

  constexpr Value value() const { return value_; }

  friend constexpr bool operator==(StrongId a, StrongId b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(StrongId a, StrongId b) { return a.value_ != b.value_; }
  friend constexpr bool operator<(StrongId a, StrongId b) { return a.value_ < b.value_; }
  friend std::ostream& operator<<(std::ostream& out, StrongId id) { return out << +id.value_; }

 private:
  Value value_{};
};

}  // namespace ming

template <typename Tag, typename Value>
struct std::hash<ming::StrongId<Tag, Value>> {
  size_t operator()(ming::StrongId<Tag, Value> id) const { return std::hash<Value>()(id.value()); }
};

#endif  // MING_BASE_STRONG_ID_H_
