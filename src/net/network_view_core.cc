#include "ming/net/network_view_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace ming::net {
namespace {

// Two addresses of a.root-servers.net: far away for everybody, and in no block with a special use.
// Nothing is sent to them.
constexpr std::string_view kFarV4 = "198.41.0.4";
constexpr std::string_view kFarV6 = "2001:503:ba3e::2:30";

ByteBuffer AskTheWayTo(std::string_view destination, uint32_t sequence) {
  const std::optional<IpAddress> address = IpAddress::Parse(destination);
  CHECK(address);
  return MakeRouteQuery(sequence, *address);
}

// The default route, or one of the halves that VPNs lay over it.
constexpr uint8_t kLongestDefaultPrefix = 1;

// Orders addresses of either family.
std::string KeyOf(const IpAddress& address) { return std::string(address.bytes().AsText()); }

std::vector<IpAddress> Missing(const std::vector<IpAddress>& from,
                               const std::vector<IpAddress>& in) {
  std::vector<IpAddress> missing;
  std::copy_if(from.begin(), from.end(), std::back_inserter(missing), [&in](const IpAddress& ip) {
    return std::find(in.begin(), in.end(), ip) == in.end();
  });
  return missing;
}

void AppendPart(std::string_view part, std::string& text) {
  if (!text.empty()) text += ", ";
  text += part;
}

}  // namespace

std::string NetworkChange::ToString() const {
  std::string text;
  for (const IpAddress& address : added) AppendPart(address.ToString() + " added", text);
  for (const IpAddress& address : removed) AppendPart(address.ToString() + " removed", text);
  if (other_route) AppendPart("other default route", text);
  return text;
}

NetworkViewCore::NetworkViewCore(const NetworkViewOptions& options, uint32_t port_id)
    : options_(options), port_id_(port_id) {
  CHECK(options.settle >= Duration::zero() && options.settle <= options.latest);
  CHECK(options.max_links > 0 && options.max_addresses > 0);
}

void NetworkViewCore::Start(Timestamp now) { Ask(now, Phase::kLinks); }

void NetworkViewCore::HandleOverflow(Timestamp now) {
  links_.clear();
  addresses_.clear();
  settled_at_ = Timestamp::Max();
  latest_at_ = Timestamp::Max();
  Ask(now, Phase::kLinks);
}

// One request at a time: a dump that is under way makes the next one fail.
void NetworkViewCore::Ask(Timestamp now, Phase phase) {
  phase_ = phase;
  answer_deadline_ = phase == Phase::kIdle ? Timestamp::Max() : now + options_.answer_limit;
  if (phase == Phase::kIdle) return;
  ++sequence_;
  switch (phase) {
    case Phase::kLinks:
      events_.Push(SendNetlink{MakeLinkDump(sequence_)});
      break;
    case Phase::kAddresses:
      events_.Push(SendNetlink{MakeAddressDump(sequence_)});
      break;
    case Phase::kRoute4:
      current_.v4 = Way();
      events_.Push(SendNetlink{AskTheWayTo(kFarV4, sequence_)});
      break;
    case Phase::kRoute6:
      current_.v6 = Way();
      events_.Push(SendNetlink{AskTheWayTo(kFarV6, sequence_)});
      break;
    case Phase::kIdle:
      break;
  }
}

// What was asked for is there, or will not come.
void NetworkViewCore::Advance(Timestamp now) {
  switch (phase_) {
    case Phase::kLinks:
      return Ask(now, Phase::kAddresses);
    case Phase::kAddresses:
      return Ask(now, Phase::kRoute4);
    case Phase::kRoute4:
      return Ask(now, Phase::kRoute6);
    case Phase::kRoute6:
      Ask(now, Phase::kIdle);
      return Compare();
    case Phase::kIdle:
      return;
  }
}

void NetworkViewCore::HandleDatagram(Timestamp now, ByteSpan datagram) {
  const Result<std::vector<NetlinkReport>> reports = ParseNetlink(datagram);
  if (!reports.ok()) {
    VLOG(1) << reports.status().ToString();
    return;
  }
  for (const NetlinkReport& report : *reports) Take(now, report);
}

bool NetworkViewCore::IsAnswer(const NetlinkReport& report) const {
  return phase_ != Phase::kIdle && report.sequence == sequence_ && report.port_id == port_id_;
}

