// SctpAssociation: one SCTP association (RFC 9260) of a data channel transport (RFC 8831), over
// packets in memory. It owns the association's life, its streams, sending with back-pressure, the
// reassembly of messages and stream resets. What messages mean (PPIDs, DCEP) and which stream ids
// are free is left to the layer above.
#ifndef MING_SCTP_SCTP_ASSOCIATION_H_
#define MING_SCTP_SCTP_ASSOCIATION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/strong_id.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/sctp/sctp_stack.h"

struct socket;

namespace ming::sctp {

using StreamId = StrongId<struct StreamIdTag, uint16_t>;
// The payload protocol identifier, in host order.
using Ppid = StrongId<struct PpidTag, uint32_t>;

enum class Interleaving { kOff, kOffered };

struct SctpOptions {
  // Both ends bind and connect; WebRTC uses 5000 on both unless SDP says otherwise.
  uint16_t local_port = 5000;
  uint16_t remote_port = 5000;
  // Largest packet handed to the sink, bytes, common header included, 576 to 16347. 1163 becomes a
  // DTLS datagram of 1200 bytes. Agree on a larger one before the association is made: raising it
  // later does not raise the size of fragments.
  size_t max_packet_size = 1163;
  // Bytes queued and not acknowledged, 64 KiB to 16 MiB. Bounds the rate at a round trip time.
  size_t send_buffer = 1024 * 1024;
  // Bytes received and not read; the window the peer sees.
  size_t receive_buffer = 1024 * 1024;
  // OnSendReady comes when at most this many bytes are queued; below send_buffer.
  size_t send_low_watermark = 256 * 1024;
  // Received messages beyond this fail the association (RFC 8841: announced in SDP).
  size_t max_message_size = 256 * 1024;
  // All incomplete messages together; beyond this the association fails. At least
  // max_message_size.
  size_t max_reassembly_bytes = 4 * 1024 * 1024;
  // Streams asked for at the start, 1 to 65535. Each costs about 100 bytes at both ends; more can
  // be added on demand where the peer takes part.
  uint16_t outgoing_streams = 1024;
  // Streams the peer may have, at the start and by adding.
  uint16_t max_incoming_streams = 65535;
  // I-DATA (RFC 8260), used where the peer offers it too: a large message does not hold up others.
  Interleaving interleaving = Interleaving::kOffered;
  // Sent on an idle path; the engine adds its RTO to it.
  Duration heartbeat_interval = std::chrono::seconds(1);
  Duration rto_initial = std::chrono::milliseconds(500);
  Duration rto_min = std::chrono::milliseconds(400);
  Duration rto_max = std::chrono::seconds(5);
  // Consecutive retransmissions (or heartbeats without answer) before the association is lost.
  uint16_t max_retransmissions = 10;
  // Attempts of the INIT.
  uint16_t max_init_retransmissions = 8;
};

// All problems of `options`, or ok. The association CHECKs it.
Status Validate(const SctpOptions& options);

// Where packets leave. Called inside calls to the association and from the stack's timer; it may
// not call any association, nor destroy one.
class PacketSink {
 public:
  virtual ~PacketSink() = default;
  // One SCTP packet with its checksum, at most max_packet_size bytes, valid during the call. Losing
  // it is allowed.
  virtual void SendPacket(ByteSpan packet) = 0;
};

struct InboundMessage {
  StreamId stream;
  Ppid ppid;
  link::Ordering ordering = link::Ordering::kOrdered;
  ByteBuffer bytes;  // never empty: an empty message has a PPID of its own and one byte
};

enum class ResetDirection { kIncoming, kOutgoing };

struct SctpStats {
  Duration smoothed_rtt{0};
  uint32_t congestion_window = 0;    // bytes
  uint32_t peer_receive_window = 0;  // bytes
  size_t send_queue = 0;             // bytes not acknowledged
  uint64_t abandoned_messages = 0;   // given up by their retransmission limit
  uint64_t dropped_packets = 0;      // inbound, too short or with a wrong checksum
};

class SctpAssociation {
 public:
  // Called inside HandlePacket and from the loop, never inside another call and never inside the
  // engine. Every method may call the association back except HandlePacket and the destructor (use
  // TimerService::DeferDelete; Abort stops all further calls at once).
  class Observer {
   public:
    virtual ~Observer() = default;
    // Once: messages flow. outgoing_streams() is the agreed number.
    virtual void OnAssociationUp() = 0;
    virtual void OnMessage(InboundMessage message) = 0;
    // Once after Send said kWouldBlock or SendableBytes said 0: the queue has fallen to the low
    // watermark.
    virtual void OnSendReady() = 0;
    // Incoming: the peer reset its streams `ids`, everything sent on them before was delivered;
    // the layer above resets its own direction in answer. Outgoing: our reset is done. A stream may
    // be used again, counting from 0, when both were reported. An empty list: all streams.
    virtual void OnStreamsReset(ResetDirection direction, const std::vector<StreamId>& ids) = 0;
    // The peer refused, or could not carry out, one of our resets: the streams stay as they are.
    virtual void OnStreamResetFailed(const std::vector<StreamId>& ids) = 0;
    // The answer to RequestStreams, or the peer's own wish: outgoing_streams() may have grown. Not
    // ok: kResourceExhausted, the peer does not take part.
    virtual void OnStreamsAdded(const Status& result) = 0;
    // Exactly once and last, unless we called Abort first. Ok: both ended in order (Shutdown). Else
    // kTimeout (no answer), kClosed (the peer aborted), kProtocolViolation or kResourceExhausted (a
    // limit of the options).
    virtual void OnAssociationClosed(const Status& why) = 0;
  };

