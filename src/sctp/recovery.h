// Recovery: repairs losses and decides when packets leave, between the engine and the sink, at the
// sending end alone. Pure.
//
// The engine has the loss recovery and the congestion control of RFC 9260, with which 1 % loss at
// 50 ms means 2 Mbit/s. Here every DATA chunk that it sends is kept until it is acknowledged,
// losses are found by time (RACK and the tail loss probe of RFC 8985) and repaired as often as
// needed, and RateControl says how fast. The engine is told only what is acknowledged without a
// gap, so to it the path is slow at times but loses nothing; its own timer stays as the last
// resort, for it keeps what it sent until then as well. On the wire it is SCTP like any other.
//
// On a path with a round trip below kShortPath nothing of this pays: packets pass at once and are
// not kept, and the engine sees what the peer says.
#ifndef MING_SCTP_RECOVERY_H_
#define MING_SCTP_RECOVERY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/time.h"
#include "ming/sctp/chunks.h"
#include "ming/sctp/outstanding.h"
#include "ming/sctp/rate_control.h"
#include "ming/sctp/reordering.h"
#include "ming/sctp/round_trip.h"
#include "ming/sctp/sack.h"

namespace ming::sctp {

struct RecoveryOptions {
  // Largest packet, bytes.
  size_t packet_size = 1163;
  // How long a peer may keep the acknowledgment of a lone packet back.
  Duration delayed_ack = std::chrono::milliseconds(20);
  // A path that is silent is tried at least so often.
  Duration longest_timeout = std::chrono::milliseconds(500);
};

class Recovery {
 public:
  // Shorter round trips are left to the engine; it gives them back above twice as much.
  static constexpr Duration kShortPath = std::chrono::milliseconds(2);

  explicit Recovery(const RecoveryOptions& options);

  // A packet of the engine, whose checksum nobody needs. As many of its first bytes are to be sent
  // at once, as a packet, if they are more than the common header; the rest was taken.
  size_t HandleOutbound(Timestamp now, ByteSpan packet);
  // A packet of the peer, hostile or not; gives what the engine is told instead, valid until the
  // next call.
  ByteSpan HandleInbound(Timestamp now, ByteSpan packet);
  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // What was learned belongs to another path; what was on the way there is sent again.
  void HandleNewPath();
  void SetPacketSize(size_t bytes);
  // Messages on this stream are given up after so many retransmissions, from the next packet on;
  // none: never. It holds for those that are unordered and fit into one chunk, as datagrams do, and
  // toward a peer that knows FORWARD-TSN; others are repaired like all the rest.
  void SetRetransmissionLimit(uint16_t stream, std::optional<uint16_t> limit);

  // The next packet to send now, its checksum to be filled in; valid until the next call of any
  // method. Drain it after every call above.
  std::optional<MutableByteSpan> PollPacket(Timestamp now);
  // When HandleTimeout or PollPacket has something to do; Max(): only a packet can change that.
  Timestamp NextTimeout() const;

  // Whether packets are kept, or will be.
  bool active() const { return owning_ || !outstanding_.empty(); }
  // Bytes that wait for their first transmission, and all that are not acknowledged without a gap,
  // as the engine counts.
  size_t unsent_bytes() const { return outstanding_.queued_bytes(); }
  size_t kept_bytes() const;
  // What may wait without making a small message late.
  size_t wanted_unsent() const;
  std::optional<Duration> smoothed_round_trip() const { return round_trip_.smoothed(); }
  size_t window() const { return rate_.window(); }
  // What the engine has to let out so that it never waits: bytes that it may count as on the way.
  size_t engine_window() const;

  // Chunks of new data that the engine has sent, and how many of them are not acknowledged without
  // a gap: known whether packets are kept or not.
  uint64_t sent_chunks() const { return sent_chunks_; }
  size_t unacknowledged_chunks() const { return sent_any_ ? last_tsn_ - acknowledged_tsn_ : 0; }

