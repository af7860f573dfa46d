// RawSignaling: one WebSocket connection to a signaling server that sends any text and keeps every
// text it gets. It neither registers nor reconnects: what is said is the caller's.
#ifndef MING_CONFORMANCE_RAW_SIGNALING_H_
#define MING_CONFORMANCE_RAW_SIGNALING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/codec/signaling_message.h"
#include "ming/conformance/raw_services.h"
#include "ming/link/message_channel.h"
#include "ming/ws/ws_client.h"
#include "ming/ws/ws_connection.h"
#include "ming/ws/ws_url.h"

namespace ming::conformance {

struct SignalingTarget {
  ws::WsUrl url;
  Secret token;  // empty: none
  ws::WsTrust trust;
};

class RawSignaling final : private link::MessageChannel::Observer {
 public:
  enum class State { kConnecting, kOpen, kClosed };

  // Texts kept until they are taken; more close the connection.
  static constexpr size_t kMaxReceived = 4096;

  // Begins to connect.
  RawSignaling(const RawServices& services, const SignalingTarget& target);
  ~RawSignaling() override;
  RawSignaling(const RawSignaling&) = delete;
  RawSignaling& operator=(const RawSignaling&) = delete;

  State state() const { return state_; }
  // Of kClosed: as WsClient and WsConnection say.
  const Status& why() const { return why_; }

  // Any bytes of UTF-8, as one text message. False: not connected, or too much is waiting.
  bool SendText(std::string_view text);
  bool Send(const codec::SignalingMessage& message);

  // The oldest text that was not taken.
  std::optional<std::string> TakeText();
  // The same, parsed. What does not parse is dropped.
  std::optional<codec::SignalingMessage> Take();

  // A close frame; kClosed follows.
  void Close();

 private:
  void OnMessage(link::MessageKind kind, ByteBuffer message) override;
  void OnSendReady() override {}
  void OnChannelClosed(const Status& why) override;

  State state_ = State::kConnecting;
  Status why_;
  std::deque<std::string> received_;
  std::unique_ptr<ws::WsClient> attempt_;
  std::unique_ptr<ws::WsConnection> connection_;
};

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_RAW_SIGNALING_H_
