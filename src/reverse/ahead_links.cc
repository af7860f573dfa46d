#include "ming/reverse/ahead_links.h"

#include <algorithm>

namespace ming::reverse {

using codec::ReverseConnId;

void AheadLinks::Open(LinkId session, size_t limit) { pools_.emplace(session, AheadPool(limit)); }

std::vector<LinkId> AheadLinks::Close(LinkId session) {
  std::vector<LinkId> links;
  const auto pool = pools_.find(session);
  if (pool == pools_.end()) return links;
  for (const AheadPool::Waiting& waiting : pool->second.waiting()) {
    waiting_.erase(waiting.link);
    links.push_back(waiting.link);
  }
  asked_.RemoveAllOf(session);
  pools_.erase(pool);
  return links;
}

std::optional<AheadPool::Waiting> AheadLinks::Take(LinkId session, Timestamp now) {
  const auto pool = pools_.find(session);
  if (pool == pools_.end()) return std::nullopt;
  const auto taken = pool->second.Take(now);
  if (taken) waiting_.erase(taken->link);
  return taken;
}

std::vector<ReverseConnId> AheadLinks::Ask(LinkId session, Timestamp now, size_t room) {
  std::vector<ReverseConnId> conns;
  const auto pool = pools_.find(session);
  if (pool == pools_.end()) return conns;
  for (size_t missing = pool->second.Ask(room); missing > 0; --missing) {
    conns.push_back(ReverseConnId::Draw(random_));
    asked_.Add(conns.back(), session, now + patience_);
  }
  return conns;
}

std::optional<LinkId> AheadLinks::SessionOf(ReverseConnId conn) const {
  return asked_.SessionOf(conn);
}

void AheadLinks::HandleArrived(const AheadPool::Waiting& waiting) {
  const LinkId session = *asked_.SessionOf(waiting.conn);
  asked_.Remove(waiting.conn);
  waiting_.emplace(waiting.link, session);
  pools_.at(session).HandleArrived(waiting);
}

void AheadLinks::HandleRefused(Timestamp now, ReverseConnId conn) {
  pools_.at(*asked_.SessionOf(conn)).HandleRefused(now);
  asked_.Remove(conn);
}

bool AheadLinks::HandleLost(Timestamp now, LinkId link) {
  const auto found = waiting_.find(link);
  if (found == waiting_.end()) return false;
  pools_.at(found->second).HandleLost(now, link);
  waiting_.erase(found);
  return true;
}

std::vector<LinkId> AheadLinks::HandleTimeout(Timestamp now) {
  std::vector<LinkId> surplus;
  for (auto& [session, pool] : pools_) {
    for (const AheadPool::Waiting& waiting : pool.HandleTimeout(now)) {
      waiting_.erase(waiting.link);
      surplus.push_back(waiting.link);
    }
  }
  while (const auto late = asked_.Late(now)) HandleRefused(now, *late);
  return surplus;
}

Timestamp AheadLinks::NextTimeout() const {
  Timestamp next = asked_.NextTimeout();
  for (const auto& [session, pool] : pools_) next = std::min(next, pool.NextTimeout());
  return next;
}

bool AheadLinks::IsConsistent() const {
  size_t asked = 0;
  size_t waiting = 0;
  for (const auto& [session, pool] : pools_) {
    asked += pool.asked();
    waiting += pool.waiting().size();
    if (pool.asked() + pool.waiting().size() > pool.limit()) return false;
  }
  return asked == asked_.size() && waiting == waiting_.size() && asked_.IsConsistent();
}

}  // namespace ming::reverse
