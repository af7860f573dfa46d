#include "ming/reverse/pairing_table.h"

#include <glog/logging.h>

#include <utility>

namespace ming::reverse {

void PairingTable::Add(CallerId caller, WaitingCaller whom) {
  CHECK(entries_.emplace(caller, Entry{std::move(whom), {}}).second);
}

PairingTable::Entry PairingTable::Remove(CallerId caller) {
  const auto found = entries_.find(caller);
  CHECK(found != entries_.end());
  Entry entry = std::move(found->second);
  entries_.erase(found);
  if (entry.announcement) announced_.erase(entry.announcement->conn);
  return entry;
}

void PairingTable::Announce(CallerId caller, const Announcement& announcement) {
  Entry& entry = entries_.at(caller);
  CHECK(!entry.announcement);
  entry.announcement = announcement;
  announced_.emplace(announcement.conn, caller);
}

void PairingTable::Retire(CallerId caller) {
  Entry& entry = entries_.at(caller);
  announced_.erase(entry.announcement->conn);
  entry.announcement.reset();
}

void PairingTable::RetireAllOf(LinkId session) {
  for (const auto& [caller, entry] : entries_) {
    if (entry.announcement && entry.announcement->session == session) Retire(caller);
  }
}

std::optional<CallerId> PairingTable::CallerOf(codec::ReverseConnId conn) const {
  const auto found = announced_.find(conn);
  if (found == announced_.end()) return std::nullopt;
  return found->second;
}

std::vector<CallerId> PairingTable::Unannounced(Timestamp least) const {
  std::vector<CallerId> callers;
  for (const auto& [caller, entry] : entries_) {
    if (!entry.announcement && entry.whom.deadline >= least) callers.push_back(caller);
  }
  return callers;
}

std::optional<CallerId> PairingTable::Late(Timestamp now) const {
  if (entries_.empty() || entries_.begin()->second.whom.deadline > now) return std::nullopt;
  return entries_.begin()->first;
}

Timestamp PairingTable::NextTimeout() const {
  return entries_.empty() ? Timestamp::Max() : entries_.begin()->second.whom.deadline;
}

bool PairingTable::IsConsistent() const {
  size_t announced = 0;
  Timestamp last;
  for (const auto& [caller, entry] : entries_) {
    if (entry.whom.deadline < last) return false;
    last = entry.whom.deadline;
    if (!entry.announcement) continue;
    ++announced;
    if (CallerOf(entry.announcement->conn) != caller) return false;
  }
  return announced == announced_.size();
}

}  // namespace ming::reverse
