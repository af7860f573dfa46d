// ChannelTable: which data channel lives on which SCTP stream, from DATA_CHANNEL_OPEN to the reset
// of both directions (RFC 8831, section 6; RFC 8832). It decides; sending, queueing and the
// messages themselves are the ChannelHub's. Pure.
#ifndef MING_WEBRTC_CHANNEL_TABLE_H_
#define MING_WEBRTC_CHANNEL_TABLE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/event_queue.h"
#include "ming/base/status.h"
#include "ming/base/strong_id.h"
#include "ming/base/time.h"
#include "ming/codec/dcep.h"
#include "ming/link/message_channel.h"

namespace ming::webrtc {

// Names a channel within its table; never used again.
using ChannelId = StrongId<struct ChannelIdTag, uint64_t>;
// An SCTP stream; used again after both directions were reset.
using StreamNumber = StrongId<struct StreamNumberTag, uint16_t>;

// Which streams we may open: the DTLS client uses the even ones (RFC 8832, section 6).
enum class StreamParity { kEven, kOdd };

struct ChannelTableOptions {
  // Open, opening and closing channels, ours and the peer's. At least 1.
  size_t max_channels = 16384;
  // Of the peer's labels and protocols.
  size_t max_label_bytes = 65535;
  // How long a closed channel waits for the peer to reset its direction too, once ours is done.
  Duration linger = std::chrono::seconds(5);
};

// What to do, in this order.
struct SendControl {
  ChannelId id;
  StreamNumber stream;
  ByteBuffer wire;  // a DCEP message: reliable, ordered
};
struct ResetStream {
  StreamNumber stream;  // our direction
};
struct RequestStreams {
  uint16_t total;  // more are needed; the answer goes to HandleStreams or HandleStreamsRefused
};
// The peer opened a channel; the SendControl with its ACK was before it.
struct RemoteChannel {
  ChannelId id;
  StreamNumber stream;
  std::string label;
  link::ChannelTraits traits;
};
// Exactly once for each channel, and last. Ok: closed in order by either side.
struct ChannelClosed {
  ChannelId id;
  Status why;
};
using ChannelEvent =
    std::variant<SendControl, ResetStream, RequestStreams, RemoteChannel, ChannelClosed>;

// The SCTP streams for so many channels: each side may open on half of them.
uint16_t StreamsFor(size_t channels);

class ChannelTable {
 public:
  explicit ChannelTable(const ChannelTableOptions& options);

  // A channel of ours. Its SendControl follows when the association is up and a stream is free.
  // kResourceExhausted: max_channels; kInvalidArgument: the label is too long or not UTF-8;
  // kUnavailable: the association has ended.
  Result<ChannelId> Open(const std::string& label, const link::ChannelTraits& traits);
  // Ends a channel; what was sent on it goes first. Unknown and closing ones: no effect.
  void Close(Timestamp now, ChannelId id);

  // `streams`: how many there are in both directions.
  void HandleAssociationUp(StreamParity ours, uint16_t streams);
  void HandleStreams(uint16_t streams);
  void HandleStreamsRefused();
  // A message with PPID 50. Whatever is not allowed ends the channel on that stream, if there is
  // one, and resets the stream.
  void HandleControl(Timestamp now, StreamNumber stream, ByteSpan wire);
  void HandleIncomingReset(Timestamp now, StreamNumber stream);
  void HandleOutgoingReset(Timestamp now, StreamNumber stream);
  // The peer would not, or could not, take our reset: the stream is never used again.
  void HandleResetFailed(StreamNumber stream);
  // Closes all that is left.
  void HandleAssociationDown(const Status& why);

  void HandleTimeout(Timestamp now);  // early or repeated calls are harmless
  Timestamp NextTimeout() const;
  std::optional<ChannelEvent> PollEvent();

  // The channel that a message on `stream` belongs to; none: drop it.
  std::optional<ChannelId> Find(StreamNumber stream) const;
  // False until the peer acknowledged our OPEN: messages must go ordered until then (RFC 8832,
  // section 6). True for the peer's channels.
  bool acknowledged(ChannelId id) const;
  std::optional<StreamNumber> stream(ChannelId id) const;
  size_t channel_count() const { return channels_.size(); }
  // Control messages of the peer that were not allowed.
  uint64_t violations() const { return violations_; }
  // The invariants between channels and streams, for tests and fuzzers.
  bool IsConsistent() const;

 private:
  enum class ChannelState { kWaiting, kOpening, kOpen, kClosing };
  struct Channel {
    ChannelState state = ChannelState::kWaiting;
    std::optional<StreamNumber> stream;  // none in kWaiting
    ByteBuffer open;                     // kWaiting: the OPEN to send
  };
  struct Stream {
    std::optional<ChannelId> channel;
    // Our resets that the peer has not confirmed. More than one where the peer, which saw our first
    // one, opened the stream again before its confirmation reached us.
    uint16_t outgoing_resets = 0;
    bool incoming_reset = true;  // the peer's direction is at its start
    bool retired = false;
  };

  bool OwnParity(StreamNumber stream) const;
  Stream& StreamAt(StreamNumber stream);
  std::optional<StreamNumber> TakeFreeStream();
  void AssignWaiting();
  void Assign(ChannelId id, Channel& channel, StreamNumber stream);
  void HandleOpen(StreamNumber stream, codec::DataChannelOpen open);
  void HandleAck(StreamNumber stream);
  // Ends whatever is on `stream` because of a message that is not allowed.
  void Refuse(StreamNumber stream, const Status& why);
  void EmitReset(StreamNumber stream);
  void Finish(ChannelId id, const Status& why);
  void FinishIfDone(Timestamp now, StreamNumber stream);
  void ReleaseIfFree(StreamNumber stream);

  ChannelTableOptions options_;
  bool up_ = false;
  bool down_ = false;
  bool stream_request_pending_ = false;
  bool streams_refused_ = false;
  StreamParity parity_ = StreamParity::kEven;
  uint32_t stream_count_ = 0;
  uint32_t next_unused_ = 0;  // the lowest stream of our parity that was never used
  uint64_t next_channel_ = 1;
  uint64_t violations_ = 0;
  std::unordered_map<ChannelId, Channel> channels_;
  std::vector<Stream> streams_;  // grows to the highest stream used
  // Lists, as a deque takes half a kilobyte while it is empty.
  std::list<StreamNumber> free_;  // used before and free again, oldest first
  std::list<ChannelId> waiting_;  // for a stream; may name channels closed since
  std::list<std::pair<Timestamp, ChannelId>> lingering_;  // by time; may name closed ones
  EventQueue<ChannelEvent> events_;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_CHANNEL_TABLE_H_
