// SctpAssociation: one SCTP association (RFC 9260) of a data channel transport (RFC 8831), over
// packets in memory. It owns the association's life, its streams, sending with back-pressure, the
// reassembly of messages and stream resets. What messages mean (PPIDs, DCEP) and which stream ids
// are free is left to the layer above.
#ifndef MING_SCTP_SCTP_ASSOCIATION_H_
#define MING_SCTP_SCTP_ASSOCIATION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/sctp/engine_event.h"
#include "ming/sctp/reassembly.h"
#include "ming/sctp/recovery.h"
#include "ming/sctp/reset_gate.h"
#include "ming/sctp/sctp_options.h"
#include "ming/sctp/sctp_stack.h"
#include "ming/sctp/send_queue_limit.h"

namespace ming::sctp {

class EngineSocket;

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

enum class MorePackets {
  kNo,
  kMayFollow,  // HandlePacketsDone comes in this turn
};

enum class ResetDirection { kIncoming, kOutgoing };

struct SctpStats {
  Duration smoothed_rtt{0};
  uint32_t congestion_window = 0;    // bytes
  uint32_t peer_receive_window = 0;  // bytes
  size_t send_queue = 0;             // bytes not acknowledged
  uint64_t abandoned_messages = 0;   // given up by their retransmission limit
  uint64_t dropped_packets = 0;      // inbound: too short, a wrong checksum, or INIT in a flood
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
    // Once after Send said kWouldBlock or SendableBytes said 0: half of the queue is gone.
    virtual void OnSendReady() = 0;
    // Incoming: the peer reset its streams `ids`, everything sent on them before was delivered; the
    // layer above resets its own direction in answer, unless it has asked for that already (two
    // ends that answer every reset never stop). Outgoing: our reset is done. A stream may be used
    // again when both were reported. An empty list: all streams.
    virtual void OnStreamsReset(ResetDirection direction, const std::vector<StreamId>& ids) = 0;
    // The peer refused, or could not carry out, one of our resets: the streams stay as they are.
    virtual void OnStreamResetFailed(const std::vector<StreamId>& ids) = 0;
    // The answer to RequestStreams, or the peer's own wish: outgoing_streams() has grown. Not ok:
    // kResourceExhausted, the peer refused or did not follow.
    virtual void OnStreamsAdded(const Status& result) = 0;
    // Exactly once and last, unless we called Abort first. Ok: both ended in order (Shutdown). Else
    // kTimeout (no answer), kClosed (the peer aborted), kProtocolViolation or kResourceExhausted (a
    // limit of the options).
    virtual void OnAssociationClosed(const Status& why) = 0;
  };

  // A receiver keeps track of some 4000 chunks behind a gap (usrsctp of 4096) and drops what lies
  // beyond. A flood of small messages that may be given up would have far more on the way, and one
  // loss would cost all of them.
  static constexpr size_t kMostAhead = 4000;

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
  // Events come from inside the call, or from HandlePacketsDone where more packets may follow.
  void HandlePacket(ByteSpan packet, MorePackets more = MorePackets::kNo);
  void HandlePacketsDone();

  // Queues one message, 1 byte up to send_buffer; all or nothing. kClosed also for a stream at or
  // above outgoing_streams(), and for one whose reset is under way. kWouldBlock before
  // OnAssociationUp, and for a message that may be given up while kMostAhead chunks are queued or
  // not acknowledged.
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
  // first. kClosed when the association is not up, kUnsupported when the peer cannot,
  // kInvalidArgument for a stream at or above outgoing_streams().
  Status ResetStreams(const std::vector<StreamId>& streams);
  // Asks for `total` streams each way. OnStreamsAdded answers from the loop, unless this is not ok:
  // kResourceExhausted where growth is fixed, kUnavailable while another request is under way,
  // kClosed when the association is not up.
  Status RequestStreams(uint16_t total);
  // Streams that may be sent on: ids below this.
  uint16_t outgoing_streams() const { return outgoing_streams_; }
  uint16_t incoming_streams() const { return incoming_streams_; }

  // What a message is cut into: parts of so many bytes fill the packets, the last one may be
  // shorter. At least 1; known when up.
  size_t part_size() const;

  // Lowers (or, with the limit told at max_packet_size, raises) the packet size from here on.
  Status SetMaxPacketSize(size_t bytes);

