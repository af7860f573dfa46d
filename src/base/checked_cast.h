// CheckedCast: narrowing that CHECKs the value fits. For values whose range our own code
// guarantees; a number from a peer is compared with its limit first.
#ifndef MING_BASE_CHECKED_CAST_H_
#define MING_BASE_CHECKED_CAST_H_

#include <glog/logging.h>

#include <type_traits>

namespace ming::base {

template <typename To, typename From>
constexpr To CheckedCast(From value) {
  static_assert(std::is_integral_v<To> && std::is_integral_v<From>);
  const To narrowed = static_cast<To>(value);
  const bool sign_kept = (narrowed < To{}) == (value < From{});
  CHECK(static_cast<From>(narrowed) == value && sign_kept) << "value out of range: " << value;
  return narrowed;
}

}  // namespace ming::base

#endif  // MING_BASE_CHECKED_CAST_H_
