#include "ming/reverse/session_table.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::reverse {
namespace {

bool IsFor(const ClientSelector& selector, const ClientHello& client) {
  switch (selector.kind) {
    case ClientSelector::Kind::kAny:
      return true;
    case ClientSelector::Kind::kId:
      return client.id == selector.name;
    case ClientSelector::Kind::kLabel:
      break;
  }
  return std::find(client.labels.begin(), client.labels.end(), selector.name) !=
         client.labels.end();
}

}  // namespace

SessionTable::SessionTable(std::vector<ClientSelector> listeners)
    : listeners_(std::move(listeners)),
      single_client_(
          std::all_of(listeners_.begin(), listeners_.end(), [](const ClientSelector& selector) {
            return selector.kind == ClientSelector::Kind::kAny;
          })) {}

SessionTable::Session& SessionTable::Add(Session session) {
  const LinkId link = session.client.link;
  const auto [added, is_new] = sessions_.emplace(link, std::move(session));
  CHECK(is_new);
  return added->second;
}

SessionTable::Session SessionTable::Remove(LinkId link) {
  const auto found = sessions_.find(link);
  CHECK(found != sessions_.end());
  Session session = std::move(found->second);
  sessions_.erase(found);
  return session;
}

SessionTable::Session* SessionTable::Find(LinkId link) {
  const auto found = sessions_.find(link);
  return found == sessions_.end() ? nullptr : &found->second;
}

void SessionTable::ReleaseCaller(LinkId link) {
  Session* const session = Find(link);
  if (session != nullptr) --session->callers;
}

SessionTable::Session* SessionTable::FindPlaceOf(const std::string& id) {
  const auto holder =
      single_client_ ? sessions_.begin()
                     : std::find_if(sessions_.begin(), sessions_.end(), [&id](const auto& entry) {
                         return entry.second.client.id == id;
                       });
  return holder == sessions_.end() ? nullptr : &holder->second;
}

bool SessionTable::IsWanted(const ClientHello& client) const {
  return std::any_of(listeners_.begin(), listeners_.end(),
                     [&client](const ClientSelector& one) { return IsFor(one, client); });
}

SessionTable::Session* SessionTable::Choose(size_t listener, CallerKind kind) {
  Session* chosen = nullptr;
  for (auto& [link, session] : sessions_) {
    if (kind == CallerKind::kDatagrams && !session.client.udp) continue;
    const bool fits = IsFor(listeners_[listener], session.client);
    if (fits && (chosen == nullptr || session.callers < chosen->callers)) chosen = &session;
  }
  return chosen;
}

std::vector<LinkId> SessionTable::links() const {
  std::vector<LinkId> links;
  links.reserve(sessions_.size());
  for (const auto& [link, session] : sessions_) links.push_back(link);
  return links;
}

Timestamp SessionTable::NextTimeout() const {
  Timestamp next = Timestamp::Max();
  for (const auto& [link, session] : sessions_) next = std::min(next, session.watch.NextTimeout());
  return next;
}

size_t SessionTable::caller_count() const {
  size_t count = 0;
  for (const auto& [link, session] : sessions_) count += session.callers;
  return count;
}

}  // namespace ming::reverse
