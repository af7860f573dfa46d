#include "ming/conformance/cases.h"

namespace ming::conformance {

std::vector<Case> AllCases() {
  std::vector<Case> all;
  for (const auto& group : {ServerCases(), SignalingCases(), SdpCases(), IceCases(), DtlsCases(),
                            SctpCases(), DcepCases(), TunnelCases(), ExtensionCases()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

Outcome OutcomeOf(const Status& status) { return status.ok() ? Holds() : Fails(status.message()); }

Outcome OutcomeOf(const std::string& complaint) {
  return complaint.empty() ? Holds() : Fails(complaint);
}

}  // namespace ming::conformance
