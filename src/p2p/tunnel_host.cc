#include "ming/p2p/tunnel_host.h"

#include <glog/logging.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "ming/base/log_gate.h"
#include "ming/base/utf8.h"
#include "ming/codec/signaling_message.h"
#include "ming/net/reactor.h"
#include "ming/p2p/peer_session.h"
#include "ming/p2p/tunnel_role.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/signaling/restart_request.h"
#include "ming/signaling/signaling_client.h"
#include "ming/tunnel/channel_fit.h"

namespace ming::p2p {
namespace {

constexpr size_t kLongestText = 256;
// All clients may come back at once after a restart; who comes and goes for ever fills no disk.
constexpr LogGateRule kSessionLines{2.0, 500.0};

PeerSessionOptions MakeSessionOptions(const TunnelHostOptions& options) {
  PeerSessionOptions session =
      SessionOptionsFor(options.protocol, options.peer, options.tcp.channel, options.udp.flows);
  session.connect_limit = options.sessions.connect_timeout;
  session.session_timeout = options.sessions.session_timeout;
  return session;
}

// The shell of HostSessionsCore: one peer connection a client, one forwarder for all of them.
class TunnelHostImpl final : public TunnelHost, private TunnelRole {
 public:
  TunnelHostImpl(TunnelServices& services, const TunnelHostOptions& options,
                 TunnelHost::Observer& observer);

  void Drain(Timestamp deadline) override;
  TunnelHostStatus GetStatus() const override;

 private:
  void Apply(const CreateSession& event);
  void Apply(const AcceptRestart& event);
  void Apply(const EndSession& event);
  void Apply(const ApplyCandidate& event);
  void Apply(const SendAnswer& event);
  void Apply(const SendCandidateTo& event);
  void Apply(const SendRefusal& event);
  void Apply(const RequestRestart& event);
  void Apply(const ReconnectSignaling& event);
  void Apply(const HostEnded& event);

  void AcceptOn(PeerSession& session, const std::string& offer);

  // TunnelRole
  void HandleTimeout() override { core_.HandleTimeout(Now()); }
  void HandleSignalingUp() override;
  void HandleSignalingDown(const Status& why) override { core_.HandleSignalingDown(why); }
  void HandleSignalingRefused(const Status& why) override;
  void HandleIdTaken(const Status& why) override { core_.HandleIdTaken(why); }
  void HandleSignalingMessage(const codec::SignalingMessage& message) override;
  // A client that is gone; its session ends by its own clocks.
  void HandleSignalingError(const signaling::SignalingErrorText& /*error*/) override {}
  void HandleNetworkChanged() override { core_.HandleNetworkChanged(); }
  void HandlePathState(SessionId session, PathState state, const Status& why) override {
    core_.HandlePathState(Now(), session, state, why);
  }
  void HandleLocalCandidate(SessionId session, const Candidate& candidate) override {
    core_.HandleLocalCandidate(session, candidate);
  }
  void HandleRemoteChannel(SessionId session, std::unique_ptr<link::MessageChannel> channel,
                           const std::string& label) override;
  bool ApplyNextEvent() override;
  Timestamp NextTimeout() const override { return core_.NextTimeout(); }
  bool NeedsSignaling() const override { return core_.needs_signaling(); }
  void ReportEnd(TunnelEnd end, const Status& why) override { observer_.OnHostEnded(end, why); }

