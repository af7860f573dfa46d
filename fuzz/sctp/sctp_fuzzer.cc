// SctpAssociation under a hostile peer behind DTLS: packets that are damaged, lost, repeated or
// made up, with their checksum mended so that they reach the engine, between commands of the user.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/sctp/crc32c.h"
#include "ming/sctp/sctp_association.h"
#include "ming/support/fake_timer_service.h"

#include "../support/input.h"
#include "../support/outbox.h"

namespace ming::sctp {
namespace {

constexpr size_t kCommonHeader = 12;
constexpr size_t kChecksumOffset = 8;
constexpr size_t kMaxOutbox = 200;

void MendChecksum(ByteBuffer& packet) {
  if (packet.size() < kCommonHeader) return;
  const uint32_t checksum = PacketChecksum(packet);
  for (size_t i = 0; i < 4; ++i) {
    packet.data()[kChecksumOffset + i] = static_cast<uint8_t>(checksum >> (8 * i));
  }
}

SctpOptions Options() {
  SctpOptions options;
  options.outgoing_streams = 16;
  options.max_incoming_streams = 64;
  options.growth = StreamGrowth::kOnDemand;
  options.max_message_size = size_t{16} << 10;
  options.max_reassembly_bytes = size_t{32} << 10;
  options.send_buffer = options.receive_buffer = size_t{64} << 10;
  options.min_send_queue = size_t{32} << 10;
  return options;
}

class End final : public SctpAssociation::Observer, public PacketSink {
 public:
  explicit End(SctpStack& stack)
      : association_(std::make_unique<SctpAssociation>(Options(), stack, *this, *this)) {}
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  ~End() override { association_.reset(); }

  void OnAssociationUp() override { CHECK(!std::exchange(up_, true)); }
  void OnMessage(InboundMessage message) override {
    CHECK(up_ && !closed_);
    CHECK(!message.bytes.empty());
    CHECK_LE(message.bytes.size(), Options().max_message_size);
  }
  void OnSendReady() override { CHECK(up_ && !closed_); }
  void OnStreamsReset(ResetDirection direction, const std::vector<StreamId>& ids) override {
    if (direction == ResetDirection::kIncoming) (void)association_->ResetStreams(ids);
  }
  void OnStreamResetFailed(const std::vector<StreamId>& /*ids*/) override {}
  void OnStreamsAdded(const Status& /*result*/) override {
    CHECK_LE(association_->incoming_streams(), Options().max_incoming_streams);
  }
  void OnAssociationClosed(const Status& /*why*/) override {
    CHECK(!std::exchange(closed_, true)) << "two terminal events";
  }
  void SendPacket(ByteSpan packet) override {
    CHECK_LE(packet.size(), Options().max_packet_size);
    outbox_.Add(packet);
  }

  SctpAssociation& association() { return *association_; }
  std::optional<ByteBuffer> TakePacket() { return outbox_.Take(); }

 private:
  fuzz::Outbox outbox_{kMaxOutbox};
  bool up_ = false;
  bool closed_ = false;
  std::unique_ptr<SctpAssociation> association_;
};

class Driver {
 public:
  Driver(ByteSpan input, support::FakeTimerService& timers, SctpStack& stack)
      : input_(input), timers_(timers), first_(stack), second_(stack) {}

  void Run() {
    const size_t genuine = input_.ReadU8().value_or(0) % 16;
    CHECK(first_.association().Connect().ok());
    CHECK(second_.association().Connect().ok());
    for (size_t i = 0; i < genuine; ++i) {
      Pass(first_, second_, 0);
      Pass(second_, first_, 0);
    }
    while (const auto step = input_.ReadU8()) {
      End& from = (*step & 1) != 0 ? first_ : second_;
      Step(static_cast<uint8_t>(*step >> 1), from, (*step & 1) != 0 ? second_ : first_);
    }
  }

 private:
  void Pass(End& from, End& to, uint8_t flip) {
    std::optional<ByteBuffer> packet = from.TakePacket();
    if (!packet) return;
    if (flip != 0) {
      fuzz::Damage(input_, flip, *packet);
      MendChecksum(*packet);
    }
    to.association().HandlePacket(*packet);
    last_ = std::move(*packet);
  }

  // The header of a genuine packet, with its tag, before chunks of the input.
  void Forge(End& from, End& to) {
    if (std::optional<ByteBuffer> genuine = from.TakePacket()) last_ = std::move(*genuine);
    ByteBuffer packet = ByteBuffer::CopyOf(last_.span().First(kCommonHeader));
    packet.Append(fuzz::TakeCounted(input_));
    MendChecksum(packet);
    to.association().HandlePacket(packet);
  }

  void Send(End& from) {
    const StreamId stream(input_.ReadU8().value_or(0));
    link::ChannelTraits traits;
    const uint8_t bits = input_.ReadU8().value_or(0);
    if ((bits & 1) != 0) traits.ordering = link::Ordering::kUnordered;
    if ((bits & 2) != 0) traits.max_retransmits = 0;
    const std::vector<uint8_t> message(size_t{1} + 256 * size_t{bits}, bits);
    (void)from.association().Send(stream, Ppid(53), message, traits);  // any answer is fine
  }

  void Command(uint8_t command, SctpAssociation& association) {
    switch (command % 8) {
      case 0:
        association.PauseReceive();
        break;
      case 1:
        association.ResumeReceive();
        break;
      case 2:
        (void)association.ResetStreams({StreamId(input_.ReadU8().value_or(0))});
        break;
      case 3:
        (void)association.RequestStreams(input_.ReadU8().value_or(0));
        break;
      case 4:
        association.Shutdown();
        break;
      case 5:
        (void)association.SendableBytes();
        break;
      case 6:
        (void)association.stats();
        break;
      case 7:
        if (input_.ReadU8().value_or(0) == 255) association.Abort();
        break;
    }
  }

  void Step(uint8_t step, End& from, End& to) {
    switch (step % 8) {
      case 0:
        Pass(from, to, 0);
        break;
      case 1:
        Pass(from, to, input_.ReadU8().value_or(1));
        break;
      case 2:
        (void)from.TakePacket();
        break;
      case 3:
        to.association().HandlePacket(last_);
        break;
      case 4:
        Forge(from, to);
        break;
      case 5:
        timers_.Advance(std::chrono::milliseconds(10) * input_.ReadU8().value_or(0));
        break;
      case 6:
        Send(from);
        break;
      case 7:
        Command(input_.ReadU8().value_or(0), from.association());
        break;
    }
  }

  ByteReader input_;
  support::FakeTimerService& timers_;
  End first_;
  End second_;
  ByteBuffer last_ = ByteBuffer::CopyOf(std::vector<uint8_t>(kCommonHeader, 0));
};

}  // namespace
}  // namespace ming::sctp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static ming::support::FakeTimerService timers;
  static ming::sctp::SctpStack stack(timers);
  ming::sctp::Driver({data, size}, timers, stack).Run();
  CHECK_EQ(stack.association_count(), 0U);
  return 0;
}
