#include "ming/p2p/tunnel_client.h"

#include <glog/logging.h>

#include <utility>
#include <variant>

#include "ming/base/log_gate.h"
#include "ming/base/random.h"
#include "ming/base/utf8.h"
#include "ming/codec/signaling_message.h"
#include "ming/net/reactor.h"
#include "ming/p2p/peer_session.h"
#include "ming/p2p/tunnel_role.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/signaling/restart_request.h"
#include "ming/signaling/signaling_client.h"

namespace ming::p2p {
namespace {

constexpr size_t kLongestLogText = 256;
constexpr LogGateRule kChannelLines{0.2, 20.0};

PeerSessionOptions MakeSessionOptions(const TunnelClientOptions& options) {
  PeerSessionOptions session =
      SessionOptionsFor(options.protocol, options.peer, options.tcp.channel, options.udp.flows);
  session.connect_limit = options.session.offer_lifetime + options.session.connect_timeout;
  session.session_timeout = options.session.session_timeout;
  return session;
}

ClientSessionOptions MakeCoreOptions(const TunnelClientOptions& options) {
  ClientSessionOptions core = options.session;
  core.protocol = options.protocol;
  return core;
}

// The shell of ClientSessionCore: one peer connection at a time, one forwarder.
class TunnelClientImpl final : public TunnelClient, private TunnelRole {
 public:
  TunnelClientImpl(TunnelServices& services, const TunnelClientOptions& options,
                   const std::string& id, TunnelClient::Observer& observer,
                   std::unique_ptr<tunnel::ClientForwarder> forwarder);

  void Drain(Timestamp deadline) override;
  TunnelClientStatus GetStatus() const override;
  std::vector<std::string> local_addresses() const override { return local_addresses_; }

 private:
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

  // TunnelRole
  void HandleTimeout() override { core_.HandleTimeout(Now()); }
  void HandleSignalingUp() override { core_.HandleSignalingUp(Now()); }
  void HandleSignalingDown(const Status& why) override { core_.HandleSignalingDown(Now(), why); }
  void HandleSignalingRefused(const Status& why) override {
    core_.HandleSignalingRefused(Now(), why);
  }
  // Somebody has drawn the same random number.
  void HandleIdTaken(const Status& why) override { HandleSignalingRefused(why); }
  void HandleSignalingMessage(const codec::SignalingMessage& message) override;
  void HandleSignalingError(const signaling::SignalingErrorText& error) override;
  void HandleNetworkChanged() override { core_.HandleNetworkChanged(Now()); }
  void HandlePathState(SessionId session, PathState state, const Status& why) override {
    core_.HandlePathState(Now(), session, state, why);
  }
  void HandleLocalCandidate(SessionId session, const Candidate& candidate) override {
    core_.HandleLocalCandidate(Now(), session, candidate);
  }
  void HandleRemoteChannel(SessionId session, std::unique_ptr<link::MessageChannel> channel,
                           const std::string& label) override;
  bool ApplyNextEvent() override;
  Timestamp NextTimeout() const override { return core_.NextTimeout(); }
  bool NeedsSignaling() const override { return core_.NeedsSignaling(Now()); }
  void ReportEnd(TunnelEnd end, const Status& why) override { observer_.OnClientEnded(end, why); }

  void HandleAnswer(const codec::SignalingMessage& message);
  void HandleCandidate(const codec::SignalingMessage& message);
  std::string LogPrefix(SessionId session) const;

  const TunnelClientOptions options_;
  TunnelClient::Observer& observer_;
  const std::string id_;
  ClientSessionCore core_;
  LogGate channel_lines_{kChannelLines};
  bool draining_ = false;
  uint64_t sessions_total_ = 0;
  uint64_t ice_restarts_total_ = 0;
  uint64_t paths_up_total_ = 0;
  tunnel::ForwarderCounters last_flows_;

