#include "ming/tunnel/channel_terms.h"

#include <algorithm>
#include <string>

namespace ming::tunnel {
namespace {

constexpr size_t kLargestMessageBytes = size_t{1} << 20;
constexpr uint32_t kLargestCredit = 1U << 30;

}  // namespace

ChannelTerms TermsFrom(const codec::MingAgreement& agreement, size_t max_message_bytes) {
  ChannelTerms terms;
  terms.half_close = agreement.half_close;
  if (agreement.send_credit_bytes && agreement.receive_credit_bytes) {
    terms.credit = CreditTerms{*agreement.send_credit_bytes, *agreement.receive_credit_bytes};
  }
  const size_t accepted = agreement.send_message_bytes.value_or(kDefaultMaxMessageBytes);
  terms.max_message_bytes = std::min(accepted, max_message_bytes);
  return terms;
}

Status Validate(const ChannelTerms& terms) {
  std::string problems;
  const auto require = [&problems](bool holds, const char* rule) {
    if (!holds) problems += (problems.empty() ? "" : "; ") + std::string(rule);
  };
  require(terms.max_message_bytes >= 1 && terms.max_message_bytes <= kLargestMessageBytes,
          "the message size must be 1 to 1MiB");
  if (terms.credit) {
    require(terms.credit->receive >= 1 && terms.credit->receive <= kLargestCredit,
            "the receive credit must be 1 to 1GiB");
  }
  return problems.empty() ? Status::Ok() : Status(StatusCode::kInvalidArgument, problems);
}

}  // namespace ming::tunnel
