// WsConnection: one established WebSocket connection, of a server or a client, as a MessageChannel.
#ifndef MING_WS_WS_CONNECTION_H_
#define MING_WS_WS_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"

namespace ming::ws {

// Close codes of RFC 6455, section 7.4.1 and the IANA registry.
enum class WsCloseCode : uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kUnsupportedData = 1003,
  kInvalidPayload = 1007,
  kPolicyViolation = 1008,
  kMessageTooBig = 1009,
  kInternalError = 1011,
  kTryAgainLater = 1013,
};

// What the peer said when it closed.
struct WsPeerClose {
  uint16_t code = 1005;  // 1005: the close frame had no code
  std::string reason;    // valid UTF-8, at most 123 bytes; empty where the peer's was not valid
};

struct WsLimits {
  // The longest message taken from the peer, bytes, 1 to 16 MiB. A longer one closes the connection
  // with 1009 as soon as the limit is crossed.
  size_t max_message_size = size_t{64} * 1024;
  // Bytes of messages that wait for the socket, 1 to 64 MiB; Send says kWouldBlock where the next
  // message would go over (one message is always taken into an empty queue).
  size_t send_queue_bytes = size_t{256} * 1024;
  // How much one read of the socket delivers, bytes, 256 to 65536: every connection holds a buffer
  // of this size, so many idle connections want it small and bulk transfer wants it large.
  size_t read_slice = size_t{4} * 1024;
  // A ping is sent this long after the last one; zero: no heartbeat. Coalesced to whole
  // seconds, so that thousands of connections do not wake the loop one by one.
  Duration ping_interval = std::chrono::seconds(54);
  // Without any frame from the peer for this long the connection is gone (kTimeout); more than
  // ping_interval.
  Duration peer_timeout = std::chrono::seconds(60);
  // The peer's answer to our close frame is awaited for this long.
  Duration close_timeout = std::chrono::seconds(5);
};

// All problems of `limits`, one sentence each; empty: valid.
std::vector<std::string> Validate(const WsLimits& limits);

// Text messages from the peer are valid UTF-8 (anything else closes with 1007). traits() are
// reliable and ordered; max_message_size() is the limit of our own sending direction, which equals
// WsLimits::max_message_size. Why a channel closed: ok after an orderly close of either side;
// kResourceExhausted for a message above the limit; kMalformed for text that is no UTF-8; kTimeout
// when the peer fell silent; kUnavailable when the connection was lost or the peer broke the rules
// of framing. Destroying it closes the socket without a close frame.
class WsConnection : public link::MessageChannel {
 public:
  // As Close(), with a code and a reason (UTF-8, cut at 123 bytes).
  virtual void Close(WsCloseCode code, std::string_view reason) = 0;
  void Close() override { Close(WsCloseCode::kNormal, ""); }

  // Sends a ping now. `on_pong` runs from the loop at the next pong, or never (closed before). One
  // ping is outstanding at most: a later call replaces the callback.
  virtual void Ping(std::function<void()> on_pong) = 0;

  // What the peer said in its close frame, once OnChannelClosed came; nothing where the connection
  // ended without one.
  virtual const std::optional<WsPeerClose>& peer_close() const = 0;
  // Bytes of accepted messages that the socket has not taken yet.
  virtual size_t queued_bytes() const = 0;
  // The address at the other end of the socket.
  virtual const IpAddress& peer_address() const = 0;
  virtual Port peer_port() const = 0;
  // Our own address on it.
  virtual const IpAddress& local_address() const = 0;
};

}  // namespace ming::ws

#endif  // MING_WS_WS_CONNECTION_H_
