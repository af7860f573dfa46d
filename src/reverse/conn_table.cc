#include "ming/reverse/conn_table.h"

#include <glog/logging.h>

namespace ming::reverse {

using codec::ReverseConnId;

ConnTable::Conn& ConnTable::Add(Conn conn) {
  if (!conn.has_caller) ++aheads_;
  const ReverseConnId id = conn.id;
  const auto [added, is_new] = conns_.emplace(id, std::move(conn));
  CHECK(is_new);
  return added->second;
}

ConnTable::Conn* ConnTable::Find(ReverseConnId id) {
  const auto found = conns_.find(id);
  return found == conns_.end() ? nullptr : &found->second;
}

ConnTable::Conn ConnTable::Remove(ReverseConnId id) {
  const auto found = conns_.find(id);
  CHECK(found != conns_.end());
  SetDeadline(found->second, Timestamp::Max());
  Conn conn = std::move(found->second);
  conns_.erase(found);
  if (conn.stage == Stage::kRelaying) --relays_;
  if (!conn.has_caller) --aheads_;
  return conn;
}

void ConnTable::BeginCaller(Conn& conn) {
  CHECK(!conn.has_caller);
  conn.has_caller = true;
  --aheads_;
}

void ConnTable::BeginRelay(Conn& conn) {
  CHECK(conn.stage != Stage::kRelaying);
  conn.stage = Stage::kRelaying;
  ++relays_;
}

void ConnTable::SetDeadline(Conn& conn, Timestamp deadline) {
  if (conn.deadline != Timestamp::Max()) deadlines_.erase({conn.deadline, conn.id});
  conn.deadline = deadline;
  if (deadline != Timestamp::Max()) deadlines_.emplace(deadline, conn.id);
}

ConnTable::Conn* ConnTable::Late(Timestamp now) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return nullptr;
  return Find(deadlines_.begin()->second);
}

Timestamp ConnTable::NextTimeout() const {
  return deadlines_.empty() ? Timestamp::Max() : deadlines_.begin()->first;
}

std::vector<ReverseConnId> ConnTable::ids() const {
  std::vector<ReverseConnId> ids;
  ids.reserve(conns_.size());
  for (const auto& [id, conn] : conns_) ids.push_back(id);
  return ids;
}

bool ConnTable::IsConsistent() const {
  size_t relays = 0;
  size_t aheads = 0;
  size_t limited = 0;
  for (const auto& [id, conn] : conns_) {
    if (conn.stage == Stage::kRelaying) ++relays;
    if (!conn.has_caller) ++aheads;
    if (conn.deadline == Timestamp::Max()) continue;
    ++limited;
    if (deadlines_.count({conn.deadline, id}) == 0) return false;
  }
  return relays == relays_ && aheads == aheads_ && limited == deadlines_.size();
}

}  // namespace ming::reverse
