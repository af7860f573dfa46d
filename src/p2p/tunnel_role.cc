#include "ming/p2p/tunnel_role.h"

#include <glog/logging.h>

#include <utility>

#include "ming/net/reactor.h"
#include "ming/p2p/tunnel_services.h"

namespace ming::p2p {
namespace {

constexpr LogGateRule kSignalingLines{0.2, 20.0};

}  // namespace

TunnelRole::TunnelRole(TunnelServices& services, const signaling::SignalingClientOptions& signaling,
                       std::string log_name)
    : services_(services),
      signaling_options_(signaling),
      log_name_(std::move(log_name)),
      signaling_lines_(kSignalingLines),
      alarm_(services.reactor().CreateAlarm([this] {
        HandleTimeout();
        Pump();
      })) {
  network_watch_.emplace(services.network(),
                         [this](const net::NetworkChange& change) { OnNetworkChanged(change); });
}

TunnelRole::~TunnelRole() = default;

Timestamp TunnelRole::Now() const { return services_.reactor().Now(); }

void TunnelRole::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (ApplyNextEvent()) {
  }
  pumping_ = false;
  alarm_->ArmAt(NextTimeout());
  UpdateUrgency();
}

void TunnelRole::UpdateUrgency() {
  if (signaling_ == nullptr) return;
  signaling_->SetUrgency(NeedsSignaling() ? signaling::SignalingUrgency::kUrgent
                                          : signaling::SignalingUrgency::kCalm);
}

void TunnelRole::ConnectSignaling() {
  signaling::SignalingClient::Observer& self = *this;
  signaling_ = signaling::SignalingClient::Start(services_.websockets(), services_.resolver(),
                                                 services_.random(), signaling_options_, self);
}

void TunnelRole::Send(const codec::SignalingMessage& message) {
  const Status sent = signaling_->Send(message);
  if (!sent.ok()) VLOG(1) << "signaling: " << sent.ToString();
}

std::unique_ptr<PeerSession> TunnelRole::MakeSession(SessionId id,
                                                     const PeerSessionOptions& options,
                                                     const std::string& log_prefix) {
  PeerSession::Observer& self = *this;
  return std::make_unique<PeerSession>(id, services_.peers(), options, log_prefix, self);
}

void TunnelRole::Retire(std::unique_ptr<PeerSession> session) {
  retired_bytes_.Add(session->GetStats());
  if (session->ended()) {
    services_.reactor().DeferDelete(std::move(session));
    return;
  }
  session->Close();
  const SessionId id = session->id();
  closing_.emplace(id, std::move(session));
}

void TunnelRole::Finish(TunnelEnd end, const Status& why) {
  end_ = End{end, why};
  network_watch_.reset();
  services_.reactor().DeferDelete(std::move(signaling_));
  ReportEndWhenQuiet();
}

void TunnelRole::ReportEndWhenQuiet() {
  if (!end_ || !closing_.empty() || std::exchange(end_reported_, true)) return;
  ReportEnd(end_->end, end_->why);
}

void TunnelRole::OnNetworkChanged(const net::NetworkChange& change) {
  signaling_->HandleNetworkChanged(change);
  HandleNetworkChanged();
  Pump();
}

void TunnelRole::LogSignaling(const std::string& text) {
  if (!signaling_lines_.Pass(Now())) return;
  LOG(WARNING) << "[" << log_name_ << "] signaling: " << text << signaling_lines_.TakeHeldBack();
}

void TunnelRole::OnSignalingConnected() {
  HandleSignalingUp();
  Pump();
}

void TunnelRole::OnSignalingMessage(const codec::SignalingMessage& message) {
  HandleSignalingMessage(message);
  Pump();
}

void TunnelRole::OnSignalingDisconnected(const Status& why, signaling::SignalingLoss loss) {
  LogSignaling(why.message());
  switch (loss) {
    case signaling::SignalingLoss::kRetrying:
      HandleSignalingDown(why);
      break;
    case signaling::SignalingLoss::kFatal:
      HandleSignalingRefused(why);
      break;
    case signaling::SignalingLoss::kIdTaken:
      HandleIdTaken(why);
      break;
  }
  Pump();
}

void TunnelRole::OnSignalingError(const signaling::SignalingErrorText& error) {
  LogSignaling(error.text);
  HandleSignalingError(error);
  Pump();
}

void TunnelRole::OnPathState(SessionId session, PathState state, const Status& why) {
  const auto closing = closing_.find(session);
  if (closing == closing_.end()) {
    HandlePathState(session, state, why);
    Pump();
  } else if (state == PathState::kEnded) {
    services_.reactor().DeferDelete(std::move(closing->second));
    closing_.erase(closing);
    ReportEndWhenQuiet();
  }
}

void TunnelRole::OnLocalCandidate(SessionId session, const Candidate& candidate) {
  HandleLocalCandidate(session, candidate);
  Pump();
}

void TunnelRole::OnRemoteChannel(SessionId session, std::unique_ptr<link::MessageChannel> channel,
                                 const std::string& label) {
  HandleRemoteChannel(session, std::move(channel), label);
}

}  // namespace ming::p2p
