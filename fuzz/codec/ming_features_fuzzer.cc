// x-ming values: what parses is written and parsed again as the same value, and an agreement holds
// nothing that one side did not name. Two values stand in one input, a line each.
#include <glog/logging.h>

#include "ming/base/bytes.h"
#include "ming/codec/ming_features.h"

using ming::codec::MingAgreement;
using ming::codec::MingFeatures;

namespace {

MingFeatures RoundTrip(std::string_view value) {
  const auto features = ming::codec::ParseMingFeatures(value);
  if (!features) return {};
  CHECK(ming::codec::ParseMingFeatures(ming::codec::SerializeMingFeatures(*features)) == features);
  return *features;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ming::ByteSpan(data, size).AsText();
  const size_t line_end = text.find('\n');
  const MingFeatures local = RoundTrip(text.substr(0, line_end));
  const MingFeatures remote =
      line_end == std::string_view::npos ? MingFeatures{} : RoundTrip(text.substr(line_end + 1));
  const MingAgreement ours = ming::codec::Intersect(local, remote);
  const MingAgreement theirs = ming::codec::Intersect(remote, local);
  CHECK_EQ(ours.half_close, theirs.half_close);
  CHECK_EQ(ours.path_probes, theirs.path_probes);
  CHECK(ours.path_mtu_bytes == theirs.path_mtu_bytes);
  CHECK(ours.send_credit_bytes == theirs.receive_credit_bytes);
  CHECK_EQ(ours.send_message_bytes.has_value(), theirs.send_message_bytes.has_value());
  return 0;
}
