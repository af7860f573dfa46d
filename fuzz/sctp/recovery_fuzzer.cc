// Recovery between an engine that numbers without gaps and a hostile peer: SACKs of any content,
// packets of any bytes, and time that goes on.
#include <glog/logging.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/byte_io.h"
#include "ming/sctp/chunks.h"
#include "ming/sctp/recovery.h"

namespace ming::sctp {
namespace {

constexpr size_t kMostPackets = 2000;

class Driver {
 public:
  explicit Driver(ByteSpan input) : input_(input) {
    tsn_ = input_.ReadU32().value_or(0);
    const uint8_t bits = input_.ReadU8().value_or(0);
    if ((bits & 1) != 0) recovery_.SetRetransmissionLimit(0, static_cast<uint16_t>(bits >> 4));
  }

  void Run() {
    while (const std::optional<uint8_t> step = input_.ReadU8()) {
      Step(*step);
      recovery_.HandleTimeout(now_);
      for (size_t i = 0; recovery_.PollPacket(now_); ++i) CHECK_LT(i, kMostPackets);
      CHECK(recovery_.IsConsistent());
      CHECK_LE(recovery_.unsent_bytes(), recovery_.kept_bytes() + kCommonHeader * kMostPackets);
    }
  }

 private:
  ByteBuffer Header() {
    ByteBuffer packet = ByteBuffer::Uninitialized(kCommonHeader);
    std::fill_n(packet.data(), kCommonHeader, uint8_t{0});
    return packet;
  }

  void Send(uint32_t tsn, uint8_t chunks) {
    if (sent_ >= kMostPackets) return;
    ++sent_;
    ByteBuffer packet = Header();
    ByteWriter writer(packet);
    for (uint8_t i = 0; i < chunks; ++i) {
      writer.WriteU8(0);
      writer.WriteU8(static_cast<uint8_t>(7 - chunks));
      writer.WriteU16(20);
      writer.WriteU32(tsn + i);
      writer.WriteU64(0);
      writer.WriteU32(0);
    }
    const size_t passing = recovery_.HandleOutbound(now_, packet);
    CHECK_GE(passing, kCommonHeader);
    CHECK_LE(passing, packet.size());
  }

  // A SACK near what was sent, with blocks of the input.
  void Acknowledge(uint8_t blocks) {
    ByteBuffer packet = Header();
    ByteWriter writer(packet);
    writer.WriteU8(3);
    writer.WriteU8(0);
    writer.WriteU16(static_cast<uint16_t>(16 + 4 * blocks));
    writer.WriteU32(tsn_ - input_.ReadU8().value_or(0));
    writer.WriteU32(1000);
    writer.WriteU16(blocks);
    writer.WriteU16(0);
    for (uint8_t i = 0; i < blocks; ++i) {
      writer.WriteU16(input_.ReadU8().value_or(0));
      writer.WriteU16(input_.ReadU8().value_or(0));
    }
    Receive(packet);
  }

  void Receive(ByteSpan packet) {
    const ByteSpan told = recovery_.HandleInbound(now_, packet);
    CHECK_LE(told.size(), packet.size());
  }

  void Garbage() {
    ByteBuffer packet = Header();
    const size_t size = std::min<size_t>(input_.ReadU8().value_or(0), input_.remaining());
    packet.Append(input_.ReadBytes(size).value_or(ByteSpan()));
    Receive(packet);
  }

  void Step(uint8_t step) {
    const auto more = static_cast<uint8_t>(step >> 3);
    switch (step % 8) {
      case 0:
      case 1: {
        const auto chunks = static_cast<uint8_t>(more % 4 + 1);
        Send(tsn_ + 1, chunks);
        if (sent_ < kMostPackets) tsn_ += chunks;
        break;
      }
      case 2:  // a repeat
        if (sent_ > 0) Send(tsn_ - more, 1);
        break;
      case 3:
        Acknowledge(static_cast<uint8_t>(more % 8));
        break;
      case 4:
        now_ = now_ + std::chrono::milliseconds(more * more);
        break;
      case 5:
        Garbage();
        break;
      case 6:
        recovery_.SetPacketSize(576 + size_t{50} * more);
        break;
      case 7:
        if (more == 0) recovery_.HandleNewPath();
        now_ = std::max(now_, std::min(recovery_.NextTimeout(), now_ + std::chrono::seconds(1)));
        break;
    }
  }

  ByteReader input_;
  Recovery recovery_{RecoveryOptions()};
  Timestamp now_{std::chrono::seconds(1)};
  uint32_t tsn_ = 0;
  size_t sent_ = 0;
};

}  // namespace
}  // namespace ming::sctp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::sctp::Driver({data, size}).Run();
  return 0;
}
