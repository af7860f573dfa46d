#include "ming/net/connection_race.h"

#include <cerrno>

namespace ming::net {

std::vector<SocketAddress> AlternateFamilies(const std::vector<SocketAddress>& addresses) {
  std::vector<SocketAddress> preferred;
  std::vector<SocketAddress> other;
  for (const auto& address : addresses) {
    const bool is_first_family = address.family() == addresses.front().family();
    (is_first_family ? preferred : other).push_back(address);
  }
  std::vector<SocketAddress> result;
  for (size_t i = 0; i < preferred.size() || i < other.size(); ++i) {
    if (i < preferred.size()) result.push_back(preferred[i]);
    if (i < other.size()) result.push_back(other[i]);
  }
  return result;
}

std::optional<size_t> ConnectionRace::PollStart(Timestamp now) {
  if (started_ == candidates_ || now < next_start_) return std::nullopt;
  next_start_ = now + delay_;
  return started_++;
}

Timestamp ConnectionRace::NextStart() const {
  return started_ == candidates_ ? Timestamp::Max() : next_start_;
}

void ConnectionRace::HandleFailure(const Status& why) {
  if (error_.detail() != ECONNREFUSED) error_ = why;
  ++failed_;
  next_start_ = Timestamp(Duration::min());
}

}  // namespace ming::net
