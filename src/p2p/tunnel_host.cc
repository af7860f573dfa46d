#include "ming/p2p/tunnel_host.h"

#include <glog/logging.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "ming/base/log_gate.h"
#include "ming/base/utf8.h"
#include "ming/codec/signaling_message.h"
#include "ming/net/reactor.h"
#include "ming/p2p/peer_session.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/signaling/signaling_client.h"

namespace ming::p2p {
namespace {

constexpr size_t kLongestText = 256;
// All clients may come back at once after a restart; who comes and goes for ever fills no disk.
constexpr LogGateRule kSessionLines{2.0, 500.0};
constexpr LogGateRule kSignalingLines{0.2, 20.0};

PeerSessionOptions MakeSessionOptions(const TunnelHostOptions& options) {
  PeerSessionOptions session;
  session.access = options.peer;
  session.connect_limit = options.sessions.connect_timeout;
  session.recovery_limit = options.sessions.recovery_limit;
  session.receive_window = options.tcp.channel.receive_limit;
  session.max_message_bytes = options.protocol == TunnelProtocol::kTcp
                                  ? options.peer.max_message_bytes
                                  : options.udp.flows.max_datagram_bytes;
  return session;
}

// The shell of HostSessionsCore: one signaling client, one peer connection a client, one forwarder
// for all of them.
class TunnelHostImpl final : public TunnelHost,
                             private signaling::SignalingClient::Observer,
                             private PeerSession::Observer {
 public:
  TunnelHostImpl(TunnelServices& services, const TunnelHostOptions& options,
                 TunnelHost::Observer& observer);

  void Drain(Timestamp deadline) override;
  TunnelHostStatus GetStatus() const override;

 private:
  struct End {
    TunnelEnd end;
    Status why;
  };

  void ConnectSignaling();
  void Send(const codec::SignalingMessage& message);
  void Pump();

  void Apply(const CreateSession& event);
  void Apply(const AcceptRestart& event);
  void Apply(const EndSession& event);
  void Apply(const ApplyCandidate& event);
  void Apply(const SendAnswer& event);
  void Apply(const SendCandidateTo& event);
  void Apply(const SendRefusal& event);
  void Apply(const ReconnectSignaling& event);
  void Apply(const HostEnded& event);

  void AcceptOn(PeerSession& session, const std::string& offer);
  void ReportEndWhenQuiet();

  void OnSignalingConnected() override;
  void OnSignalingMessage(const codec::SignalingMessage& message) override;
  void OnSignalingDisconnected(const Status& why, signaling::SignalingLoss loss) override;
  void OnSignalingError(const std::string& text, bool target_not_found) override;

  void OnPathState(SessionId session, PathState state, const Status& why) override;
  void OnLocalCandidate(SessionId session, const Candidate& candidate) override;
  void OnRemoteChannel(SessionId session, std::unique_ptr<link::MessageChannel> channel,
                       const std::string& label) override;

  Timestamp Now() const { return services_.reactor().Now(); }

  TunnelServices& services_;
  const TunnelHostOptions options_;
  TunnelHost::Observer& observer_;
  HostSessionsCore core_;
  LogGate session_lines_{kSessionLines};
  LogGate signaling_lines_{kSignalingLines};
  std::unique_ptr<link::Alarm> alarm_;
  bool pumping_ = false;
  bool draining_ = false;
  std::optional<End> end_;
  bool end_reported_ = false;
  uint64_t registrations_total_ = 0;
  uint64_t sessions_total_ = 0;
  uint64_t ice_restarts_total_ = 0;
  uint64_t retired_bytes_sent_ = 0;
  uint64_t retired_bytes_received_ = 0;
  tunnel::ForwarderCounters last_flows_;

  std::unique_ptr<signaling::SignalingClient> signaling_;
  std::map<SessionId, std::unique_ptr<PeerSession>> sessions_;
  // Sessions that say goodbye.
  std::map<SessionId, std::unique_ptr<PeerSession>> closing_;
  // Dies before the sessions: it holds channels of theirs.
  std::unique_ptr<tunnel::HostForwarder> forwarder_;
};

std::unique_ptr<tunnel::HostForwarder> MakeForwarder(TunnelServices& services,
                                                     const TunnelHostOptions& options) {
  net::Reactor& reactor = services.reactor();
  net::Resolver& resolver = services.peers().resolver;
  if (options.protocol == TunnelProtocol::kTcp) {
    return std::make_unique<tunnel::TcpHostForwarder>(reactor, resolver, options.tcp);
  }
  return std::make_unique<tunnel::UdpHostForwarder>(reactor, resolver, options.udp);
}

TunnelHostImpl::TunnelHostImpl(TunnelServices& services, const TunnelHostOptions& options,
                               TunnelHost::Observer& observer)
    : services_(services),
      options_(options),
      observer_(observer),
      core_(options.sessions),
      alarm_(services.reactor().CreateAlarm([this] {
        core_.HandleTimeout(Now());
        Pump();
      })),
      forwarder_(MakeForwarder(services, options)) {
  core_.Start(Now());
  ConnectSignaling();
  Pump();
}

void TunnelHostImpl::ConnectSignaling() {
  signaling_ = signaling::SignalingClient::Start(
      services_.websockets(), services_.peers().resolver, services_.random(),
      MakeSignalingOptions(options_.signaling, signaling::SignalingRole::kHost, options_.id),
      *this);
}

void TunnelHostImpl::Drain(Timestamp deadline) {
  if (end_ || std::exchange(draining_, true)) return;
  core_.StopAccepting();
  forwarder_->Drain(deadline, [this] {
    core_.Close();
    Pump();
  });
}

TunnelHostStatus TunnelHostImpl::GetStatus() const {
  TunnelHostStatus status;
  status.registered = signaling_ != nullptr && signaling_->connected();
  status.sessions = core_.session_count();
  status.connected = core_.connected_count();
  status.registrations_total = registrations_total_;
  status.sessions_total = sessions_total_;
  status.ice_restarts_total = ice_restarts_total_;
  status.path_bytes_sent = retired_bytes_sent_;
  status.path_bytes_received = retired_bytes_received_;
  for (const auto& [id, session] : sessions_) {
    const webrtc::PeerStats stats = session->GetStats();
    status.path_bytes_sent += stats.bytes_sent;
    status.path_bytes_received += stats.bytes_received;
  }
  status.flows = forwarder_ != nullptr ? forwarder_->counters() : last_flows_;
  return status;
}

void TunnelHostImpl::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (const std::optional<HostEvent> event = core_.PollEvent()) {
    std::visit([this](const auto& e) { Apply(e); }, *event);
  }
  pumping_ = false;
  alarm_->ArmAt(core_.NextTimeout());
}

void TunnelHostImpl::Apply(const CreateSession& event) {
  ++sessions_total_;
  const std::string prefix = "[host client=" + PrintableText(event.client_id, kLongestText) + "] ";
  if (session_lines_.Pass(Now())) {
    LOG(INFO) << prefix << "session " << event.session << " begins"
              << session_lines_.TakeHeldBack();
  }
  PeerSession::Observer& self = *this;
  auto session = std::make_unique<PeerSession>(event.session, services_.peers(),
                                               MakeSessionOptions(options_), prefix, self);
  PeerSession& stored = *sessions_.emplace(event.session, std::move(session)).first->second;
  AcceptOn(stored, event.offer);
}

void TunnelHostImpl::Apply(const AcceptRestart& event) {
  const auto found = sessions_.find(event.session);
  if (found == sessions_.end()) return;
  ++ice_restarts_total_;
  AcceptOn(*found->second, event.offer);
}

void TunnelHostImpl::AcceptOn(PeerSession& session, const std::string& offer) {
  Result<std::string> answer = session.AcceptOffer(offer);
  if (answer.ok()) {
    core_.HandleLocalAnswer(session.id(), std::move(*answer));
  } else {
    core_.HandleSessionFailed(session.id(), answer.status());
  }
}

void TunnelHostImpl::Apply(const EndSession& event) {
  const auto found = sessions_.find(event.session);
  if (session_lines_.Pass(Now())) {
    LOG(INFO) << "[host] session " << event.session << " over: " << event.why.message()
              << session_lines_.TakeHeldBack();
  }
  std::unique_ptr<PeerSession> session = std::move(found->second);
  sessions_.erase(found);
  const webrtc::PeerStats stats = session->GetStats();
  retired_bytes_sent_ += stats.bytes_sent;
  retired_bytes_received_ += stats.bytes_received;
  if (session->ended()) {
    services_.reactor().DeferDelete(std::move(session));
    return;
  }
  session->Close();
  closing_.emplace(event.session, std::move(session));
}

void TunnelHostImpl::Apply(const ApplyCandidate& event) {
  const auto found = sessions_.find(event.session);
  if (found != sessions_.end()) found->second->AddRemoteCandidate(event.candidate);
}

void TunnelHostImpl::Apply(const SendAnswer& event) {
  Send(codec::MakeDescription({codec::SdpKind::kAnswer, event.sdp}, event.client_id, options_.id));
}

void TunnelHostImpl::Apply(const SendCandidateTo& event) {
  const auto found = sessions_.find(event.session);
  if (found == sessions_.end()) return;
  Send(codec::MakeCandidate(found->second->ToPayload(event.candidate), event.client_id,
                            options_.id));
}

void TunnelHostImpl::Apply(const SendRefusal& event) {
  Send(codec::MakeError(PrintableText(event.text, kLongestText), event.client_id));
}

void TunnelHostImpl::Send(const codec::SignalingMessage& message) {
  const Status sent = signaling_->Send(message);
  // The loss is reported from the loop, and what matters is sent again after it.
  if (!sent.ok()) VLOG(1) << "signaling: " << sent.ToString();
}

void TunnelHostImpl::Apply(const ReconnectSignaling& /*event*/) { ConnectSignaling(); }

void TunnelHostImpl::Apply(const HostEnded& event) {
  end_ = End{event.end, event.why};
  last_flows_ = forwarder_->counters();
  services_.reactor().DeferDelete(std::move(forwarder_));
  services_.reactor().DeferDelete(std::move(signaling_));
  ReportEndWhenQuiet();
}

void TunnelHostImpl::ReportEndWhenQuiet() {
  if (!end_ || !closing_.empty() || std::exchange(end_reported_, true)) return;
  observer_.OnHostEnded(end_->end, end_->why);
}

void TunnelHostImpl::OnSignalingConnected() {
  ++registrations_total_;
  LOG(INFO) << "[host] registering as " << PrintableText(options_.id, kLongestText);
  core_.HandleSignalingUp();
  Pump();
  observer_.OnRegistered();
}

void TunnelHostImpl::OnSignalingMessage(const codec::SignalingMessage& message) {
  if (message.sender_id.empty()) {
    VLOG(1) << "signaling: message without sender ignored";
    return;
  }
  if (message.type == codec::SignalingType::kOffer) {
    const Result<codec::DescriptionPayload> offer = codec::ParseDescriptionPayload(message.payload);
    if (offer.ok() && offer->kind == codec::SdpKind::kOffer) {
      core_.HandleOffer(Now(), message.sender_id, offer->sdp);
    } else {
      VLOG(1) << "signaling: offer ignored: " << offer.status().ToString();
    }
  } else if (message.type == codec::SignalingType::kCandidate) {
    const Result<Candidate> candidate = FromPayload(message.payload);
    if (candidate.ok()) {
      core_.HandleRemoteCandidate(Now(), message.sender_id, *candidate);
    } else {
      VLOG(1) << "signaling: candidate ignored: " << candidate.status().ToString();
    }
  } else {
    VLOG(1) << "signaling: message of another type ignored";
  }
  Pump();
}

void TunnelHostImpl::OnSignalingDisconnected(const Status& why, signaling::SignalingLoss loss) {
  if (signaling_lines_.Pass(Now())) {
    LOG(WARNING) << "[host] signaling: " << why.message() << signaling_lines_.TakeHeldBack();
  }
  switch (loss) {
    case signaling::SignalingLoss::kRetrying:
      core_.HandleSignalingDown(why);
      break;
    case signaling::SignalingLoss::kFatal:
      // The HTTP status of a refusal; an ID that is taken has none.
      if (why.code() == StatusCode::kPermissionDenied && why.detail() == 0) {
        core_.HandleIdTaken(why);
      } else {
        core_.HandleSignalingRefused(Now(), why);
      }
      break;
  }
  Pump();
}

void TunnelHostImpl::OnSignalingError(const std::string& text, bool /*target_not_found*/) {
  // A client that is gone; its session ends by its own clocks.
  if (signaling_lines_.Pass(Now())) {
    LOG(INFO) << "[host] signaling: " << PrintableText(text, kLongestText)
              << signaling_lines_.TakeHeldBack();
  }
}

void TunnelHostImpl::OnPathState(SessionId session, PathState state, const Status& why) {
  const auto closing = closing_.find(session);
  if (closing == closing_.end()) {
    core_.HandlePathState(Now(), session, state, why);
    Pump();
  } else if (state == PathState::kEnded) {
    services_.reactor().DeferDelete(std::move(closing->second));
    closing_.erase(closing);
    ReportEndWhenQuiet();
  }
}

void TunnelHostImpl::OnLocalCandidate(SessionId session, const Candidate& candidate) {
  core_.HandleLocalCandidate(session, candidate);
  Pump();
}

void TunnelHostImpl::OnRemoteChannel(SessionId session,
                                     std::unique_ptr<link::MessageChannel> channel,
                                     const std::string& label) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || forwarder_ == nullptr) {
    services_.reactor().DeferDelete(std::move(channel));
    return;
  }
  forwarder_->HandleChannel(
      std::move(channel), found->second->Terms(),
      "s=" + std::to_string(session.value()) + " " + PrintableText(label, kLongestText));
}

}  // namespace

std::unique_ptr<TunnelHost> TunnelHost::Start(TunnelServices& services,
                                              const TunnelHostOptions& options,
                                              Observer& observer) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.message();
  return std::make_unique<TunnelHostImpl>(services, options, observer);
}

}  // namespace ming::p2p
