#include "ming/conformance/case.h"

#include <algorithm>

namespace ming::conformance {
namespace {

bool Fits(const Case& one, const CaseFilter& filter) {
  const bool host = filter.role == PeerRole::kHost;
  const bool tcp = filter.tunnel == TunnelKind::kTcp;
  if (one.role != ForRole::kAny && (one.role == ForRole::kHost) != host) return false;
  return one.tunnel == ForTunnel::kAny || (one.tunnel == ForTunnel::kTcp) == tcp;
}

bool IsNamed(const Case& one, const CaseFilter& filter) {
  return std::any_of(filter.only.begin(), filter.only.end(), [&one](const std::string& part) {
    return one.id.find(part) != std::string_view::npos;
  });
}

bool IsChosen(const Case& one, const CaseFilter& filter) {
  if (!filter.only.empty() && !IsNamed(one, filter)) return false;
  if (one.manner != Manner::kLong || filter.with_long) return true;
  return std::find(filter.only.begin(), filter.only.end(), one.id) != filter.only.end();
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "holds";
    case Verdict::kFails:
      return "FAILS";
    case Verdict::kSkipped:
      return "skipped";
  }
  return "";
}

std::string_view GroupOf(const Case& one) { return one.id.substr(0, one.id.find('/')); }

std::vector<Case> ChooseCases(const std::vector<Case>& all, const CaseFilter& filter) {
  std::vector<Case> chosen;
  for (const Case& one : all) {
    if (Fits(one, filter) && IsChosen(one, filter)) chosen.push_back(one);
  }
  const auto turn = [&filter](const Case& one) {
    const bool own = filter.role == PeerRole::kClient && one.need == Need::kNothing &&
                     GroupOf(one) != kServerGroup;
    return (one.manner == Manner::kRude ? 2 : 0) + (own ? 1 : 0);
  };
  std::stable_sort(chosen.begin(), chosen.end(),
                   [&turn](const Case& a, const Case& b) { return turn(a) < turn(b); });
  return chosen;
}

}  // namespace ming::conformance
