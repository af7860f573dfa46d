#include "ming/tunnel/udp_flow_table.h"

#include <glog/logging.h>

#include <functional>
#include <iterator>
#include <string_view>

#include "ming/base/option_problems.h"

namespace ming::tunnel {

size_t UdpSourceHash::operator()(const UdpSource& source) const {
  const size_t address = std::hash<std::string_view>()(source.address.bytes().AsText());
  return address * 31 + source.port.value() * size_t{7} + source.scope_id;
}

Status Validate(const UdpFlowOptions& options) {
  OptionProblems problems;
  problems.Require(options.idle_timeout > Duration::zero(), "the idle time-out is not positive");
  problems.Require(options.max_flows > 0, "there is no room for a flow");
  problems.Require(!options.evict_idle_after || *options.evict_idle_after >= Duration::zero(),
                   "the idle time before an eviction is negative");
  problems.Range("the datagram size", options.max_datagram_bytes, 1, 65535);
  return problems.ToStatus();
}

UdpFlowTable::UdpFlowTable(const UdpFlowOptions& options) : options_(options) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.message();
}

std::optional<FlowId> UdpFlowTable::Find(Timestamp now, const UdpSource& source) {
  const auto found = by_source_.find(source);
  if (found == by_source_.end()) return std::nullopt;
  Touch(now, found->second);
  return found->second;
}

std::optional<FlowId> UdpFlowTable::Add(Timestamp now, const std::optional<UdpSource>& source) {
  DCHECK(!source || by_source_.count(*source) == 0);
  if (flows_.size() >= options_.max_flows) {
    const Flow& oldest = idle_.front();
    const bool evict =
        options_.evict_idle_after && now - oldest.last_active >= *options_.evict_idle_after;
    if (!evict) return std::nullopt;
    End(oldest.id, FlowEnded::Reason::kEvicted);
  }
  const FlowId id(++last_id_);
  idle_.push_back(Flow{id, source, now});
  flows_.emplace(id, std::prev(idle_.end()));
  if (source) by_source_.emplace(*source, id);
  return id;
}

void UdpFlowTable::Touch(Timestamp now, FlowId id) {
  const auto found = flows_.find(id);
  if (found == flows_.end()) return;
  found->second->last_active = now;
  idle_.splice(idle_.end(), idle_, found->second);
}

void UdpFlowTable::Remove(FlowId id) {
  const auto found = flows_.find(id);
  if (found == flows_.end()) return;
  if (found->second->source) by_source_.erase(*found->second->source);
  idle_.erase(found->second);
  flows_.erase(found);
}

void UdpFlowTable::HandleTimeout(Timestamp now) {
  while (!idle_.empty() && now >= idle_.front().last_active + options_.idle_timeout) {
    End(idle_.front().id, FlowEnded::Reason::kIdle);
  }
}

Timestamp UdpFlowTable::NextTimeout() const {
  return idle_.empty() ? Timestamp::Max() : idle_.front().last_active + options_.idle_timeout;
}

std::optional<FlowEnded> UdpFlowTable::PollEvent() {
  if (ended_.empty()) return std::nullopt;
  const FlowEnded event = ended_.front();
  ended_.pop_front();
  return event;
}

void UdpFlowTable::End(FlowId id, FlowEnded::Reason reason) {
  Remove(id);
  ended_.push_back(FlowEnded{id, reason});
}

}  // namespace ming::tunnel
