// ChannelStream: a message channel as a byte stream. Owns the channel; the rules are in
// ChannelStreamCore. Nothing is buffered toward the channel: what Write takes, the channel has.
#ifndef MING_TUNNEL_CHANNEL_STREAM_H_
#define MING_TUNNEL_CHANNEL_STREAM_H_

#include <cstddef>
#include <memory>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
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
    // Exactly once, from the loop; ok when the channel closed in order, that is, everything written
    // was delivered. Unlike the calls of ByteStream::Observer it comes after a Reset, too. Bytes
    // received may still wait to be read. May destroy the stream through
    // TimerService::DeferDelete.
    virtual void OnChannelStreamClosed(const Status& why) = 0;
  };

  // `timers` and `close_observer` (may be null) outlive the stream. CHECKs that `options`
  // validates.
  ChannelStream(link::TimerService& timers, std::unique_ptr<link::MessageChannel> channel,
                const ChannelStreamOptions& options, CloseObserver* close_observer);
  // Aborts the channel unless it is closed.
  ~ChannelStream() override;

  void SetObserver(link::ByteStream::Observer* observer) override { observer_ = observer; }
  link::ReadChunk Peek(size_t max) override;
  void Consume(size_t count) override;
  size_t WritableBytes() override;
  size_t Write(ByteSpan bytes) override;
  void CloseWrite() override;
  void Reset(const Status& why) override;

  // Acceptor only, one of the two, once: see ChannelStreamCore. No call of the stream's observer
  // follows Refuse.
  void ConfirmOpen();
  void Refuse(const Status& why);

  size_t buffered_bytes() const { return core_.buffered_bytes(); }
  bool channel_closed() const { return channel_closed_; }

 private:
  void OnMessage(link::MessageKind kind, ByteBuffer message) override;
  void OnSendReady() override;
  void OnChannelClosed(const Status& why) override;
  void OnAlarm();

  // Behind a call of our user: the channel gets what is due, the observer is told from the loop.
  void SettleInCall();
  // From the loop.
  void Settle();
  void RunActions();
  // False: the channel takes nothing now.
  size_t WholeSteps(size_t bytes) const;
  bool SendControl();
  void FailUnsendable();
  void Notify(ChannelStreamEvent event);
  void ArmAlarm(Timestamp when);

  link::TimerService& timers_;
  const std::unique_ptr<link::MessageChannel> channel_;
  ChannelStreamCore core_;
  CloseObserver* const close_observer_;
  link::ByteStream::Observer* observer_ = nullptr;
  const std::unique_ptr<link::Alarm> alarm_;
  Timestamp alarm_at_ = Timestamp::Max();
  bool send_blocked_ = false;
  bool settling_ = false;
  bool channel_closed_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_CHANNEL_STREAM_H_