  std::unique_ptr<PeerSession> session_;
  bool path_set_ = false;
  // Dies before the session: it holds channels of it.
  std::unique_ptr<tunnel::ClientForwarder> forwarder_;
  const std::vector<std::string> local_addresses_;
};

TunnelClientImpl::TunnelClientImpl(TunnelServices& services, const TunnelClientOptions& options,
                                   const std::string& id, TunnelClient::Observer& observer,
                                   std::unique_ptr<tunnel::ClientForwarder> forwarder)
    : TunnelRole(services,
                 MakeSignalingOptions(options.signaling, signaling::SignalingRole::kClient, id),
                 "client"),
      options_(options),
      observer_(observer),
      id_(id),
      core_(MakeCoreOptions(options), options.host_id, services.random()),
      forwarder_(std::move(forwarder)),
      local_addresses_(forwarder_->local_addresses()) {
  core_.Start(Now());
  ConnectSignaling();
  Pump();
}

void TunnelClientImpl::Drain(Timestamp deadline) {
  if (finished() || std::exchange(draining_, true)) return;
  forwarder_->Drain(deadline, [this] {
    core_.Close(Now());
    Pump();
  });
}

TunnelClientStatus TunnelClientImpl::GetStatus() const {
  TunnelClientStatus status;
  status.state = core_.state();
  status.signaling_connected = signaling_connected();
  status.sessions_total = sessions_total_;
  status.ice_restarts_total = ice_restarts_total_;
  status.paths_up_total = paths_up_total_;
  PathBytes bytes = retired_bytes();
  if (session_ != nullptr) {
    const webrtc::PeerStats stats = session_->GetStats();
    bytes.Add(stats);
    if (core_.state() == ClientState::kConnected) {
      status.path = stats.path;
      status.round_trip_time = stats.round_trip_time;
      status.packet_size = stats.packet_size;
      if (stats.setup) status.setup_time = stats.setup->total();
    }
  }
  status.path_bytes_sent = bytes.sent;
  status.path_bytes_received = bytes.received;
  status.flows = forwarder_ != nullptr ? forwarder_->counters() : last_flows_;
  return status;
}

bool TunnelClientImpl::ApplyNextEvent() {
  const std::optional<ClientEvent> event = core_.PollEvent();
  if (event) std::visit([this](const auto& e) { Apply(e); }, *event);
  return event.has_value();
}

std::string TunnelClientImpl::LogPrefix(SessionId session) const {
  return "[client host=" + PrintableText(options_.host_id, kLongestLogText) +
         " s=" + std::to_string(session.value()) + "] ";
}

void TunnelClientImpl::Apply(const StartSession& event) {
  ++sessions_total_;
  session_ = MakeSession(event.session, MakeSessionOptions(options_), LogPrefix(event.session));
  Result<std::string> offer = session_->CreateOffer(webrtc::PeerConnection::OfferKind::kFirst);
  if (offer.ok()) {
    core_.HandleLocalOffer(Now(), event.session, std::move(*offer));
  } else {
    core_.HandleSessionFailed(Now(), event.session, offer.status().WithContext("offer"));
  }
}

void TunnelClientImpl::Apply(const RestartIce& event) {
  ++ice_restarts_total_;
  LOG(INFO) << LogPrefix(event.session) << "restarting ICE";
  Result<std::string> offer = session_->CreateOffer(webrtc::PeerConnection::OfferKind::kIceRestart);
  if (offer.ok()) {
    core_.HandleLocalOffer(Now(), event.session, std::move(*offer));
  } else {
    LOG_EVERY_N(WARNING, 10) << LogPrefix(event.session)
                             << "ICE restart: " << offer.status().message();
    core_.HandleRestartFailed(Now(), event.session);
  }
}

void TunnelClientImpl::Apply(const EndSession& event) {
  LOG(INFO) << LogPrefix(event.session) << "session over: " << event.why.message();
  forwarder_->ClearPath(event.why);
  path_set_ = false;
  Retire(std::move(session_));
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
  last_flows_ = forwarder_->counters();
  services().reactor().DeferDelete(std::move(forwarder_));
  Finish(event.end, event.why);
}

void TunnelClientImpl::HandleSignalingMessage(const codec::SignalingMessage& message) {
  if (message.sender_id != options_.host_id) {
    VLOG(1) << "signaling: message of a stranger ignored";
  } else if (message.type == codec::SignalingType::kAnswer) {
    HandleAnswer(message);
  } else if (message.type == codec::SignalingType::kCandidate) {
    HandleCandidate(message);
  } else if (signaling::IsRestartRequest(message)) {
    if (options_.peer.announce_features) core_.HandleRestartRequest(Now());
  } else {
    VLOG(1) << "signaling: message of another type ignored";
  }
}

void TunnelClientImpl::HandleAnswer(const codec::SignalingMessage& message) {
  const Result<codec::DescriptionPayload> answer = codec::ParseDescriptionPayload(message.payload);
  if (answer.ok() && answer->kind == codec::SdpKind::kAnswer) {
    core_.HandleAnswer(Now(), answer->sdp);
  } else {
    VLOG(1) << "signaling: answer ignored: " << answer.status().ToString();
  }
}

void TunnelClientImpl::HandleCandidate(const codec::SignalingMessage& message) {
  const Result<Candidate> candidate = FromPayload(message.payload);
  if (candidate.ok()) {
    core_.HandleRemoteCandidate(Now(), *candidate);
  } else {
    VLOG(1) << "signaling: candidate ignored: " << candidate.status().ToString();
  }
}

void TunnelClientImpl::HandleSignalingError(const signaling::SignalingErrorText& error) {
  if (error.target_not_found) {
    core_.HandleHostNotFound(Now(), error.text);
  } else if (error.sender.empty() || error.sender == options_.host_id) {
    core_.HandleSignalingError(Now(), error.text);
  }
}

void TunnelClientImpl::HandleRemoteChannel(SessionId session,
                                           std::unique_ptr<link::MessageChannel> channel,
                                           const std::string& label) {
  // A client takes no connections from its host.
  if (channel_lines_.Pass(Now())) {
    LOG(WARNING) << LogPrefix(session)
                 << "channel of the host refused: " << PrintableText(label, kLongestLogText)
                 << channel_lines_.TakeHeldBack();
  }
  services().reactor().DeferDelete(std::move(channel));
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
  return std::unique_ptr<TunnelClient>(std::make_unique<TunnelClientImpl>(
      services, options, RandomUuid(services.random()), observer, std::move(*forwarder)));
}

}  // namespace ming::p2p
