// ConnectionState and the core that decides it: progress of the layers and the age of the last
// authenticated packet in, a state as in WebRTC out. Pure.
#ifndef MING_WEBRTC_CONNECTION_STATE_H_
#define MING_WEBRTC_CONNECTION_STATE_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/event_queue.h"
#include "ming/base/status.h"
#include "ming/base/time.h"

namespace ming::webrtc {

enum class ConnectionState { kNew, kConnecting, kConnected, kDisconnected, kFailed, kClosed };

// "new", "connecting", "connected", "disconnected", "failed", "closed".
std::string_view ConnectionStateName(ConnectionState state);

struct LivenessOptions {
  // From the first description to connected; covers signaling, which has people in it at times.
  Duration connect_timeout = std::chrono::seconds(30);
  // Connected, and no authenticated packet of the peer for this long: disconnected. SCTP
  // heartbeats are about 1 s apart, so two may be lost.
  Duration disconnected_after = std::chrono::seconds(3);
  // Disconnected for this long: failed. Time for an ICE restart, which needs about 1 s.
  Duration failed_after = std::chrono::seconds(15);
};

// All problems of `options`, or ok.
Status Validate(const LivenessOptions& options);

// Every change comes out of PollEvent, in order. kFailed and kClosed are final.
class ConnectionStateCore {
 public:
  struct Event {
    ConnectionState state;
    Status why;  // kFailed and kClosed: the reason; else ok
  };

  explicit ConnectionStateCore(const LivenessOptions& options);

  void HandleStart(Timestamp now);
  // The transport is secured: DTLS is up.
  void HandleTransportUp(Timestamp now);
  // An authenticated packet came in. Cheap: called for each of them.
  void HandleInbound(Timestamp now);
  // No pair works, or the peer no longer consents; `why` as a sentence. Before the first connection
  // that is the end. After it silence alone decides: checks are rare, and a few that are lost say
  // less than the packets that come in; and an ICE restart may follow.
  void HandlePathLost(const std::string& why);
  // A layer failed, or the connection ended in order (`why` is ok or kClosed).
  void HandleFailure(Status why);
  void HandleClosed(Status why);

  void HandleTimeout(Timestamp now);  // early or repeated calls are harmless
  Timestamp NextTimeout() const;
  std::optional<Event> PollEvent();

  ConnectionState state() const { return state_; }

 private:
  bool ended() const {
    return state_ == ConnectionState::kFailed || state_ == ConnectionState::kClosed;
  }
  void Enter(ConnectionState state, Status why);

  LivenessOptions options_;
  ConnectionState state_ = ConnectionState::kNew;
  bool was_connected_ = false;
  Timestamp entered_at_;    // of kConnecting and kDisconnected
  Timestamp last_inbound_;  // valid once connected
  EventQueue<Event> events_;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_CONNECTION_STATE_H_
