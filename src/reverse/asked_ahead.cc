#include "ming/reverse/asked_ahead.h"

#include <algorithm>
#include <iterator>

namespace ming::reverse {
namespace {

// Entries that may stay in the list of deadlines beyond as many again as are due.
constexpr size_t kMostGone = 64;

}  // namespace

void AskedAhead::Add(codec::ReverseConnId conn, LinkId session, Timestamp deadline) {
  sessions_.emplace(conn, session);
  deadlines_.emplace_back(deadline, conn);
}

std::optional<LinkId> AskedAhead::SessionOf(codec::ReverseConnId conn) const {
  const auto found = sessions_.find(conn);
  if (found == sessions_.end()) return std::nullopt;
  return found->second;
}

void AskedAhead::Remove(codec::ReverseConnId conn) {
  sessions_.erase(conn);
  Trim();
}

void AskedAhead::RemoveAllOf(LinkId session) {
  for (auto asked = sessions_.begin(); asked != sessions_.end();) {
    asked = asked->second == session ? sessions_.erase(asked) : std::next(asked);
  }
  Trim();
}

// One that does not come must not keep all that came behind it in the list.
void AskedAhead::Trim() {
  const auto gone = [this](const auto& entry) { return sessions_.count(entry.second) == 0; };
  while (!deadlines_.empty() && gone(deadlines_.front())) deadlines_.pop_front();
  if (deadlines_.size() <= 2 * sessions_.size() + kMostGone) return;
  deadlines_.erase(std::remove_if(deadlines_.begin(), deadlines_.end(), gone), deadlines_.end());
}

std::optional<codec::ReverseConnId> AskedAhead::Late(Timestamp now) const {
  if (deadlines_.empty() || deadlines_.front().first > now) return std::nullopt;
  return deadlines_.front().second;
}

Timestamp AskedAhead::NextTimeout() const {
  return deadlines_.empty() ? Timestamp::Max() : deadlines_.front().first;
}

bool AskedAhead::IsConsistent() const {
  return sessions_.size() <= deadlines_.size() &&
         deadlines_.size() <= 2 * sessions_.size() + kMostGone &&
         (deadlines_.empty() || sessions_.count(deadlines_.front().second) != 0);
}

}  // namespace ming::reverse
