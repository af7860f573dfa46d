// The cases of each group, in the order in which they are listed.
#ifndef MING_CONFORMANCE_CASES_H_
#define MING_CONFORMANCE_CASES_H_

#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/conformance/case.h"

namespace ming::conformance {

std::vector<Case> ServerCases();     // the signaling server itself
std::vector<Case> SignalingCases();  // what the peer does with signaling messages
std::vector<Case> SdpCases();
std::vector<Case> IceCases();
std::vector<Case> DtlsCases();
std::vector<Case> SctpCases();
std::vector<Case> DcepCases();
std::vector<Case> TunnelCases();
std::vector<Case> ExtensionCases();  // a=x-ming

std::vector<Case> AllCases();

// Ok: holds.
Outcome OutcomeOf(const Status& status);
// A judgement: empty: holds.
Outcome OutcomeOf(const std::string& complaint);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_CASES_H_
