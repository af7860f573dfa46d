#include "ming/tunnel/channel_terms.h"

#include <algorithm>

#include "ming/base/option_problems.h"

namespace ming::tunnel {
namespace {

constexpr size_t kLargestMessageBytes = size_t{1} << 20;
constexpr size_t kLargestCredit = size_t{1} << 30;

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
  OptionProblems problems;
  problems.Range("the message size", terms.max_message_bytes, 1, kLargestMessageBytes);
  if (terms.credit) {
    problems.Range("the receive credit", size_t{terms.credit->receive}, 1, kLargestCredit);
  }
  return problems.ToStatus();
}

}  // namespace ming::tunnel
