// MessageChannel: messages with boundaries over some transport: a WebRTC data channel, a WebSocket
// connection.
#ifndef MING_LINK_MESSAGE_CHANNEL_H_
#define MING_LINK_MESSAGE_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/status.h"

namespace ming::link {

enum class MessageKind { kBinary, kText };

enum class Ordering { kOrdered, kUnordered };

struct ChannelTraits {
  Ordering ordering = Ordering::kOrdered;
  // Retransmissions before a message is given up; none: reliable.
  std::optional<uint16_t> max_retransmits;
};

enum class SendResult {
  kAccepted,    // the channel owns a copy
  kWouldBlock,  // nothing was taken; OnSendReady follows
  kTooLarge,    // longer than max_message_size(); nothing was taken
  kClosed,      // closing or closed; nothing was taken
};

class MessageChannel {
 public:
  // Called from the loop, never inside a call to the channel. Every method may call back into the
  // channel and may destroy it through TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void OnMessage(MessageKind kind, ByteBuffer message) = 0;
    // Once after Send said kWouldBlock, or SendableBytes said 0.
    virtual void OnSendReady() = 0;
    // Exactly once, and last; ok when the peer or we closed in order. Messages received before it
    // were delivered.
    virtual void OnChannelClosed(const Status& why) = 0;
  };

  // Destroying an open channel aborts it.
  virtual ~MessageChannel() = default;

  // Messages that came before an observer is set are kept (bounded) and follow from the loop. Null:
  // no more calls.
  virtual void SetObserver(Observer* observer) = 0;
  virtual const ChannelTraits& traits() const = 0;
  // The largest message the peer takes, bytes.
  virtual size_t max_message_size() const = 0;
  // Empty messages are allowed.
  virtual SendResult Send(MessageKind kind, ByteSpan message) = 0;
  // A hint: how many bytes a Send would take now, at most max_message_size(). 0 promises
  // OnSendReady.
  virtual size_t SendableBytes() const = 0;
  // Messages of a multiple of so many bytes leave no packet half full; 1: any will do.
  virtual size_t message_step() const = 0;
  // Between Pause and Resume no OnMessage comes (a few may be under way), and the peer is slowed
  // down.
  virtual void PauseReceiving() = 0;
  virtual void ResumeReceiving() = 0;
  // Closes in order: what Send accepted is delivered first. OnChannelClosed follows from the loop.
  virtual void Close() = 0;
};

// Opens channels toward one peer.
class ChannelOpener {
 public:
  virtual ~ChannelOpener() = default;

  // A channel in the opening state; sending is allowed at once and queues until the peer is there.
  // `label` is UTF-8, at most 65535 bytes. kResourceExhausted: no stream id is free; kUnavailable:
  // there is no peer now.
  virtual Result<std::unique_ptr<MessageChannel>> OpenChannel(const std::string& label,
                                                              const ChannelTraits& traits) = 0;
};

}  // namespace ming::link

#endif  // MING_LINK_MESSAGE_CHANNEL_H_
