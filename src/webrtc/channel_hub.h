// ChannelHub: all data channels of one connection over one SCTP association: it carries out what
// the ChannelTable decides, hands messages to their channels, shares the sending fairly, and stops
// the association when a channel holds too much.
#ifndef MING_WEBRTC_CHANNEL_HUB_H_
#define MING_WEBRTC_CHANNEL_HUB_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/sctp/sctp_association.h"
#include "ming/webrtc/channel_limits.h"
#include "ming/webrtc/channel_table.h"
#include "ming/webrtc/send_line.h"

namespace ming::webrtc {

class DataChannel;

class ChannelHub {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    // The peer opened a channel. From the loop; may call back.
    virtual void OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                                 const std::string& label) = 0;
  };

  ChannelHub(link::TimerService& timers, const ChannelLimits& limits, Observer& observer);
  // Channels that others still hold report kClosed from the loop.
  ~ChannelHub();
  ChannelHub(const ChannelHub&) = delete;
  ChannelHub& operator=(const ChannelHub&) = delete;

  Result<std::unique_ptr<link::MessageChannel>> Open(const std::string& label,
                                                     const link::ChannelTraits& traits);
  // The largest message the peer takes; before it is known, what every peer takes.
  void SetMaxMessageSize(size_t bytes) { max_message_size_ = bytes; }

  // The association's events. It is up from HandleAssociationUp to HandleAssociationDown.
  void HandleAssociationUp(sctp::SctpAssociation& association, StreamParity ours);
  void HandleMessage(sctp::InboundMessage message);
  void HandleSendReady();
  void HandleStreamsReset(sctp::ResetDirection direction, const std::vector<sctp::StreamId>& ids);
  void HandleStreamResetFailed(const std::vector<sctp::StreamId>& ids);
  void HandleStreamsAdded(const Status& result);
  // Every channel ends; the association is not touched any more.
  void HandleAssociationDown(const Status& why);

  size_t open_channels() const { return table_.channel_count(); }
  // Messages dropped: on no channel, with an unknown PPID, or beyond what an unreliable channel may
  // hold.
  uint64_t dropped_messages() const { return dropped_messages_; }

  // For DataChannel.
  const ChannelLimits& limits() const { return limits_; }
  size_t max_message_size() const { return max_message_size_; }
  // What fills a packet.
  size_t message_step() const { return association_ == nullptr ? 1 : association_->part_size(); }
  // False: others wait, and it is not this channel's turn. Enlist then.
  bool MaySend(const DataChannel& channel) const;
  size_t RoomFor(const DataChannel& channel);
  link::SendResult SendNow(const DataChannel& channel, StreamNumber stream, link::MessageKind kind,
                           ByteSpan message);
  // Lines a channel up for its turn (DataChannel::Serve).
  void Enlist(ChannelId id);
  // The same, and has the turns begin by themselves.
  void ServeSoon(ChannelId id);
  void Close(ChannelId id);
  void Forget(DataChannel& channel);
  // Counts `cost` bytes more as held for a channel; false: they must be dropped.
  bool Hold(const DataChannel& channel, size_t cost);
  void Release(const DataChannel& channel, size_t cost);
  void UpdateStall(const DataChannel& channel);

 private:
  using Control = std::variant<SendControl, ResetStream>;

  void Pump();
  void Apply(RemoteChannel event);
  void Apply(const ChannelClosed& event);
  void Apply(const RequestStreams& event);
  void FlushControls();
  bool Carry(const Control& control);
  void ServeTurns();
  void UpdatePause();
  void OnStallTimeout();
  DataChannel* Find(ChannelId id);

  link::TimerService& timers_;
  const ChannelLimits limits_;
  Observer& observer_;
  ChannelTable table_;
  sctp::SctpAssociation* association_ = nullptr;
  size_t max_message_size_;
  std::unordered_map<ChannelId, DataChannel*> channels_;  // until they are destroyed
  // Lists, as a deque takes half a kilobyte while it is empty.
  std::list<Control> controls_;  // wait for room, or for an earlier reset of the same stream
  bool pumping_ = false;

  bool association_full_ = false;  // it owes OnSendReady
  SendLine line_;
  bool serving_ = false;

  size_t held_total_ = 0;
  std::unordered_set<ChannelId> stalled_;  // above their limit
  bool total_stalled_ = false;
  bool receiving_paused_ = false;
  uint64_t dropped_messages_ = 0;

  std::unique_ptr<link::Alarm> table_alarm_;
  std::unique_ptr<link::Alarm> serve_alarm_;
  std::unique_ptr<link::Alarm> stall_alarm_;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_CHANNEL_HUB_H_
