// The types and options of an SCTP association.
#ifndef MING_SCTP_SCTP_OPTIONS_H_
#define MING_SCTP_SCTP_OPTIONS_H_

#include <cstddef>
#include <cstdint>

#include "ming/base/status.h"
#include "ming/base/strong_id.h"
#include "ming/base/time.h"

namespace ming::sctp {

using StreamId = StrongId<struct StreamIdTag, uint16_t>;
// The payload protocol identifier, in host order.
using Ppid = StrongId<struct PpidTag, uint32_t>;

enum class Interleaving { kOff, kOffered };

enum class StreamGrowth {
  kFixed,     // what the start agreed on stays; a peer that asks for more is refused
  kOnDemand,  // only toward a peer known to take part: one that never answers costs the association
};

// The most that max_retransmissions takes: an hour of silence with the default times.
inline constexpr uint16_t kMaxRetransmissions = 10'000;

struct SctpOptions {
  // Both ends bind and connect; WebRTC uses 5000 on both unless SDP says otherwise.
  uint16_t local_port = 5000;
  uint16_t remote_port = 5000;
  // Largest packet handed to the sink, bytes, common header included, 576 to 16347. 1163 becomes a
  // DTLS datagram of 1200 bytes. Agree on a larger one before the association is made: raising it
  // later does not raise the size of fragments.
  size_t max_packet_size = 1163;
  // Bytes queued and not acknowledged, 64 KiB to 16 MiB, and more than any message. Bounds the rate
  // at a given round trip time.
  size_t send_buffer = size_t{16} << 20;
  // Bytes received and not read, 64 KiB to 16 MiB: the window the peer sees. Messages up to 128 KiB
  // count until they are complete, or no room is left: then they count below.
  size_t receive_buffer = size_t{4} << 20;
  // What a sender may always queue before SendableBytes says 0, bytes, at least 32 KiB and below
  // send_buffer. From there on the queue is as long as rate and round trip time of the path ask for
  // (SendQueueLimit).
  size_t min_send_queue = size_t{64} << 10;
  // Largest message taken, bytes, 1 to 16 MiB: what SDP announced (RFC 8841). A larger one fails
  // the association.
  size_t max_message_size = size_t{256} << 10;
  // All incomplete messages above 128 KiB, or that the window had no room for, together, bytes;
  // more fail the association. At least max_message_size.
  size_t max_reassembly_bytes = size_t{4} << 20;
  // Streams to send on that are asked for at the start, 1 to 65535; the peer may agree to fewer.
  // Each costs about 100 bytes at both ends.
  uint16_t outgoing_streams = 1024;
  // Streams the peer gets, at the start and by growth, 1 to 65535. Many peers ask for all of them
  // at once, which costs 4 MB.
  uint16_t max_incoming_streams = 1024;
  StreamGrowth growth = StreamGrowth::kFixed;
  // I-DATA (RFC 8260), used where the peer offers it too: a large message does not hold up others.
  Interleaving interleaving = Interleaving::kOffered;
  // How often an idle path is probed, 100 ms to 1 min; the engine adds its RTO.
  Duration heartbeat_interval = std::chrono::seconds(1);
  // The retransmission timer. Below 400 ms a process that is descheduled resends in vain; the
  // maximum bounds how long a path that came back stays unused. While the peer is known to be
  // silent the initial one is the maximum.
  Duration rto_initial = std::chrono::milliseconds(500);
  Duration rto_min = std::chrono::milliseconds(400);
  Duration rto_max = std::chrono::seconds(2);
  // How long a lone packet waits for its acknowledgment, 1 to 200 ms. A stream reset waits for it
  // at the peer, so the 200 ms that are usual would show in every channel that closes.
  Duration delayed_ack = std::chrono::milliseconds(20);
  // Consecutive retransmissions and heartbeats without an answer before the association is lost, 1
  // to kMaxRetransmissions. With the times above 20 take about 35 s.
  uint16_t max_retransmissions = 20;
  // The same for the start, of INIT.
  uint16_t max_init_retransmissions = 16;
};

// All problems of `options` at once, or ok. The association CHECKs it.
Status Validate(const SctpOptions& options);

}  // namespace ming::sctp

#endif  // MING_SCTP_SCTP_OPTIONS_H_