  const TunnelHostOptions options_;
  TunnelHost::Observer& observer_;
  HostSessionsCore core_;
  LogGate session_lines_{kSessionLines};
  bool draining_ = false;
  uint64_t registrations_total_ = 0;
  uint64_t sessions_total_ = 0;
  uint64_t ice_restarts_total_ = 0;
  tunnel::ForwarderCounters last_flows_;
  std::map<SessionId, std::unique_ptr<PeerSession>> sessions_;
  // Dies before the sessions: it holds channels of theirs.
  std::unique_ptr<tunnel::HostForwarder> forwarder_;
};

HostSessionsOptions MakeCoreOptions(const TunnelHostOptions& options) {
  HostSessionsOptions core = options.sessions;
  core.protocol = options.protocol;
  return core;
}

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
    : TunnelRole(
          services,
          MakeSignalingOptions(options.signaling, signaling::SignalingRole::kHost, options.id),
          "host"),
      options_(options),
      observer_(observer),
      core_(MakeCoreOptions(options)),
      forwarder_(MakeForwarder(services, options)) {
  core_.Start(Now());
  ConnectSignaling();
  Pump();
}

void TunnelHostImpl::Drain(Timestamp deadline) {
  if (finished() || std::exchange(draining_, true)) return;
  core_.StopAccepting();
  forwarder_->Drain(deadline, [this] {
    core_.Close();
    Pump();
  });
}

TunnelHostStatus TunnelHostImpl::GetStatus() const {
  TunnelHostStatus status;
  status.registered = signaling_connected();
  status.sessions = core_.session_count();
  status.connected = core_.connected_count();
  status.registrations_total = registrations_total_;
  status.sessions_total = sessions_total_;
  status.ice_restarts_total = ice_restarts_total_;
  PathBytes bytes = retired_bytes();
  for (const auto& [id, session] : sessions_) bytes.Add(session->GetStats());
  status.path_bytes_sent = bytes.sent;
  status.path_bytes_received = bytes.received;
  status.flows = forwarder_ != nullptr ? forwarder_->counters() : last_flows_;
  return status;
}

bool TunnelHostImpl::ApplyNextEvent() {
  const std::optional<HostEvent> event = core_.PollEvent();
  if (event) std::visit([this](const auto& e) { Apply(e); }, *event);
  return event.has_value();
}

void TunnelHostImpl::Apply(const CreateSession& event) {
  ++sessions_total_;
  const std::string prefix = "[host client=" + PrintableText(event.client_id, kLongestText) + "] ";
  if (session_lines_.Pass(Now())) {
    LOG(INFO) << prefix << "session " << event.session << " begins"
              << session_lines_.TakeHeldBack();
  }
  auto session = MakeSession(event.session, MakeSessionOptions(options_), prefix);
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
    if (session_lines_.Pass(Now())) {
      LOG(WARNING) << "[host] session " << session.id() << ": offer: " << answer.status().message()
                   << session_lines_.TakeHeldBack();
    }
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
  Retire(std::move(session));
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
  if (session_lines_.Pass(Now())) {
    LOG(WARNING) << "[host client=" << PrintableText(event.client_id, kLongestText)
                 << "] refused: " << PrintableText(event.text, kLongestText)
                 << session_lines_.TakeHeldBack();
  }
  Send(codec::MakeError(PrintableText(event.text, kLongestText), event.client_id));
}

void TunnelHostImpl::Apply(const RequestRestart& event) {
  if (!options_.peer.announce_features) return;
  if (session_lines_.Pass(Now())) {
    LOG(INFO) << "[host client=" << PrintableText(event.client_id, kLongestText)
              << "] asking for an ICE restart" << session_lines_.TakeHeldBack();
  }
  Send(signaling::MakeRestartRequest(event.client_id));
}

void TunnelHostImpl::Apply(const ReconnectSignaling& /*event*/) { ConnectSignaling(); }

void TunnelHostImpl::Apply(const HostEnded& event) {
  last_flows_ = forwarder_->counters();
  services().reactor().DeferDelete(std::move(forwarder_));
  Finish(event.end, event.why);
}

void TunnelHostImpl::HandleSignalingUp() {
  ++registrations_total_;
  LOG(INFO) << "[host] registering as " << PrintableText(options_.id, kLongestText);
  core_.HandleSignalingUp();
  Pump();
  observer_.OnRegistered();
}

void TunnelHostImpl::HandleSignalingRefused(const Status& why) {
  // A refusal of the connection has an HTTP status; that of a registration has none, and came when
  // the connection stood already.
  if (why.detail() == 0) {
    core_.HandleRegistrationRefused(why);
  } else {
    core_.HandleSignalingRefused(Now(), why);
  }
}

void TunnelHostImpl::HandleSignalingMessage(const codec::SignalingMessage& message) {
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
}

void TunnelHostImpl::HandleRemoteChannel(SessionId session,
                                         std::unique_ptr<link::MessageChannel> channel,
                                         const std::string& label) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || forwarder_ == nullptr) {
    services().reactor().DeferDelete(std::move(channel));
    return;
  }
  const Status fits = tunnel::CheckChannelFits(options_.protocol, channel->traits());
  if (!fits.ok()) {
    if (session_lines_.Pass(Now())) {
      LOG(WARNING) << "[host] session " << session << ": channel refused: " << fits.message()
                   << session_lines_.TakeHeldBack();
    }
    tunnel::RefuseChannel(services().reactor(), std::move(channel), found->second->Terms(), fits);
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
