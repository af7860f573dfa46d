// ResetGate on packets of a hostile peer: what it holds back and what it lets pass together are
// never more than the packet.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/byte_io.h"
#include "ming/sctp/reset_gate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kCommonHeader = 12;
  ming::ByteReader input({data, size});
  ming::sctp::ResetGate gate;
  while (const std::optional<uint8_t> kind = input.ReadU8()) {
    const std::optional<uint8_t> length = input.ReadU8();
    if (!length || *length < kCommonHeader) continue;
    const std::optional<ming::ByteSpan> packet = input.ReadBytes(*length);
    if (!packet) break;
    if ((*kind & 1) != 0) {
      gate.NoteOutbound(*packet);
    } else if (const std::optional<ming::ByteBuffer> passing = gate.HoldBack(*packet)) {
      CHECK_GE(passing->size(), kCommonHeader);
      CHECK_LT(passing->size(), packet->size());
    }
    if (gate.HasDue()) CHECK_GT(gate.TakeDue().size(), kCommonHeader);
  }
  return 0;
}
