// DataChannel: one data channel as link::MessageChannel. It keeps what was received while nobody
// may be told, what was sent before the channel can be carried, and the one closing event. Streams,
// fairness and the association are the ChannelHub's.
#ifndef MING_WEBRTC_DATA_CHANNEL_H_
#define MING_WEBRTC_DATA_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/webrtc/channel_table.h"
#include "ming/webrtc/send_line.h"

namespace ming::webrtc {

class ChannelHub;

class DataChannel final : public link::MessageChannel, public SendLine::Member {
 public:
  DataChannel(ChannelHub& hub, link::TimerService& timers, ChannelId id,
              const link::ChannelTraits& traits);
  ~DataChannel() override;
  DataChannel(const DataChannel&) = delete;
  DataChannel& operator=(const DataChannel&) = delete;

  void SetObserver(Observer* observer) override;
  const link::ChannelTraits& traits() const override { return traits_; }
  size_t max_message_size() const override;
  link::SendResult Send(link::MessageKind kind, ByteSpan message) override;
  size_t SendableBytes() const override;
  size_t message_step() const override;
  // While a channel is paused, and before it has an observer, up to max_held_bytes are kept for it;
  // above that the peer is slowed down by stopping the whole association (see ChannelLimits).
  void PauseReceiving() override { paused_ = true; }
  void ResumeReceiving() override;
  void Close() override;

  // For the hub.
  ChannelId id() const { return id_; }
  size_t held_bytes() const { return held_bytes_; }
  bool reliable() const { return !traits_.max_retransmits.has_value(); }
  // The stream may be sent on: the DCEP message that opens it has left.
  void HandleStreamReady(StreamNumber stream);
  void HandleMessage(link::MessageKind kind, ByteBuffer message);
  // It is this channel's turn to send. From the loop only.
  void Serve();
  // Nothing more comes or goes. Held messages are delivered first, unless they are to be dropped.
  enum class Held { kDeliver, kDrop };
  void HandleClosed(const Status& why, Held held);
  // The hub goes: it is not called again.
  void Detach();

 private:
  struct Message {
    link::MessageKind kind;
    ByteBuffer bytes;
  };

  // What a message costs beside its bytes, so that empty ones are bounded too.
  static constexpr size_t kMessageOverhead = 64;

  static size_t CostOf(const Message& message) { return message.bytes.size() + kMessageOverhead; }
  link::SendResult SendEarly(link::MessageKind kind, ByteSpan message);
  bool may_deliver() const { return observer_ != nullptr && !paused_; }
  void Promise() const;
  void DeliverSoon();
  void Deliver();
  void DropHeld();

  ChannelHub* hub_;  // null once detached
  link::TimerService& timers_;
  const ChannelId id_;
  const link::ChannelTraits traits_;
  Observer* observer_ = nullptr;
  std::optional<StreamNumber> stream_;
  bool paused_ = false;
  bool closing_ = false;
  mutable bool send_ready_owed_ = false;
  bool close_reported_ = false;
  std::optional<Status> closed_;
  std::list<Message> early_;  // sent, and not yet taken by the association
  size_t early_bytes_ = 0;
  std::list<Message> held_;  // received, and not yet delivered
  size_t held_bytes_ = 0;
  std::unique_ptr<link::Alarm> deliver_alarm_;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_DATA_CHANNEL_H_
