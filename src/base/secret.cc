#include "ming/base/secret.h"

namespace ming {

bool Secret::Matches(std::string_view other) const {
  unsigned difference = value_.size() == other.size() ? 0U : 1U;
  for (size_t i = 0; i < other.size(); ++i) {
    const char mine = value_.empty() ? '\0' : value_[i % value_.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(mine) ^
                                        static_cast<unsigned char>(other[i]));
  }
  return difference == 0;
}

}  // namespace ming
