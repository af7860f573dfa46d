#include "ming/sctp/sctp_options.h"

#include <string>
#include <string_view>

namespace ming::sctp {
namespace {

constexpr size_t kMinPacket = 576;
constexpr size_t kMaxPacket = 16384 - 37;  // one DTLS record
constexpr size_t kMinSendQueue = size_t{32} << 10;
constexpr size_t kMinBuffer = size_t{64} << 10;
constexpr size_t kMaxBuffer = size_t{16} << 20;

class Problems {
 public:
  void Require(bool holds, std::string_view sentence) {
    if (holds) return;
    if (!text_.empty()) text_ += "; ";
    text_ += sentence;
  }
  Status ToStatus() const {
    return text_.empty() ? Status::Ok() : Status(StatusCode::kInvalidArgument, text_);
  }

 private:
  std::string text_;
};

bool IsWithin(size_t value, size_t low, size_t high) { return value >= low && value <= high; }

void RequireTimes(const SctpOptions& options, Problems& problems) {
  problems.Require(options.heartbeat_interval >= std::chrono::milliseconds(100) &&
                       options.heartbeat_interval <= std::chrono::minutes(1),
                   "the heartbeat interval is 100 ms to 1 min");
  problems.Require(
      options.rto_min >= std::chrono::milliseconds(10) && options.rto_min <= options.rto_initial &&
          options.rto_initial <= options.rto_max && options.rto_max <= std::chrono::minutes(1),
      "the retransmission times are 10 ms to 1 min: minimum, initial, maximum");
  problems.Require(options.delayed_ack >= std::chrono::milliseconds(1) &&
                       options.delayed_ack <= std::chrono::milliseconds(200),
                   "an acknowledgment waits 1 to 200 ms");
  problems.Require(IsWithin(options.max_retransmissions, 1, kMaxRetransmissions) &&
                       IsWithin(options.max_init_retransmissions, 1, kMaxRetransmissions),
                   "there are 1 to 10000 retransmissions");
}

}  // namespace

Status Validate(const SctpOptions& options) {
  Problems problems;
  problems.Require(options.local_port != 0 && options.remote_port != 0, "a port is not 0");
  problems.Require(IsWithin(options.max_packet_size, kMinPacket, kMaxPacket),
                   "a packet is 576 to 16347 bytes");
  problems.Require(IsWithin(options.send_buffer, kMinBuffer, kMaxBuffer) &&
                       IsWithin(options.receive_buffer, kMinBuffer, kMaxBuffer),
                   "a buffer is 64 KiB to 16 MiB");
  problems.Require(
      options.min_send_queue >= kMinSendQueue && options.min_send_queue < options.send_buffer,
      "the shortest send queue is 32 KiB up to the send buffer");
  problems.Require(IsWithin(options.max_message_size, 1, kMaxBuffer),
                   "a message is 1 byte to 16 MiB");
  problems.Require(options.max_reassembly_bytes >= options.max_message_size,
                   "reassembly holds at least one message");
  problems.Require(options.outgoing_streams > 0 && options.max_incoming_streams > 0,
                   "there is at least one stream each way");
  RequireTimes(options, problems);
  return problems.ToStatus();
}

}  // namespace ming::sctp
