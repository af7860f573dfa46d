// SignalingClientCore: when to connect to the signaling server, what to say first, and what its
// errors mean. Pure.
#ifndef MING_SIGNALING_SIGNALING_CLIENT_CORE_H_
#define MING_SIGNALING_SIGNALING_CLIENT_CORE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ming/base/backoff.h"
#include "ming/base/bytes.h"
#include "ming/base/event_queue.h"
#include "ming/base/random.h"
#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/signaling_message.h"

namespace ming::signaling {

enum class SignalingRole { kHost, kClient };

enum class SignalingLoss {
  kRetrying,  // it connects again by itself
  kFatal,     // it gave up: a refused token or origin
  kIdTaken,   // it gave up: somebody else holds our ID
};

// How much depends on the connection now.
enum class SignalingUrgency {
  kCalm,
  kUrgent,  // a session waits for it: a silent connection is found out soon, a lost one is
            // replaced soon
};

// Of a connection, after the network of this machine changed.
enum class LocalAddress { kStillThere, kGone };

struct SignalingClientCoreOptions {
  SignalingRole role = SignalingRole::kClient;
  // Our own ID: see WhyBadId, at most 128 bytes.
  std::string id;
  // Delays between attempts.
  BackoffOptions backoff;
  // The same while it is urgent: what makes the user wait then is not the network.
  BackoffOptions urgent_backoff{std::chrono::milliseconds(300), std::chrono::seconds(1), 0.3};
  // While it is urgent the server is asked for a sign of life so often; how long its answer may
  // take, doubling with each time that it failed up to the longest: what was silent may only have
  // been slow, and a needless new connection costs three round trips. TCP alone would wait for
  // minutes, and after a black-out as long again as it lasted.
  Duration check_interval = std::chrono::seconds(2);
  Duration check_limit = std::chrono::milliseconds(750);
  Duration longest_check_limit = std::chrono::seconds(6);
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
// End it, or the attempt to open it; nothing of it is handled any more.
struct DropConnection {};
// Send a ping on it; HandlePong follows where the server answers.
struct CheckConnection {};
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
  std::string sender;             // the peer that sent it; empty: the server
  bool target_not_found = false;  // the host we wrote to is not registered
};
using SignalingClientEvent =
    std::variant<OpenConnection, SendToServer, DropConnection, CheckConnection, SignalingConnected,
                 SignalingArrived, SignalingDisconnected, SignalingErrorText>;

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
  void HandlePong(Timestamp now);
  void SetUrgency(Timestamp now, SignalingUrgency urgency);
  // A connection is asked for a sign of life, or given up at once; an attempt is begun anew.
  void HandleNetworkChanged(Timestamp now, LocalAddress of_connection);
  // kUnavailable while not connected; kInvalidArgument above the message limit.
  Status Send(codec::SignalingMessage message);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  Timestamp NextTimeout() const { return std::min({deadline_, check_at_, answer_deadline_}); }
  std::optional<SignalingClientEvent> PollEvent();

  bool connected() const { return state_ == State::kConnected; }

 private:
  enum class Cause { kLost, kRefused, kIdTaken };
  enum class State { kIdle, kConnecting, kConnected, kWaiting, kGivenUp };

  void HandleErrorMessage(Timestamp now, const codec::SignalingMessage& message);
  void NoteAccepted();
  void Lose(Timestamp now, const Status& why, Cause cause);
  // Something is wrong with the connection itself: the next one is opened at once.
  void Replace(Timestamp now, const Status& why);
  void Open();
  void Check(Timestamp now);
  void NoteHeard(Timestamp now);
  void ResetBackoff();
  bool IsTaken(const std::string& text) const;

  const SignalingClientCoreOptions options_;
  Random& random_;
  const Secret resume_secret_;
  Backoff backoff_;
  Backoff urgent_backoff_;
  SignalingUrgency urgency_ = SignalingUrgency::kCalm;
  State state_ = State::kIdle;
  // Of kConnected: when it counts as accepted; of kWaiting: the next attempt.
  Timestamp deadline_ = Timestamp::Max();
  Timestamp check_at_ = Timestamp::Max();
  Timestamp answer_deadline_ = Timestamp::Max();  // of a check that is under way
  Duration check_limit_;
  bool ever_accepted_ = false;
  std::string last_error_;  // the server's last `error` on this connection
  EventQueue<SignalingClientEvent> events_;
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_CLIENT_CORE_H_
