// Secret: a token or key that prints as *** and compares in constant time.
#ifndef MING_BASE_SECRET_H_
#define MING_BASE_SECRET_H_

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace ming {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  // The value itself, for the one place that puts it on the wire.
  const std::string& Reveal() const { return value_; }
  // Takes time that depends on the length of `other` only.
  bool Matches(std::string_view other) const;

  friend std::ostream& operator<<(std::ostream& out, const Secret& secret) {
    return out << (secret.empty() ? "" : "***");
  }

 private:
  std::string value_;
};

}  // namespace ming

#endif  // MING_BASE_SECRET_H_
