#include "ming/webrtc/connection_state.h"

#include <utility>

#include "ming/base/units.h"

namespace ming::webrtc {

std::string_view ConnectionStateName(ConnectionState state) {
  switch (state) {
    case ConnectionState::kNew:
      return "new";
    case ConnectionState::kConnecting:
      return "connecting";
    case ConnectionState::kConnected:
      return "connected";
    case ConnectionState::kDisconnected:
      return "disconnected";
    case ConnectionState::kFailed:
      return "failed";
    case ConnectionState::kClosed:
      return "closed";
  }
  return "";
}

Status Validate(const LivenessOptions& options) {
  if (options.connect_timeout <= Duration::zero() ||
      options.disconnected_after <= Duration::zero() || options.failed_after < Duration::zero()) {
    return Status(StatusCode::kInvalidArgument, "liveness: times must be positive");
  }
  return Status::Ok();
}

ConnectionStateCore::ConnectionStateCore(const LivenessOptions& options) : options_(options) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.ToString();
}

void ConnectionStateCore::HandleStart(Timestamp now) {
  if (state_ != ConnectionState::kNew) return;
  entered_at_ = now;
  Enter(ConnectionState::kConnecting, Status::Ok());
}

void ConnectionStateCore::HandleTransportUp(Timestamp now) {
  if (state_ != ConnectionState::kConnecting) return;
  was_connected_ = true;
  last_inbound_ = now;
  Enter(ConnectionState::kConnected, Status::Ok());
}

void ConnectionStateCore::HandleInbound(Timestamp now) {
  if (!was_connected_) return;
  last_inbound_ = now;
  if (state_ == ConnectionState::kDisconnected) {
    Enter(ConnectionState::kConnected, Status::Ok());
  }
}

void ConnectionStateCore::HandlePathLost(const std::string& why) {
  if (!was_connected_) HandleFailure(Status(StatusCode::kUnavailable, why));
}

void ConnectionStateCore::HandleFailure(Status why) {
  if (ended()) return;
  CHECK(!why.ok()) << "a failure needs a reason";
  Enter(ConnectionState::kFailed, std::move(why));
}

void ConnectionStateCore::HandleClosed(Status why) {
  if (ended()) return;
  Enter(ConnectionState::kClosed, std::move(why));
}

void ConnectionStateCore::HandleTimeout(Timestamp now) {
  if (now < NextTimeout()) return;
  switch (state_) {
    case ConnectionState::kConnecting:
      return HandleFailure(
          Status(StatusCode::kTimeout,
                 "not connected within " + FormatDuration(options_.connect_timeout)));
    case ConnectionState::kConnected:
      entered_at_ = now;
      return Enter(ConnectionState::kDisconnected, Status::Ok());
    case ConnectionState::kDisconnected:
      return HandleFailure(Status(
          StatusCode::kTimeout, "nothing from the peer for " +
                                    FormatDuration(std::chrono::duration_cast<std::chrono::seconds>(
                                        now - last_inbound_))));
    case ConnectionState::kNew:
    case ConnectionState::kFailed:
    case ConnectionState::kClosed:
      return;
  }
}

Timestamp ConnectionStateCore::NextTimeout() const {
  switch (state_) {
    case ConnectionState::kConnecting:
      return entered_at_ + options_.connect_timeout;
    case ConnectionState::kConnected:
      return last_inbound_ + options_.disconnected_after;
    case ConnectionState::kDisconnected:
      return entered_at_ + options_.failed_after;
    case ConnectionState::kNew:
    case ConnectionState::kFailed:
    case ConnectionState::kClosed:
      return Timestamp::Max();
  }
  return Timestamp::Max();
}

std::optional<ConnectionStateCore::Event> ConnectionStateCore::PollEvent() {
  return events_.Poll();
}

void ConnectionStateCore::Enter(ConnectionState state, Status why) {
  state_ = state;
  events_.Push({state, std::move(why)});
}

}  // namespace ming::webrtc
