// NetworkViewCore under any order of datagrams, overflows and time: each step is a length, or one
// of the commands above the longest one.
#include <glog/logging.h>

#include <optional>
#include <variant>

#include "ming/base/byte_io.h"
#include "ming/net/network_view_core.h"

#include "../support/input.h"

namespace ming::net {
namespace {

constexpr uint32_t kOurPort = 0;
constexpr uint8_t kOverflow = 254;
constexpr uint8_t kTime = 255;

void Run(ByteReader& input) {
  NetworkViewOptions options;
  options.max_links = 4;
  options.max_addresses = 4;
  NetworkViewCore core(options, kOurPort);
  Timestamp now{std::chrono::seconds(1)};
  core.Start(now);
  while (const std::optional<uint8_t> step = input.ReadU8()) {
    if (*step == kOverflow) {
      core.HandleOverflow(now);
    } else if (*step == kTime) {
      now = now + std::chrono::milliseconds(10 * input.ReadU8().value_or(0));
      core.HandleTimeout(now);
    } else {
      core.HandleDatagram(now, fuzz::TakeBytes(input, *step));
    }
    while (const std::optional<NetworkViewEvent> event = core.PollEvent()) {
      const auto* change = std::get_if<NetworkChange>(&*event);
      CHECK(change == nullptr || !change->ToString().empty());
    }
    CHECK(core.IsConsistent());
    CHECK_LE(core.addresses().size(), options.max_addresses);
  }
}

}  // namespace
}  // namespace ming::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::ByteReader input(ming::ByteSpan(data, size));
  ming::net::Run(input);
  return 0;
}
