// SignalingClientCore: when to connect to the signaling server, what to say first, and what its
// errors mean. Pure.
#ifndef MING_SIGNALING_SIGNALING_CLIENT_CORE_H_
#define MING_SIGNALING_SIGNALING_CLIENT_CORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ming/base/backoff.h"
#include "ming/base/bytes.h"
#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/signaling_message.h"

namespace ming::signaling {

enum class SignalingRole { kHost, kClient };

enum class SignalingLoss {
  kRetrying,  // it connects again by itself
  kFatal,     // it gave up: a refused token or origin, or an ID that somebody else holds
};

struct SignalingClientCoreOptions {
  SignalingRole role = SignalingRole::kClient;
  // Our own ID: see WhyBadId, at most 128 bytes.
  std::string id;
  // Delays between attempts.
  BackoffOptions backoff;
  // A connection that stood this long was accepted: the protocol has no answer to a registration.
  // More than the 2 s which a server may take to probe another holder of the ID.
  Duration settle_time = std::chrono::seconds(3);
  // Longest message, each way, bytes, 1 KiB to 1 MiB.
  size_t max_message_size = size_t{64} * 1024;
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const SignalingClientCoreOptions& options);

// Open a connection; HandleConnected or HandleDisconnected follows.
struct OpenConnection {};
// Send a text message on it.
struct SendToServer {
  std::string text;
};
// End it; nothing of it is handled any more.
struct DropConnection {};
struct SignalingConnected {};
struct SignalingArrived {
  codec::SignalingMessage message;
};
struct SignalingDisconnected {
  Status why;
  SignalingLoss loss;
};
struct SignalingErrorText {
  std::string text;
  bool target_not_found;
};
using SignalingClientEvent =
    std::variant<OpenConnection, SendToServer, DropConnection, SignalingConnected, SignalingArrived,
                 SignalingDisconnected, SignalingErrorText>;

class SignalingClientCore {
 public:
  // CHECKs that `options` validate. `random` outlives the core.
  SignalingClientCore(const SignalingClientCoreOptions& options, Random& random);

  void Start(Timestamp now);
  void HandleConnected(Timestamp now);
  // An attempt failed, or the connection was lost. `close_code`: what the server said in its close
  // frame, if it did.
  void HandleDisconnected(Timestamp now, const Status& why, std::optional<uint16_t> close_code);
  // Hostile input: any bytes.
  void HandleMessage(Timestamp now, ByteSpan wire);
  // kUnavailable while not connected; kInvalidArgument above the message limit.
  Status Send(codec::SignalingMessage message);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  Timestamp NextTimeout() const { return deadline_; }
  std::optional<SignalingClientEvent> PollEvent();

  bool connected() const { return state_ == State::kConnected; }

 private:
  enum class State { kIdle, kConnecting, kConnected, kWaiting, kGivenUp };

  void HandleErrorMessage(Timestamp now, const codec::SignalingMessage& message);
  void NoteAccepted();
  void Lose(Timestamp now, const Status& why, bool refused);
  bool IsTaken(const std::string& text) const;

  const SignalingClientCoreOptions options_;
  Random& random_;
  Backoff backoff_;
  State state_ = State::kIdle;
  // Of kConnected: when it counts as accepted; of kWaiting: the next attempt.
  Timestamp deadline_ = Timestamp::Max();
  bool ever_accepted_ = false;
  std::string last_error_;  // the server's last `error` on this connection
  std::deque<SignalingClientEvent> events_;
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_CLIENT_CORE_H_