  uint64_t abandoned_messages() const { return abandoned_messages_; }

  // For tests and fuzzers.
  bool IsConsistent() const;
  uint64_t retransmissions() const { return retransmissions_; }

 private:
  struct Mark {
    uint32_t tsn = 0;
    Timestamp sent_at;
  };

  enum class Fate { kPass, kTake, kDrop };
  // Chunks of new data that stand together in a packet of the engine.
  struct Run {
    ByteSpan chunks;
    TsnRange tsns;
    uint32_t most_transmissions = 0;
  };

  Fate FateOf(Timestamp now, uint32_t tsn);
  void AddToRun(ByteSpan header, const Chunk& chunk, uint32_t tsn, Run& run);
  void EndRun(ByteSpan header, Run& run);
  uint32_t MostTransmissions(const Chunk& chunk) const;
  void NoteRepeat(Timestamp now, uint32_t tsn);
  void NoteNewData(Timestamp now);
  void WatchSent(Timestamp now, uint32_t tsn);
  void WatchAcknowledged(Timestamp now, uint32_t tsn);
  void NoteShortest(Timestamp now, Duration sample);

  void NotePeerInit(const Chunk& chunk);
  void HandleSack(Timestamp now, const Sack& sack);
  void HandleDeliveries(Timestamp now, size_t acknowledged);
  void NoteLatest(Timestamp now, const Outstanding::Delivery& delivery);
  void DetectLosses(Timestamp now);
  Duration ReorderingWindow() const;
  SackView ViewForEngine() const;

  void SetTimer();
  void HandleSilence(Timestamp now);
  Outstanding::Index NextWorthSending();
  std::optional<MutableByteSpan> PollForward(Timestamp now);
  std::optional<MutableByteSpan> Transmit(Timestamp now, Outstanding::Index index);
  bool WindowHasRoom() const;
  Outstanding::Index NextToSend() const;

  RecoveryOptions options_;
  Outstanding outstanding_;
  RateControl rate_;
  std::vector<Outstanding::Delivery> newly_;  // scratch
  ByteBuffer told_;                           // scratch
  ByteBuffer cut_;                            // a packet that became too large
  std::optional<PacketCutter> cutter_;        // of it

  std::unordered_map<uint16_t, uint16_t> limits_;  // retransmissions, by stream
  bool peer_forwards_ = false;
  bool interleaved_ = false;
  ByteBuffer forward_;  // scratch
  Timestamp forward_again_;

  bool owning_ = true;
  bool sent_any_ = false;
  uint32_t last_tsn_ = 0;          // that the engine sent
  uint32_t acknowledged_tsn_ = 0;  // up to which there is no gap
  uint64_t sent_chunks_ = 0;
  uint32_t last_owned_tsn_ = 0;  // that was taken

  // While watching: one round trip at a time; and the shortest of this and the last interval.
  std::optional<Mark> mark_;
  Duration shortest_now_ = Duration::max();
  Duration shortest_before_ = Duration::max();
  Timestamp interval_end_;
  int samples_ = 0;

  uint64_t delivered_ = 0;
  uint64_t lost_ = 0;  // bytes, since the start
  Timestamp delivered_at_;
  Timestamp first_sent_at_;
  uint64_t limited_until_ = 0;

  RoundTrip round_trip_;
  Reordering reordering_;

  // RACK: the packet sent last among those delivered.
  Timestamp latest_sent_at_;
  uint32_t latest_tsn_ = 0;
  Duration latest_round_trip_{0};
  uint64_t retransmissions_ = 0;
  uint64_t abandoned_messages_ = 0;

  Timestamp next_send_;
  Timestamp last_activity_;
  Timestamp reordering_at_ = Timestamp::Max();
  Timestamp timer_ = Timestamp::Max();
  bool probe_due_ = false;
  bool probed_ = false;
  int silences_ = 0;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_RECOVERY_H_
