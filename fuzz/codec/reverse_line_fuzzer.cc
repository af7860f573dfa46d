// RT1 lines: whatever parses as one of the three kinds is written and parsed again as the same
// line.
#include <glog/logging.h>

#include "ming/base/bytes.h"
#include "ming/codec/reverse_line.h"

namespace {

template <typename Parsed, typename Parse>
void CheckRoundTrip(const Parsed& parsed, Parse parse) {
  const std::string wire = ming::codec::SerializeReverseLine(parsed);
  CHECK_EQ(wire.back(), '\n');
  const auto again = parse({wire.data(), wire.size() - 1});
  CHECK(again.ok()) << again.status().ToString();
  CHECK_EQ(ming::codec::SerializeReverseLine(*again), wire);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= ming::codec::kMaxReverseLine) return 0;
  const std::string_view line = ming::ByteSpan(data, size).AsText();
  const auto first = ming::codec::ParseReverseFirstLine(line);
  if (first.ok()) CheckRoundTrip(*first, ming::codec::ParseReverseFirstLine);
  const auto message = ming::codec::ParseReverseMessage(line);
  if (message.ok()) CheckRoundTrip(*message, ming::codec::ParseReverseMessage);
  const auto reply = ming::codec::ParseReverseReply(line);
  if (!reply.ok()) return 0;
  const auto* const err = std::get_if<ming::codec::ReverseErr>(&*reply);
  if (err == nullptr || err->code) CheckRoundTrip(*reply, ming::codec::ParseReverseReply);
  return 0;
}
