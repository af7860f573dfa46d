#include "ming/reverse/ahead_links.h"

#include <glog/logging.h>

#include <algorithm>

namespace ming::reverse {

using codec::ReverseConnId;

void AheadLinks::Open(LinkId session, size_t limit) { pools_.emplace(session, Pool(limit)); }

std::vector<LinkId> AheadLinks::Close(LinkId session) {
  std::vector<LinkId> links;
  const auto pool = pools_.find(session);
  if (pool == pools_.end()) return links;
  for (const AheadPool::Waiting& waiting : pool->second.waiting()) {
    waiting_.erase(waiting.link);
    links.push_back(waiting.link);
  }
  for (const auto& [conn, parked] : pool->second.parked) {
    waiting_.erase(parked.link);
    links.push_back(parked.link);
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
  Pool& pool = pools_.at(found->second);
  waiting_.erase(found);
  if (pool.HandleLost(now, link)) return true;
  const auto parked = std::find_if(pool.parked.begin(), pool.parked.end(),
                                   [link](const auto& one) { return one.second.link == link; });
  CHECK(parked != pool.parked.end());
  pool.HandleSpent(parked->second.lent);
  pool.parked.erase(parked);
  return true;
}

AheadPool::Epoch AheadLinks::Lend(LinkId session, Timestamp now) {
  return pools_.at(session).Lend(now);
}

void AheadLinks::HandleSpent(LinkId session, AheadPool::Epoch lent) {
  const auto pool = pools_.find(session);
  if (pool != pools_.end()) pool->second.HandleSpent(lent);
}

bool AheadLinks::HandleReturned(LinkId session, const AheadPool::Waiting& link,
                                AheadPool::Epoch lent, bool ready) {
  const auto pool = pools_.find(session);
  if (pool == pools_.end()) return false;
  if (ready) return AddReturned(session, link, lent);
  if (pool->second.parked.size() >= pool->second.limit()) {
    pool->second.HandleSpent(lent);
    return false;
  }
  waiting_.emplace(link.link, session);
  pool->second.parked.emplace(link.conn, Parked{link.link, lent});
  return true;
}

std::optional<LinkId> AheadLinks::HandleReady(LinkId session, ReverseConnId conn) {
  const auto pool = pools_.find(session);
  if (pool == pools_.end()) return std::nullopt;
  const auto found = pool->second.parked.find(conn);
  if (found == pool->second.parked.end()) return std::nullopt;
  const Parked parked = found->second;
  pool->second.parked.erase(found);
  waiting_.erase(parked.link);
  if (AddReturned(session, {conn, parked.link}, parked.lent)) return std::nullopt;
  return parked.link;
}

bool AheadLinks::AddReturned(LinkId session, const AheadPool::Waiting& link,
                             AheadPool::Epoch lent) {
  if (!pools_.at(session).HandleReturned(lent, link)) return false;
  waiting_.emplace(link.link, session);
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
    waiting += pool.waiting().size() + pool.parked.size();
    if (pool.parked.size() > pool.limit()) return false;
    if (pool.asked() + pool.waiting().size() > pool.limit()) return false;
  }
  return asked == asked_.size() && waiting == waiting_.size() && asked_.IsConsistent();
}

}  // namespace ming::reverse
