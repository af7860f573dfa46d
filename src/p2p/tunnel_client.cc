#include "ming/p2p/tunnel_client.h"

#include <glog/logging.h>

#include <map>
#include <utility>

#include "ming/base/log_gate.h"
#include "ming/base/random.h"
#include "ming/base/utf8.h"
#include "ming/codec/signaling_message.h"
#include "ming/net/reactor.h"
#include "ming/p2p/peer_session.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/signaling/signaling_client.h"

namespace ming::p2p {
namespace {

constexpr size_t kLongestLogText = 256;
constexpr LogGateRule kSignalingLines{0.2, 20.0};
constexpr LogGateRule kChannelLines{0.2, 20.0};

PeerSessionOptions MakeSessionOptions(const TunnelClientOptions& options) {
  PeerSessionOptions session;
  session.access = options.peer;
  session.connect_limit = options.session.offer_lifetime + options.session.connect_timeout;
  session.recovery_limit = options.session.recovery_limit;
  session.receive_window = options.tcp.channel.receive_limit;
  session.max_message_bytes = options.protocol == TunnelProtocol::kTcp
                                  ? options.peer.max_message_bytes
                                  : options.udp.flows.max_datagram_bytes;
  return session;
}

// The shell of ClientSessionCore: one signaling client, one peer connection at a time, one
// forwarder.
class TunnelClientImpl final : public TunnelClient,
                               private signaling::SignalingClient::Observer,
                               private PeerSession::Observer {
 public:
  TunnelClientImpl(TunnelServices& services, const TunnelClientOptions& options,
                   TunnelClient::Observer& observer,
                   std::unique_ptr<tunnel::ClientForwarder> forwarder);

  void Drain(Timestamp deadline) override;
  TunnelClientStatus GetStatus() const override;
  std::vector<std::string> local_addresses() const override { return local_addresses_; }

 private:
  struct End {
    TunnelEnd end;
    Status why;
  };

  void ConnectSignaling();
  void Send(const codec::SignalingMessage& message);
  void Pump();

  void Apply(const StartSession& event);
  void Apply(const RestartIce& event);
  void Apply(const EndSession& event);
  void Apply(const ApplyAnswer& event);
  void Apply(const ApplyCandidate& event);
  void Apply(const SendOffer& event);
  void Apply(const SendCandidate& event);
  void Apply(const PathUp& event);
  void Apply(const PathDown& event);
  void Apply(const ReconnectSignaling& event);
  void Apply(const ClientEnded& event);

  void OfferOn(PeerSession& session, webrtc::PeerConnection::OfferKind kind);
  void Retire(std::unique_ptr<PeerSession> session);
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
  const TunnelClientOptions options_;
  TunnelClient::Observer& observer_;
  const std::string id_;
  ClientSessionCore core_;
  LogGate signaling_lines_{kSignalingLines};
  LogGate channel_lines_{kChannelLines};
  std::unique_ptr<link::Alarm> alarm_;
  bool pumping_ = false;
  bool draining_ = false;
  std::optional<End> end_;
  bool end_reported_ = false;
  uint64_t sessions_total_ = 0;
  uint64_t ice_restarts_total_ = 0;
  uint64_t paths_up_total_ = 0;
  uint64_t retired_bytes_sent_ = 0;
  uint64_t retired_bytes_received_ = 0;
  tunnel::ForwarderCounters last_flows_;

  std::unique_ptr<signaling::SignalingClient> signaling_;
  // Sessions that say goodbye.
  std::map<SessionId, std::unique_ptr<PeerSession>> closing_;
  std::unique_ptr<PeerSession> session_;
  bool path_set_ = false;
  // Dies before the sessions: it holds channels of theirs.
  std::unique_ptr<tunnel::ClientForwarder> forwarder_;
  const std::vector<std::string> local_addresses_;
};

TunnelClientImpl::TunnelClientImpl(TunnelServices& services, const TunnelClientOptions& options,
                                   TunnelClient::Observer& observer,
                                   std::unique_ptr<tunnel::ClientForwarder> forwarder)
    : services_(services),
      options_(options),
      observer_(observer),
      id_(RandomUuid(services.random())),
      core_(options.session, options.host_id, services.random()),
      alarm_(services.reactor().CreateAlarm([this] {
        core_.HandleTimeout(Now());
        Pump();
      })),
      forwarder_(std::move(forwarder)),
      local_addresses_(forwarder_->local_addresses()) {
  core_.Start(Now());
  ConnectSignaling();
  Pump();
}

void TunnelClientImpl::ConnectSignaling() {
  signaling_ = signaling::SignalingClient::Start(
      services_.websockets(), services_.peers().resolver, services_.random(),
      MakeSignalingOptions(options_.signaling, signaling::SignalingRole::kClient, id_), *this);
}

void TunnelClientImpl::Drain(Timestamp deadline) {
  if (end_ || std::exchange(draining_, true)) return;
  forwarder_->Drain(deadline, [this] {
    core_.Close(Now());
    Pump();
  });
}

TunnelClientStatus TunnelClientImpl::GetStatus() const {
  TunnelClientStatus status;
  status.state = core_.state();
  status.signaling_connected = signaling_ != nullptr && signaling_->connected();
  status.sessions_total = sessions_total_;
  status.ice_restarts_total = ice_restarts_total_;
  status.paths_up_total = paths_up_total_;
  status.path_bytes_sent = retired_bytes_sent_;
  status.path_bytes_received = retired_bytes_received_;
  if (session_ != nullptr) {
    const webrtc::PeerStats stats = session_->GetStats();
    status.path_bytes_sent += stats.bytes_sent;
    status.path_bytes_received += stats.bytes_received;
    if (core_.state() == ClientState::kConnected) {
      status.path = stats.path;
      status.round_trip_time = stats.round_trip_time;
    }
  }
  status.flows = forwarder_ != nullptr ? forwarder_->counters() : last_flows_;
  return status;
}

void TunnelClientImpl::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (const std::optional<ClientEvent> event = core_.PollEvent()) {
    std::visit([this](const auto& e) { Apply(e); }, *event);
  }
  pumping_ = false;
  alarm_->ArmAt(core_.NextTimeout());
}

void TunnelClientImpl::Apply(const StartSession& event) {
  ++sessions_total_;
  const std::string prefix = "[client host=" + PrintableText(options_.host_id, kLongestLogText) +
                             " s=" + std::to_string(event.session.value()) + "] ";
  PeerSession::Observer& self = *this;
  session_ = std::make_unique<PeerSession>(event.session, services_.peers(),
                                           MakeSessionOptions(options_), prefix, self);
  OfferOn(*session_, webrtc::PeerConnection::OfferKind::kFirst);
}

void TunnelClientImpl::Apply(const RestartIce& /*event*/) {
  ++ice_restarts_total_;
  LOG(INFO) << "[client host=" << PrintableText(options_.host_id, kLongestLogText)
            << "] restarting ICE";
  OfferOn(*session_, webrtc::PeerConnection::OfferKind::kIceRestart);
}

void TunnelClientImpl::OfferOn(PeerSession& session, webrtc::PeerConnection::OfferKind kind) {
  Result<std::string> offer = session.CreateOffer(kind);
  if (offer.ok()) {
    core_.HandleLocalOffer(Now(), session.id(), std::move(*offer));
  } else {
    core_.HandleSessionFailed(Now(), session.id(), offer.status().WithContext("offer"));
  }
}

void TunnelClientImpl::Apply(const EndSession& event) {
  LOG(INFO) << "[client host=" << PrintableText(options_.host_id, kLongestLogText)
            << " s=" << event.session << "] session over: " << event.why.message();
  forwarder_->ClearPath(event.why);
  path_set_ = false;
  Retire(std::move(session_));
}

void TunnelClientImpl::Retire(std::unique_ptr<PeerSession> session) {
  const webrtc::PeerStats stats = session->GetStats();
  retired_bytes_sent_ += stats.bytes_sent;
  retired_bytes_received_ += stats.bytes_received;
  if (session->ended()) {
    services_.reactor().DeferDelete(std::move(session));
    return;
  }
  session->Close();
  const SessionId id = session->id();
  closing_.emplace(id, std::move(session));
}

void TunnelClientImpl::Apply(const ApplyAnswer& event) {
  const Status taken = session_->SetAnswer(event.sdp);
  if (!taken.ok()) {
    core_.HandleSessionFailed(Now(), event.session, taken.WithContext("answer of the host"));
  }
}

void TunnelClientImpl::Apply(const ApplyCandidate& event) {
  // An answer that was not taken ended the session before its candidates.
  if (session_ != nullptr && session_->id() == event.session) {
    session_->AddRemoteCandidate(event.candidate);
  }
}

void TunnelClientImpl::Apply(const SendOffer& event) {
  Send(codec::MakeDescription({codec::SdpKind::kOffer, event.sdp}, options_.host_id, id_));
}

void TunnelClientImpl::Apply(const SendCandidate& event) {
  Send(codec::MakeCandidate(session_->ToPayload(event.candidate), options_.host_id, id_));
}

void TunnelClientImpl::Send(const codec::SignalingMessage& message) {
  const Status sent = signaling_->Send(message);
  // The loss is reported from the loop, and everything is sent again after it.
  if (!sent.ok()) VLOG(1) << "signaling: " << sent.ToString();
}

void TunnelClientImpl::Apply(const PathUp& /*event*/) {
  ++paths_up_total_;
  if (!path_set_) {
    path_set_ = true;
    forwarder_->SetPath(session_->opener(), session_->Terms());
  }
  observer_.OnPathUp();
}

void TunnelClientImpl::Apply(const PathDown& event) { observer_.OnPathDown(event.why); }

void TunnelClientImpl::Apply(const ReconnectSignaling& /*event*/) { ConnectSignaling(); }

void TunnelClientImpl::Apply(const ClientEnded& event) {
  end_ = End{event.end, event.why};
  last_flows_ = forwarder_->counters();
  services_.reactor().DeferDelete(std::move(forwarder_));
  services_.reactor().DeferDelete(std::move(signaling_));
  ReportEndWhenQuiet();
}

void TunnelClientImpl::ReportEndWhenQuiet() {
  if (!end_ || !closing_.empty() || std::exchange(end_reported_, true)) return;
  observer_.OnClientEnded(end_->end, end_->why);
}

void TunnelClientImpl::OnSignalingConnected() {
  core_.HandleSignalingUp(Now());
  Pump();
}

void TunnelClientImpl::OnSignalingMessage(const codec::SignalingMessage& message) {
  if (message.sender_id != options_.host_id) {
    VLOG(1) << "signaling: message of a stranger ignored";
    return;
  }
  if (message.type == codec::SignalingType::kAnswer) {
    const Result<codec::DescriptionPayload> answer =
        codec::ParseDescriptionPayload(message.payload);
    if (answer.ok() && answer->kind == codec::SdpKind::kAnswer) {
      core_.HandleAnswer(Now(), answer->sdp);
    } else {
      VLOG(1) << "signaling: answer ignored: " << answer.status().ToString();
    }
  } else if (message.type == codec::SignalingType::kCandidate) {
    const Result<Candidate> candidate = FromPayload(message.payload);
    if (candidate.ok()) {
      core_.HandleRemoteCandidate(Now(), *candidate);
    } else {
      VLOG(1) << "signaling: candidate ignored: " << candidate.status().ToString();
    }
  } else {
    VLOG(1) << "signaling: message of another type ignored";
  }
  Pump();
}

void TunnelClientImpl::OnSignalingDisconnected(const Status& why, signaling::SignalingLoss loss) {
  if (signaling_lines_.Pass(Now())) {
    LOG(WARNING) << "[client] signaling: " << why.message() << signaling_lines_.TakeHeldBack();
  }
  switch (loss) {
    case signaling::SignalingLoss::kRetrying:
      core_.HandleSignalingDown(Now(), why);
      break;
    case signaling::SignalingLoss::kFatal:
      core_.HandleSignalingRefused(Now(), why);
      break;
  }
  Pump();
}

void TunnelClientImpl::OnSignalingError(const std::string& text, bool target_not_found) {
  if (signaling_lines_.Pass(Now())) {
    LOG(WARNING) << "[client] signaling: " << PrintableText(text, kLongestLogText)
                 << signaling_lines_.TakeHeldBack();
  }
  if (target_not_found) {
    core_.HandleHostNotFound(Now(), text);
  } else {
    core_.HandleSignalingError(Now(), text);
  }
  Pump();
}

void TunnelClientImpl::OnPathState(SessionId session, PathState state, const Status& why) {
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

void TunnelClientImpl::OnLocalCandidate(SessionId session, const Candidate& candidate) {
  core_.HandleLocalCandidate(Now(), session, candidate);
  Pump();
}

void TunnelClientImpl::OnRemoteChannel(SessionId session,
                                       std::unique_ptr<link::MessageChannel> channel,
                                       const std::string& label) {
  // A client takes no connections from its host.
  if (channel_lines_.Pass(Now())) {
    LOG(WARNING) << "[client s=" << session
                 << "] channel of the host refused: " << PrintableText(label, kLongestLogText)
                 << channel_lines_.TakeHeldBack();
  }
  services_.reactor().DeferDelete(std::move(channel));
}

}  // namespace

Result<std::unique_ptr<TunnelClient>> TunnelClient::Start(TunnelServices& services,
                                                          const TunnelClientOptions& options,
                                                          Observer& observer) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.message();
  Result<std::unique_ptr<tunnel::ClientForwarder>> forwarder =
      options.protocol == TunnelProtocol::kTcp
          ? tunnel::TcpClientForwarder::Create(services.reactor(), options.tcp)
          : tunnel::UdpClientForwarder::Create(services.reactor(), options.udp);
  if (!forwarder.ok()) return forwarder.status();
  return std::unique_ptr<TunnelClient>(
      std::make_unique<TunnelClientImpl>(services, options, observer, std::move(*forwarder)));
}

}  // namespace ming::p2p
