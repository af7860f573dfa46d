// LwsConnection: a WsConnection on one socket of libwebsockets. Private to this folder.
#ifndef MING_WS_LWS_CONNECTION_H_
#define MING_WS_LWS_CONNECTION_H_

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/timer_service.h"
#include "ming/net/socket_address.h"
#include "ming/net/turn_end_hook.h"
#include "ming/ws/heartbeat.h"
#include "ming/ws/lws_engine.h"
#include "ming/ws/ws_connection.h"

namespace ming::ws {

class LwsConnection final : public WsConnection, private LwsHandler, private LwsHeartbeatUser {
 public:
  // Who counts the connection's socket: told once when it is gone, inside the engine or a call to
  // the connection.
  class Keeper {
   public:
    virtual void OnSocketGone(LwsConnection& connection) = 0;

   protected:
    ~Keeper() = default;
  };

  // Takes over the established `wsi`; `keeper` may be null. `limits` are shared by many.
  LwsConnection(LwsEngine& engine, lws* wsi, std::shared_ptr<const WsLimits> limits,
                const net::SocketAddress& peer, Keeper* keeper);
  ~LwsConnection() override;
  LwsConnection(const LwsConnection&) = delete;
  LwsConnection& operator=(const LwsConnection&) = delete;

  // The keeper goes away: drops the socket now; OnChannelClosed follows with `why`.
  void Abort(const Status& why);

  void SetObserver(Observer* observer) override;
  const link::ChannelTraits& traits() const override { return kTraits; }
  size_t max_message_size() const override { return limits_->max_message_size; }
  link::SendResult Send(link::MessageKind kind, ByteSpan message) override;
  size_t SendableBytes() const override;
  size_t message_step() const override { return 1; }
  void PauseReceiving() override;
  void ResumeReceiving() override;
  using WsConnection::Close;
  void Close(WsCloseCode code, std::string_view reason) override;
  void Ping(std::function<void()> on_pong) override;
  const std::optional<WsPeerClose>& peer_close() const override { return peer_close_; }
  size_t queued_bytes() const override { return queued_bytes_; }
  const IpAddress& peer_address() const override { return peer_.ip(); }
  Port peer_port() const override { return peer_.port(); }
  const IpAddress& local_address() const override { return local_address_; }

 private:
  enum class State { kOpen, kClosing, kGone };
  struct Message {
    link::MessageKind kind;
    ByteBuffer bytes;
  };
  struct OwnClose {
    WsCloseCode code;
    std::string reason;
  };

  int OnLwsEvent(lws* wsi, int reason, void* in, size_t size) override;
  Timestamp OnHeartbeat(Timestamp now) override;

  void OnReceive(ByteSpan slice);
  int OnWriteable();
  int OnPeerClose(ByteSpan body);
  void OnGone();
  bool WriteNext();
  void FailInside(const Status& why, WsCloseCode code);

  size_t QueueRoom() const;
  bool HasWantedRoom() const;
  void RequestWrite();
  void UpdateFlow();
  void ArmCloseAlarm();
  void DropSocket();
  void Deliver();
  bool DeliverOne();

  static const link::ChannelTraits kTraits;

  LwsEngine& engine_;
  lws* wsi_;
  const std::shared_ptr<const WsLimits> limits_;
  const net::SocketAddress peer_;
  const IpAddress local_address_;
  Keeper* keeper_;
  Observer* observer_ = nullptr;
  State state_ = State::kOpen;

  // Receiving.
  Message partial_{link::MessageKind::kBinary, {}};
  std::list<Message> inbox_;  // complete, not yet delivered
  size_t inbox_bytes_ = 0;
  bool paused_ = false;        // by the user
  bool flow_stopped_ = false;  // the socket is not read

  // Sending. The bytes begin with the room that libwebsockets wants in front.
  std::list<Message> outbox_;
  size_t queued_bytes_ = 0;
  // OnSendReady is owed once so many bytes fit.
  mutable std::optional<size_t> wanted_room_;
  bool ping_wanted_ = false;
  bool ponged_ = false;
  std::function<void()> on_pong_;

  // Ending.
  std::unique_ptr<OwnClose> own_close_;
  std::optional<WsPeerClose> peer_close_;
  Status why_;
  bool close_reported_ = false;
  std::unique_ptr<link::Alarm> close_alarm_;

  Heartbeat heartbeat_;
  Timestamp heartbeat_at_;
  net::TurnEndHook deliver_;
};

}  // namespace ming::ws

#endif  // MING_WS_LWS_CONNECTION_H_
