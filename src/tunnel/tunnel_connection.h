// TunnelConnection: one TCP connection of a tunnel, at either end: a local stream, a channel, and
// the relay between them as soon as both are there. Knows no socket.
#ifndef MING_TUNNEL_TUNNEL_CONNECTION_H_
#define MING_TUNNEL_TUNNEL_CONNECTION_H_

#include <cstdint>
#include <memory>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/tunnel/admission_core.h"
#include "ming/tunnel/channel_stream.h"
#include "ming/tunnel/relay.h"

namespace ming::tunnel {

// How long a channel may take to deliver what it accepted after the relay is done: a full send
// buffer over a thin path.
inline constexpr Duration kOrderlyLinger = std::chrono::seconds(60);
// And after a failure, when only the farewell is under way.
inline constexpr Duration kFailureLinger = std::chrono::seconds(2);

class TunnelConnection final : private link::ByteStream::Observer,
                               private Relay::Observer,
                               private ChannelStream::CloseObserver {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    // Exactly once unless Refuse or Abort was called, from the loop: no more bytes move. Ok: both
    // directions ended in order.
    virtual void OnConnectionEnded(ConnectionId id, const Status& why) = 0;
    // Exactly once, last, from the loop: nothing is under way any more. Destroys the connection
    // through DeferDelete.
    virtual void OnConnectionGone(ConnectionId id) = 0;
  };

  // `timers` and `observer` outlive the connection.
  TunnelConnection(link::TimerService& timers, ConnectionId id, Observer& observer);
  // Resets what is not ended, at once.
  ~TunnelConnection() override;

  // Either comes first, each once; with the second the relay starts. An acceptor's channel says
  // `open` then. Not after the connection ended.
  void AttachLocal(std::unique_ptr<link::ByteStream> local, const RelayOptions& options);
  void AttachChannel(std::unique_ptr<link::MessageChannel> channel,
                     const ChannelStreamOptions& options);

  // There will be no second half: the side that is there sees a refusal or a reset.
  // OnConnectionGone follows.
  void Refuse(const Status& why);
  // Resets both sides now; OnConnectionGone follows. A connection that ended already has no longer
  // to deliver what its channel took than after a failure.
  void Abort(const Status& why);

  ConnectionId id() const { return id_; }
  bool has_channel() const { return channel_ != nullptr; }
  // OnConnectionEnded was called, or Refuse or Abort.
  bool ended() const { return ended_; }
  // From the local stream to the channel is a_to_b.
  RelayCounts counts() const { return relay_ != nullptr ? relay_->counts() : counts_; }

 private:
  // link::ByteStream::Observer, while only one half is there.
  void OnReadable() override {}
  void OnWritable() override {}
  void OnStreamError(const Status& why) override;
  void OnRelayDone(const Status& why, const RelayCounts& counts) override;
  void OnChannelStreamClosed(const Status& why) override;

  void StartRelay();
  // Gives the local stream back and waits for the channel to close.
  void Linger(Duration limit);
  void LingerUntil(Timestamp when);
  void OnLingerAlarm();

  link::TimerService& timers_;
  const ConnectionId id_;
  Observer& observer_;
  RelayOptions relay_options_;
  ChannelSide side_ = ChannelSide::kOpener;
  std::unique_ptr<link::ByteStream> local_;
  std::unique_ptr<ChannelStream> channel_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<link::Alarm> linger_alarm_;
  Timestamp linger_until_;
  RelayCounts counts_;
  bool ended_ = false;
  bool gone_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_TUNNEL_CONNECTION_H_
