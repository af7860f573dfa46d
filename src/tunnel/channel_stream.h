// ChannelStream: a message channel as a byte stream. Owns the channel; the rules are in
// ChannelStreamCore. Nothing is buffered toward the channel: what Write takes, the channel has.
#ifndef MING_TUNNEL_CHANNEL_STREAM_H_
#define MING_TUNNEL_CHANNEL_STREAM_H_

#include <memory>

#include "ming/base/status.h"
#include "ming/link/byte_stream.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/tunnel/channel_stream_core.h"

namespace ming::tunnel {

class ChannelStream final : public link::ByteStream, private link::MessageChannel::Observer {
 public:
  // Told when the channel itself is gone: until then bytes that Write took may still be under way.
  class CloseObserver {
   public:
    virtual ~CloseObserver() = default;
    // Exactly once, from the loop, and the last call of all; behind OnStreamError where there is
    // one. May destroy the stream through TimerService::DeferDelete. Ok: the channel closed in
    // order, so everything written was delivered.
    virtual void OnChannelStreamClosed(const Status& why) = 0;
  };

  // `timers` and `close_observer` (may be null) outlive the stream. CHECKs that `options`
  // validates.
  ChannelStream(link::TimerService& timers, std::unique_ptr<link::MessageChannel> channel,
                const ChannelStreamOptions& options, CloseObserver* close_observer);
  // Aborts the channel unless it is closed.
  ~ChannelStream() override;

  void SetObserver(link::ByteStream::Observer* observer) override;
  link::ReadChunk Peek(size_t max) override;
  void Consume(size_t count) override;
  size_t WritableBytes() override;
  size_t Write(ByteSpan bytes) override;
  void CloseWrite() override;
  void Reset(const Status& why) override;

  // Acceptor only, once, instead of one another: see ChannelStreamCore.
  void ConfirmOpen();
  void Refuse(const Status& why);

  size_t buffered_bytes() const { return core_.buffered_bytes(); }
  bool channel_closed() const { return channel_closed_; }

 private:
  void OnMessage(link::MessageKind kind, ByteBuffer message) override;
  void OnSendReady() override;
  void OnChannelClosed(const Status& why) override;

  link::TimerService& timers_;
  std::unique_ptr<link::MessageChannel> channel_;
  ChannelStreamCore core_;
  CloseObserver* const close_observer_;
  link::ByteStream::Observer* observer_ = nullptr;
  std::unique_ptr<link::Alarm> alarm_;
  bool channel_closed_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_CHANNEL_STREAM_H_
