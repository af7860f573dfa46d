#include "ming/reverse/probes.h"

#include <algorithm>
#include <utility>

namespace ming::reverse {

Probes::Joined Probes::Join(LinkId holder, ClientHello newcomer, Timestamp deadline) {
  if (size_ >= limits_.all) return Joined::kFull;
  const auto [probe, begun] = probes_.emplace(holder, Probe{deadline, {}});
  std::vector<ClientHello>& newcomers = probe->second.newcomers;
  const auto of_address = std::count_if(
      newcomers.begin(), newcomers.end(),
      [&newcomer](const ClientHello& one) { return one.address == newcomer.address; });
  if (static_cast<size_t>(of_address) >= limits_.of_address) return Joined::kFull;
  newcomers.push_back(std::move(newcomer));
  ++size_;
  return begun ? Joined::kBegun : Joined::kShared;
}

bool Probes::Leave(LinkId newcomer) {
  for (auto probe = probes_.begin(); probe != probes_.end(); ++probe) {
    std::vector<ClientHello>& newcomers = probe->second.newcomers;
    const auto found =
        std::find_if(newcomers.begin(), newcomers.end(),
                     [newcomer](const ClientHello& one) { return one.link == newcomer; });
    if (found == newcomers.end()) continue;
    newcomers.erase(found);
    --size_;
    if (newcomers.empty()) probes_.erase(probe);
    return true;
  }
  return false;
}

std::vector<ClientHello> Probes::Take(LinkId holder) {
  const auto found = probes_.find(holder);
  if (found == probes_.end()) return {};
  std::vector<ClientHello> newcomers = std::move(found->second.newcomers);
  probes_.erase(found);
  size_ -= newcomers.size();
  return newcomers;
}

bool Probes::IsDue(LinkId holder, Timestamp now) const {
  const auto found = probes_.find(holder);
  return found != probes_.end() && found->second.deadline <= now;
}

Timestamp Probes::NextTimeout() const {
  Timestamp next = Timestamp::Max();
  for (const auto& [holder, probe] : probes_) next = std::min(next, probe.deadline);
  return next;
}

bool Probes::IsConsistent() const {
  size_t counted = 0;
  for (const auto& [holder, probe] : probes_) {
    if (probe.newcomers.empty()) return false;
    counted += probe.newcomers.size();
  }
  return counted == size_ && size_ <= limits_.all;
}

}  // namespace ming::reverse