void NetworkViewCore::Take(Timestamp now, const NetlinkReport& report) {
  if (const auto* link = std::get_if<LinkReport>(&report.what)) {
    TakeLink(now, *link);
  } else if (const auto* address = std::get_if<AddressReport>(&report.what)) {
    TakeAddress(now, *address);
  } else if (const auto* route = std::get_if<RouteReport>(&report.what)) {
    TakeRoute(now, report, *route);
  } else if (IsAnswer(report)) {
    Advance(now);  // the end of a dump, or a refusal: there is no such route
  }
}

void NetworkViewCore::TakeLink(Timestamp now, const LinkReport& link) {
  const auto known = links_.find(link.link);
  if (link.news == NetlinkNews::kGone) {
    if (known == links_.end()) return;
    links_.erase(known);
    NoteNews(now);
    return;
  }
  if (known != links_.end()) {
    if (known->second.operational == link.operational) return;
    known->second.operational = link.operational;
  } else {
    if (links_.size() >= options_.max_links) return;
    links_[link.link] = {link.loopback, link.operational};
  }
  NoteNews(now);
}

void NetworkViewCore::TakeAddress(Timestamp now, const AddressReport& report) {
  const IpAddress& address = report.address;
  if (address.IsLoopback() || address.IsLinkLocal() || address.IsMulticast()) return;
  const std::pair<LinkIndex, std::string> key{report.link, KeyOf(address)};
  const auto known = addresses_.find(key);
  if (report.news == NetlinkNews::kGone) {
    if (known == addresses_.end()) return;
    addresses_.erase(known);
    NoteNews(now);
    return;
  }
  if (known != addresses_.end()) {
    if (known->second.second == report.usable) return;
    known->second.second = report.usable;
  } else {
    if (addresses_.size() >= options_.max_addresses) return;
    addresses_.emplace(key, std::make_pair(address, report.usable));
  }
  NoteNews(now);
}

void NetworkViewCore::TakeRoute(Timestamp now, const NetlinkReport& report,
                                const RouteReport& route) {
  const bool asked = phase_ == Phase::kRoute4 || phase_ == Phase::kRoute6;
  if (asked && IsAnswer(report)) {
    (phase_ == Phase::kRoute4 ? current_.v4 : current_.v6) = Way{route.link, route.gateway};
    Advance(now);
    return;
  }
  if (route.prefix_length <= kLongestDefaultPrefix) NoteNews(now);
}

// The answers to the first questions are the start, and no news; whatever comes while the kernel is
// being asked is judged afterwards.
void NetworkViewCore::NoteNews(Timestamp now) {
  if (phase_ == Phase::kLinks || phase_ == Phase::kAddresses) return;
  if (latest_at_ == Timestamp::Max()) latest_at_ = now + options_.latest;
  settled_at_ = std::min(now + options_.settle, latest_at_);
}

std::vector<IpAddress> NetworkViewCore::addresses() const {
  std::map<std::string, IpAddress> usable;  // two links may have the same
  for (const auto& [key, value] : addresses_) {
    const auto link = links_.find(key.first);
    const bool up = link != links_.end() && link->second.operational && !link->second.loopback;
    if (up && value.second) usable.emplace(key.second, value.first);
  }
  std::vector<IpAddress> list;
  list.reserve(usable.size());
  for (const auto& [key, address] : usable) list.push_back(address);
  return list;
}

void NetworkViewCore::Compare() {
  current_.addresses = addresses();
  const std::optional<View> before = std::exchange(reported_, current_);
  if (!before) return;
  NetworkChange change;
  change.added = Missing(current_.addresses, before->addresses);
  change.removed = Missing(before->addresses, current_.addresses);
  change.other_route = !(current_.v4 == before->v4) || !(current_.v6 == before->v6);
  if (change.added.empty() && change.removed.empty() && !change.other_route) return;
  events_.Push(std::move(change));
}

void NetworkViewCore::HandleTimeout(Timestamp now) {
  if (now >= answer_deadline_) Advance(now);
  if (now < settled_at_ || phase_ != Phase::kIdle) return;
  settled_at_ = Timestamp::Max();
  latest_at_ = Timestamp::Max();
  Ask(now, Phase::kRoute4);
}

Timestamp NetworkViewCore::NextTimeout() const {
  return phase_ == Phase::kIdle ? settled_at_ : answer_deadline_;
}

std::optional<NetworkViewEvent> NetworkViewCore::PollEvent() { return events_.Poll(); }

bool NetworkViewCore::IsConsistent() const {
  if (links_.size() > options_.max_links || addresses_.size() > options_.max_addresses) {
    return false;
  }
  if ((phase_ == Phase::kIdle) != (answer_deadline_ == Timestamp::Max())) return false;
  return (settled_at_ == Timestamp::Max()) == (latest_at_ == Timestamp::Max());
}

}  // namespace ming::net