  // `stack`, `observer` and `sink` outlive the association.
  SctpAssociation(const SctpOptions& options, SctpStack& stack, Observer& observer,
                  PacketSink& sink);
  SctpAssociation(const SctpAssociation&) = delete;
  SctpAssociation& operator=(const SctpAssociation&) = delete;
  // Aborts where it is still up.
  ~SctpAssociation();

  // Once: sends INIT. Both ends do it, in any order.
  Status Connect();
  // One packet from the peer, hostile or not; valid during the call. A wrong checksum drops it.
  void HandlePacket(ByteSpan packet);

  // Queues one message, 1 byte up to send_buffer; all or nothing. kClosed also for a stream at or
  // above outgoing_streams(), and for one whose reset is under way. Before OnAssociationUp:
  // kWouldBlock.
  link::SendResult Send(StreamId stream, Ppid ppid, ByteSpan message,
                        const link::ChannelTraits& traits);
  // A hint: the largest message Send would take now. 0 promises OnSendReady.
  size_t SendableBytes();
  // Bytes queued and not acknowledged.
  size_t QueuedBytes();

  // Between Pause and Resume nothing is read: the window closes and the peer stops. Events of
  // streams wait as well; the end does not (what was received before it is delivered first).
  void PauseReceive();
  void ResumeReceive();

  // Asks for a reset of our direction of these streams (RFC 6525); what was queued on them goes
  // first. kClosed when the association is not up. kUnsupported: the peer cannot.
  Status ResetStreams(const std::vector<StreamId>& streams);
  // Asks for `total` outgoing and as many incoming streams. OnStreamsAdded answers, unless it is
  // not ok. At most one request is under way; a further one is kUnavailable.
  Status RequestStreams(uint16_t total);
  // Streams that may be sent on: ids below this.
  uint16_t outgoing_streams() const { return outgoing_streams_; }
  uint16_t incoming_streams() const { return incoming_streams_; }

  // Lowers (or, with the limit told at max_packet_size, raises) the packet size from here on.
  Status SetMaxPacketSize(size_t bytes);

  // Ends in order: what was queued is delivered, then OnAssociationClosed(ok). Nothing more can be
  // sent.
  void Shutdown();
  // Sends ABORT where the peer knows us and ends at once; no call to the observer follows. Repeated
  // calls are harmless.
  void Abort();

  bool up() const { return state_ == State::kUp; }
  // Whether the peer takes I-DATA; known when up.
  bool interleaving() const { return interleaving_; }
  SctpStats stats();

 private:
  friend class SctpStack;
  enum class State { kIdle, kConnecting, kUp, kShuttingDown, kClosed };

  State state_ = State::kIdle;
  uint16_t outgoing_streams_ = 0;
  uint16_t incoming_streams_ = 0;
  bool interleaving_ = false;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_SCTP_ASSOCIATION_H_
