#include "ming/reverse/relay_table.h"

#include <glog/logging.h>

namespace ming::reverse {

using codec::ReverseConnId;
using codec::ReverseReason;

ReverseReason RelayTable::Relay::EndReason(ReverseReason why) const {
  if (aborted_for) return *aborted_for;
  return why == ReverseReason::kReset ? hint.value_or(why) : why;
}

void RelayTable::Add(CallerId caller, const Relay& relay) {
  CHECK(relays_.emplace(caller, relay).second);
  callers_.emplace(relay.conn, caller);
}

std::optional<RelayTable::Relay> RelayTable::Remove(CallerId caller) {
  const auto found = relays_.find(caller);
  if (found == relays_.end()) return std::nullopt;
  const Relay relay = found->second;
  relays_.erase(found);
  callers_.erase(relay.conn);
  deadlines_.erase({relay.deadline, caller});
  return relay;
}

bool RelayTable::NoteClose(LinkId session, ReverseConnId conn, ReverseReason why) {
  Relay* const relay = FindByConn(conn);
  if (relay != nullptr && relay->session == session) relay->hint = why;
  return relay != nullptr;
}

bool RelayTable::NoteReady(LinkId session, ReverseConnId conn) {
  Relay* const relay = FindByConn(conn);
  if (relay != nullptr && relay->session == session) relay->ready = true;
  return relay != nullptr;
}

RelayTable::Relay* RelayTable::FindByConn(ReverseConnId conn) {
  const auto found = callers_.find(conn);
  return found == callers_.end() ? nullptr : &relays_.at(found->second);
}

std::vector<CallerId> RelayTable::CallersOf(LinkId session) const {
  std::vector<CallerId> callers;
  for (const auto& [caller, relay] : relays_) {
    if (relay.session == session) callers.push_back(caller);
  }
  return callers;
}

void RelayTable::Limit(CallerId caller, Timestamp deadline) {
  Relay& relay = relays_.at(caller);
  if (deadline >= relay.deadline) return;
  deadlines_.erase({relay.deadline, caller});
  relay.deadline = deadline;
  deadlines_.emplace(deadline, caller);
}

void RelayTable::LimitAll(Timestamp deadline) {
  for (const auto& [caller, relay] : relays_) Limit(caller, deadline);
}

std::optional<CallerId> RelayTable::TakeLate(Timestamp now) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return std::nullopt;
  const CallerId caller = deadlines_.begin()->second;
  deadlines_.erase(deadlines_.begin());
  relays_.at(caller).deadline = Timestamp::Max();
  return caller;
}

bool RelayTable::Abort(CallerId caller, ReverseReason why) {
  Relay& relay = relays_.at(caller);
  if (relay.aborted_for) return false;
  relay.aborted_for = why;
  return true;
}

Timestamp RelayTable::NextTimeout() const {
  return deadlines_.empty() ? Timestamp::Max() : deadlines_.begin()->first;
}

bool RelayTable::IsConsistent() const {
  size_t limited = 0;
  for (const auto& [caller, relay] : relays_) {
    const auto found = callers_.find(relay.conn);
    if (found == callers_.end() || found->second != caller) return false;
    if (relay.deadline == Timestamp::Max()) continue;
    ++limited;
    if (deadlines_.count({relay.deadline, caller}) == 0) return false;
  }
  return callers_.size() == relays_.size() && limited == deadlines_.size();
}

}  // namespace ming::reverse