  // Packets take another path from here on: congestion control starts anew, for what was learned
  // belongs to the old one (RFC 9260, section 7.2), and a heartbeat goes out at once.
  void HandleNewPath();

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
  enum class State {
    kIdle,
    kConnecting,
    kUp,
    kShuttingDown,
    kEnding,  // shut down before it was up: only the event is left
    kClosed,
  };

  // For SctpStack, after the engine's timers: sees to it that the engine's window does not limit
  // what is up to recovery.
  void HoldEngineWindow();
  // For SctpStack: whether a tick has something for us, and the work itself.
  bool IsDue(Timestamp now) const {
    return HasFallenSilent(now) || attention_ || waiting_for_space_ || wanted_streams_ != 0 ||
           reset_gate_.HasDue() || WindowIsStuck() != in_pieces_;
  }
  void Settle();
  // A packet of the engine.
  void OnOutput(MutableByteSpan packet);
  void SendOne(MutableByteSpan packet);

  void SettleOnce();
  // Our window, by the last SACK.
  void NoteOutboundSack(ByteSpan packet);
  bool WindowIsStuck() const;
  // Unfinished messages that fill the window never finish: the engine hands them over in pieces,
  // and max_reassembly_bytes bounds them.
  void UnblockWindow();
  // The peer was not heard of for a while: retransmissions are not spread out any more, so that a
  // path that comes back is used within rto_initial, one packet each time, by the rules of
  // congestion control. The engine's running timer keeps its time, so this begins early.
  bool HasFallenSilent(Timestamp now) const;
  void NoteSilence();
  void NoteHeard();
  // Sends what recovery has to send now, and sees to it that it goes on later.
  void SendRecovered();
  Timestamp ReadClock() const;
  void OnRecoveryTimeout();
  // Bytes that wait to be sent, and how many may.
  size_t Backlog();
  size_t BacklogLimit() const;
  // Chunks queued or not acknowledged; fewer than there are while messages of many chunks wait.
  size_t ChunksAhead();
  void SettleSoon();
  void ReadAll();
  void ReadNotification(size_t size, bool last_piece);
  void DeliverData(const InboundMessage& about, size_t size, bool last_piece);
  ByteBuffer TakeRead(size_t size);

  void Apply(EngineEvent event);
  void OnUp(const EngineUp& event);
  void OnStreamsReset(const EngineStreamsReset& event);
  void OnStreamsChanged(const EngineStreamsChanged& event);
  void Grow();
  void FinishGrowth(const Status& result);
  bool HasSpaceToOffer();
  void OfferSpace();
  void Finish(const Status& why);
  void CloseSocket();

  SctpOptions options_;
  SctpStack& stack_;
  Observer& observer_;
  PacketSink& sink_;
  uintptr_t id_ = 0;
  std::unique_ptr<link::Alarm> settle_soon_;
  std::unique_ptr<EngineSocket> socket_;  // null when closed

  State state_ = State::kIdle;
  bool attention_ = false;  // the engine asked for it
  bool settling_ = false;
  bool paused_ = false;
  bool silent_ = false;
  Timestamp heard_at_;  // the last packet of the peer, or the start
  bool waiting_for_space_ = false;
  bool too_far_ahead_ = false;  // while waiting: for fewer chunks, not for fewer bytes
  bool interleaving_ = false;
  bool stream_reset_ = false;

  uint16_t outgoing_streams_ = 0;
  uint16_t incoming_streams_ = 0;
  uint16_t wanted_streams_ = 0;    // both ways; 0: no growth is under way
  bool growth_requested_ = false;  // by us; else we follow the peer
  uint16_t asked_streams_ = 0;     // what the engine is asking the peer for; 0: nothing
  Timestamp growth_deadline_;

  ByteBuffer read_;  // room for the next read
  bool large_messages_ = false;
  bool in_pieces_ = false;   // also small ones
  size_t window_;            // that the peer was told
  ByteBuffer notification_;  // of which not all was read
  Reassembly reassembly_;
  size_t packet_size_;
  Recovery recovery_;
  std::unique_ptr<link::Alarm> recovery_alarm_;
  Timestamp recovery_armed_ = Timestamp::Max();
  SendQueueLimit queue_limit_;
  ResetGate reset_gate_;
  uint64_t taken_messages_ = 0;  // or the chunks that were sent of them, whichever is more
  uint64_t abandoned_messages_ = 0;
  uint64_t dropped_packets_ = 0;
  uint32_t inits_ = 0;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_SCTP_ASSOCIATION_H_
