#include "ming/webrtc/peer_connection.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "ming/base/log_gate.h"
#include "ming/codec/packet_demux.h"
#include "ming/codec/path_probe.h"
#include "ming/ice/ice_agent.h"
#include "ming/net/turn_end_hook.h"
#include "ming/sctp/sctp_association.h"
#include "ming/tls/dtls_session.h"
#include "ming/webrtc/channel_hub.h"
#include "ming/webrtc/channel_table.h"
#include "ming/webrtc/ice_path.h"
#include "ming/webrtc/negotiation.h"
#include "ming/webrtc/path_mtu.h"
#include "ming/webrtc/path_prober.h"

namespace ming::webrtc {
namespace {

// The peer's ClientHello, and its retransmissions, may come before our side knows that the pair
// works. Chromium's is two datagrams.
constexpr size_t kMaxEarlyDatagrams = 16;
constexpr size_t kMaxEarlyBytes = size_t{32} * 1024;
// Rate times round trip of a long fast path.
constexpr size_t kAgreedReceiveBuffer = size_t{16} << 20;
// SCTP streams at the start toward a peer that adds more on demand, by doubling: enough for 64
// channels of each side. They cost 13 KB; a thousand would cost 106 KB for a connection that may
// stay idle.
constexpr uint16_t kFirstStreams = 128;
// How long giving back TURN allocations may take.
constexpr Duration kCloseLimit = std::chrono::seconds(2);

// For all connections of the process: peers come and go as they like.
LogGate& StateLines() {
  static LogGate lines({3.0, 1'000.0});
  return lines;
}

codec::SdpFingerprint ToSdp(const tls::Fingerprint& fingerprint) {
  const tls::Sha256::Digest& digest = fingerprint.digest();
  return {"sha-256", std::vector<uint8_t>(digest.begin(), digest.end())};
}

std::vector<tls::Fingerprint> ToTls(const std::vector<codec::SdpFingerprint>& fingerprints) {
  std::vector<tls::Fingerprint> usable;
  for (const codec::SdpFingerprint& fingerprint : fingerprints) {
    const auto own = tls::Fingerprint::FromBytes(fingerprint.algorithm, fingerprint.digest);
    if (own.ok()) usable.push_back(*own);
  }
  return usable;
}

}  // namespace

// The layers stand on each other in the order of the members: the path below, then DTLS, SCTP,
// channels. They are made in this order, and end in the opposite one.
class PeerConnection::Impl final : private IcePath::Observer,
                                   private tls::DtlsSession::Observer,
                                   private tls::DatagramSink,
                                   private sctp::SctpAssociation::Observer,
                                   private sctp::PacketSink,
                                   private ChannelHub::Observer,
                                   private PathProber::Observer {
 public:
  Impl(const PeerServices& services, const PeerConnectionOptions& options,
       PeerConnection::Observer& observer);
  ~Impl() override;

  Result<std::string> CreateOffer(OfferKind kind);
  Status SetAnswer(std::string_view sdp);
  Result<std::string> AcceptOffer(std::string_view sdp);
  Status AddRemoteCandidate(std::string_view text);
  Result<std::unique_ptr<link::MessageChannel>> OpenChannel(const std::string& label,
                                                            const link::ChannelTraits& traits);
  void Close();

  ConnectionState state() const { return reported_state_; }
  const std::optional<codec::MingAgreement>& features_in_use() const { return agreement_; }
  PeerStats GetStats() const;

 private:
  // IcePath::Observer
  void OnLocalCandidate(const codec::IceCandidate& candidate) override;
  void OnLocalCandidatesDone() override;
  void OnPathChanged(const ice::SelectedPair& pair, IcePath::Change change) override;
  void OnPathUp() override;
  void OnPathLost() override;
  void OnPathDatagram(ByteSpan datagram) override;
  void OnPathDatagramsDone() override;
  void OnPathClosed() override;
  // tls::DtlsSession::Observer, tls::DatagramSink
  void OnDtlsConnected() override;
  void OnDtlsRecord(ByteSpan record) override;
  void OnDtlsClosed(const Status& why) override;
  void SendDatagram(ByteSpan datagram) override;
  // sctp::SctpAssociation::Observer, sctp::PacketSink
  void OnAssociationUp() override;
  void OnMessage(sctp::InboundMessage message) override;
  void OnSendReady() override;
  void OnStreamsReset(sctp::ResetDirection direction,
                      const std::vector<sctp::StreamId>& ids) override;
  void OnStreamResetFailed(const std::vector<sctp::StreamId>& ids) override;
  void OnStreamsAdded(const Status& result) override;
  void OnAssociationClosed(const Status& why) override;
  void SendPacket(ByteSpan packet) override;
  // ChannelHub::Observer
  void OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                       const std::string& label) override;
  // PathProber::Observer
  void SendProbe(ByteSpan record) override;
  void OnPacketSize(size_t bytes) override;
  uint64_t DatagramsTooLarge() const override { return path_.stats().datagrams_too_large; }
  Duration RoundTrip() const override;

  bool ended() const { return ending_.has_value(); }
  Duration NextStep();
  void LogSetup() const;
  Status StartIce(ice::IceRole role);
  void Adopt(const RemoteSession& session);
  void StartDtls();
  void ArmDtls();
  size_t ChoosePacketSize();
  void ProbePath();
  void StateChanged();
  void ReportStates();
  void ArmLiveness();
  void End(const Status& why);
  void ReportEnd();

  const PeerServices services_;
  const PeerConnectionOptions options_;
  PeerConnection::Observer& observer_;
  Negotiation negotiation_;
  ConnectionStateCore state_;
  ConnectionState reported_state_ = ConnectionState::kNew;
  std::optional<RemoteSession> remote_;
  std::optional<codec::MingAgreement> agreement_;
  std::vector<ByteBuffer> early_datagrams_;
  size_t early_bytes_ = 0;
  Timestamp step_begun_;  // of the set-up
  SetupTimes setup_;
  std::optional<Status> ending_;  // what OnConnectionClosed will say

  IcePath path_;
  std::unique_ptr<tls::DtlsSession> dtls_;
  std::unique_ptr<sctp::SctpAssociation> sctp_;
  ChannelHub channels_;
  PathProber prober_;
  size_t packet_size_ = 0;               // SCTP's; 0: before the association
  std::optional<PathWidth> path_width_;  // of the path in use, where both ends agreed on a size

  net::TurnEndHook state_hook_;
  std::unique_ptr<link::Alarm> dtls_alarm_;
  std::unique_ptr<link::Alarm> liveness_alarm_;
  std::unique_ptr<link::Alarm> end_alarm_;
};

PeerConnection::Impl::Impl(const PeerServices& services, const PeerConnectionOptions& options,
                           PeerConnection::Observer& observer)
    : services_(services),
      options_(options),
      observer_(observer),
      negotiation_([&] {
        NegotiationOptions negotiation;
        negotiation.session_id = services.random.Next64() >> 2;  // below 2^62 (RFC 8829, 5.2.1)
        negotiation.fingerprint = ToSdp(services.certificate.fingerprint());
        negotiation.max_message_bytes = options.max_message_size;
        negotiation.features = options.features;
        negotiation.max_early_candidates = options.ice.max_remote_candidates;
        return negotiation;
      }()),
      state_(options.liveness),
      path_({services.reactor, services.glib, services.resolver}, {options.ice, options.turn_trust},
            *this),
      channels_(services.reactor, options.channels, *this),
      prober_(services.reactor, *this),
      state_hook_(services.reactor, [this] { ReportStates(); }),
      dtls_alarm_(services.reactor.CreateAlarm([this] {
        if (!dtls_) return;
        dtls_->HandleTimeout(services_.reactor.Now());
        ArmDtls();
      })),
      liveness_alarm_(services.reactor.CreateAlarm([this] {
        state_.HandleTimeout(services_.reactor.Now());
        StateChanged();
      })),
      end_alarm_(services.reactor.CreateAlarm([this] { ReportEnd(); })) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.ToString();
}

PeerConnection::Impl::~Impl() {
  if (ended()) return;
  channels_.HandleAssociationDown(Status(StatusCode::kClosed, "the connection was destroyed"));
  if (sctp_) sctp_->Abort();
  if (dtls_) dtls_->Close();
}

Result<std::string> PeerConnection::Impl::CreateOffer(OfferKind kind) {
  if (ended()) return Status(StatusCode::kProtocolViolation, "the connection has ended");
  if ((kind == OfferKind::kFirst) == path_.started()) {
    return Status(StatusCode::kProtocolViolation, "a connection has exactly one first offer");
  }
  const Status ready = StartIce(ice::IceRole::kControlling);
  if (!ready.ok()) return ready;
  return negotiation_.MakeOffer(path_.Describe());
}

Status PeerConnection::Impl::SetAnswer(std::string_view sdp) {
  if (ended()) return Status(StatusCode::kProtocolViolation, "the connection has ended");
  Result<RemoteSession> session = negotiation_.HandleAnswer(sdp);
  if (!session.ok()) return session.status();
  Adopt(*session);
  return Status::Ok();
}

Result<std::string> PeerConnection::Impl::AcceptOffer(std::string_view sdp) {
  if (ended()) return Status(StatusCode::kProtocolViolation, "the connection has ended");
  Result<RemoteSession> session = negotiation_.HandleOffer(sdp);
  if (!session.ok()) return session.status();
  if (!path_.started() || session->ice_restart) {
    // An ICE-lite peer only answers checks (RFC 8445, section 6.1.1).
    const Status ready =
        StartIce(session->ice_lite ? ice::IceRole::kControlling : ice::IceRole::kControlled);
    if (!ready.ok()) return ready;
  }
  const std::string answer = negotiation_.MakeAnswer(path_.Describe());
  Adopt(*session);
  return answer;
}

Status PeerConnection::Impl::AddRemoteCandidate(std::string_view text) {
  if (ended()) return Status::Ok();
  Result<std::optional<codec::IceCandidate>> candidate = negotiation_.HandleCandidate(text);
  if (!candidate.ok()) return candidate.status();
  if (!path_.started() || !negotiation_.remote_known()) return Status::Ok();
  if (!*candidate) {
    if (text.empty()) path_.SetRemoteCandidatesDone();
    return Status::Ok();
  }
  Status added = path_.AddRemoteCandidate(**candidate);
  if (added.code() == StatusCode::kUnsupported) {
    VLOG(1) << added.message() << ": ignored";
    return Status::Ok();
  }
  return added;
}

Result<std::unique_ptr<link::MessageChannel>> PeerConnection::Impl::OpenChannel(
    const std::string& label, const link::ChannelTraits& traits) {
  if (ended()) return Status(StatusCode::kUnavailable, "the connection has ended");
  return channels_.Open(label, traits);
}

void PeerConnection::Impl::Close() {
  if (ended()) return;
  state_.HandleClosed(Status::Ok());
  StateChanged();
  End(Status::Ok());
}

PeerStats PeerConnection::Impl::GetStats() const {
  PeerStats stats;
  stats.open_channels = channels_.open_channels();
  const ice::IceStats ice = path_.stats();
  stats.bytes_sent = ice.bytes_sent;
  stats.bytes_received = ice.bytes_received;
  if (const std::optional<ice::SelectedPair>& pair = path_.selected_pair()) {
    stats.path = pair->Describe();
    stats.local_address = pair->local.ToString();
    stats.remote_address = pair->remote.ToString();
  }
  if (sctp_ && sctp_->up()) {
    stats.round_trip_time = sctp_->stats().smoothed_rtt;
    stats.setup = setup_;
    stats.packet_size = packet_size_ + tls::DtlsSession::kRecordOverhead;
  }
  return stats;
}

Status PeerConnection::Impl::StartIce(ice::IceRole role) {
  Status started = path_.Start(role);
  if (!started.ok()) return started;
  state_.HandleStart(services_.reactor.Now());
  StateChanged();
  return Status::Ok();
}

void PeerConnection::Impl::Adopt(const RemoteSession& session) {
  path_.SetRemote(session);
  if (remote_) return;  // what follows holds for the life of the connection
  remote_ = session;
  step_begun_ = services_.reactor.Now();
  agreement_ = session.agreement;
  channels_.SetMaxMessageSize(session.max_message_bytes);
}

void PeerConnection::Impl::OnLocalCandidate(const codec::IceCandidate& candidate) {
  if (!ended()) observer_.OnLocalCandidate(codec::SerializeIceCandidate(candidate));
}

void PeerConnection::Impl::OnLocalCandidatesDone() {
  if (!ended()) observer_.OnLocalCandidate(std::string());
}

void PeerConnection::Impl::OnPathChanged(const ice::SelectedPair& pair, IcePath::Change change) {
  if (ended()) return;
  VLOG(1) << "ICE pair: " << pair.Describe() << " " << pair.local << " -> " << pair.remote;
  if (!sctp_) return;
  OnPacketSize(ChoosePacketSize());
  ProbePath();
  if (change != IcePath::Change::kRestart) return;
  LOG(INFO) << options_.log_prefix << "New path to the peer: " << pair.Describe();
  sctp_->HandleNewPath();
}

void PeerConnection::Impl::OnPathUp() {
  if (!ended()) StartDtls();
}

void PeerConnection::Impl::OnPathLost() {
  if (ended()) return;
  state_.HandlePathLost(ExplainNoPath(path_.Facts()));
  StateChanged();
}

void PeerConnection::Impl::OnPathDatagram(ByteSpan datagram) {
  if (ended()) return;
  if (dtls_) {
    dtls_->HandleDatagram(services_.reactor.Now(), datagram);
    return ArmDtls();
  }
  if (!codec::IsDtlsDatagram(datagram) || early_datagrams_.size() >= kMaxEarlyDatagrams ||
      early_bytes_ + datagram.size() > kMaxEarlyBytes) {
    return;
  }
  early_bytes_ += datagram.size();
  early_datagrams_.push_back(ByteBuffer::CopyOf(datagram));
}

void PeerConnection::Impl::OnPathDatagramsDone() {
  if (sctp_) sctp_->HandlePacketsDone();
}

void PeerConnection::Impl::OnPathClosed() {
  if (ended()) end_alarm_->ArmAt(services_.reactor.Now());
}

void PeerConnection::Impl::StartDtls() {
  if (dtls_ || !remote_) return;
  setup_.path = NextStep();
  tls::DtlsOptions options;
  options.role =
      remote_->role == HandshakeRole::kClient ? tls::DtlsRole::kClient : tls::DtlsRole::kServer;
  options.certificate = &services_.certificate;
  options.peer_fingerprints = ToTls(remote_->fingerprints);
  tls::DtlsSession::Observer& self = *this;
  tls::DatagramSink& sink = *this;
  dtls_ = std::make_unique<tls::DtlsSession>(options, self, sink);
  const Timestamp now = services_.reactor.Now();
  dtls_->Start(now);
  for (const ByteBuffer& datagram : std::exchange(early_datagrams_, {})) {
    dtls_->HandleDatagram(now, datagram);
  }
  ArmDtls();
}

void PeerConnection::Impl::ArmDtls() {
  const Timestamp next = dtls_->NextTimeout();
  if (next != Timestamp::Max() || dtls_alarm_->armed()) dtls_alarm_->ArmAt(next);
}

void PeerConnection::Impl::OnDtlsConnected() {
  setup_.dtls = NextStep();
  state_.HandleTransportUp(services_.reactor.Now());
  StateChanged();
  sctp::SctpOptions options = options_.sctp;
  options.remote_port = remote_->sctp_port;
  options.max_message_size = options_.max_message_size;
  options.max_reassembly_bytes = std::max(options.max_reassembly_bytes, options_.max_message_size);
  options.max_packet_size = packet_size_ = ChoosePacketSize();
  // How long a silent peer is waited for is up to LivenessOptions alone.
  options.max_retransmissions = sctp::kMaxRetransmissions;
  // A foreign peer that leaves a request for streams unanswered would cost the association.
  if (agreement_) {
    // Where every channel has its credit only what has a gap before it waits here.
    options.receive_buffer = std::max(options.receive_buffer, kAgreedReceiveBuffer);
    options.growth = sctp::StreamGrowth::kOnDemand;
    options.outgoing_streams = std::min(options.outgoing_streams, kFirstStreams);
    options.max_incoming_streams = StreamsFor(options_.channels.max_channels);
  }
  sctp::SctpAssociation::Observer& self = *this;
  sctp::PacketSink& sink = *this;
  sctp_ = std::make_unique<sctp::SctpAssociation>(options, services_.sctp, self, sink);
  const Status connecting = sctp_->Connect();
  if (connecting.ok()) return;
  state_.HandleFailure(connecting);
  StateChanged();
}

// Sizes above the base count where both ends agreed on some, on a path that leads directly to the
// peer.
size_t PeerConnection::Impl::ChoosePacketSize() {
  path_width_.reset();
  const size_t base = options_.sctp.max_packet_size;
  if (!agreement_ || !agreement_->path_mtu_bytes || !path_.selected_pair()) return base;
  path_width_ = MeasurePath(*path_.selected_pair());
  return UntriedPacketSize(*path_width_, base, *agreement_->path_mtu_bytes);
}

void PeerConnection::Impl::ProbePath() {
  PathMtuLimits limits;
  limits.base = limits.limit = packet_size_;
  if (path_width_ && agreement_->path_probes) {
    limits = ProbingLimits(*path_width_, packet_size_, *agreement_->path_mtu_bytes);
  }
  prober_.HandleNewPath(limits);
}

void PeerConnection::Impl::SendProbe(ByteSpan record) {
  if (ended() || !dtls_ || !dtls_->connected()) return;
  if (!dtls_->Send(record).ok()) ArmDtls();
}

void PeerConnection::Impl::OnPacketSize(size_t bytes) {
  if (ended() || !sctp_) return;
  const Status set = sctp_->SetMaxPacketSize(bytes);
  if (!set.ok()) {
    LOG(WARNING) << "packet size: " << set.message();
    return;
  }
  if (std::exchange(packet_size_, bytes) == bytes) return;
  VLOG(1) << options_.log_prefix << "Datagrams have up to "
          << bytes + tls::DtlsSession::kRecordOverhead << " bytes";
}

Duration PeerConnection::Impl::RoundTrip() const {
  return sctp_ && sctp_->up() ? sctp_->stats().smoothed_rtt : Duration(0);
}

void PeerConnection::Impl::OnDtlsRecord(ByteSpan record) {
  if (ended()) return;
  const ConnectionState before = state_.state();
  state_.HandleInbound(services_.reactor.Now());
  if (state_.state() != before) StateChanged();
  if (agreement_ && agreement_->path_probes && codec::IsPathProbe(record)) {
    prober_.HandleRecord(record);
  } else if (sctp_) {
    sctp_->HandlePacket(record, sctp::MorePackets::kMayFollow);
  }
}

void PeerConnection::Impl::OnDtlsClosed(const Status& why) {
  if (ended()) return;
  if (why.ok()) {
    state_.HandleClosed(Status(StatusCode::kClosed, "the peer closed the connection"));
  } else {
    state_.HandleFailure(why);
  }
  StateChanged();
}

void PeerConnection::Impl::SendDatagram(ByteSpan datagram) { path_.SendDatagram(datagram); }

// Since the last call, or since both descriptions are known.
Duration PeerConnection::Impl::NextStep() {
  const Timestamp now = services_.reactor.Now();
  return now - std::exchange(step_begun_, now);
}

void PeerConnection::Impl::LogSetup() const {
  LogGate& lines = StateLines();
  if (!lines.Pass(services_.reactor.Now())) return;
  LOG(INFO) << options_.log_prefix << DescribeSetup(setup_) << lines.TakeHeldBack();
}

void PeerConnection::Impl::OnAssociationUp() {
  setup_.sctp = NextStep();
  LogSetup();
  ProbePath();
  channels_.HandleAssociationUp(
      *sctp_, remote_->role == HandshakeRole::kClient ? StreamParity::kEven : StreamParity::kOdd);
}

void PeerConnection::Impl::OnMessage(sctp::InboundMessage message) {
  channels_.HandleMessage(std::move(message));
}

void PeerConnection::Impl::OnSendReady() { channels_.HandleSendReady(); }

void PeerConnection::Impl::OnStreamsReset(sctp::ResetDirection direction,
                                          const std::vector<sctp::StreamId>& ids) {
  channels_.HandleStreamsReset(direction, ids);
}

void PeerConnection::Impl::OnStreamResetFailed(const std::vector<sctp::StreamId>& ids) {
  channels_.HandleStreamResetFailed(ids);
}

void PeerConnection::Impl::OnStreamsAdded(const Status& result) {
  channels_.HandleStreamsAdded(result);
}

void PeerConnection::Impl::OnAssociationClosed(const Status& why) {
  if (ended()) return;
  if (why.ok() || why.code() == StatusCode::kClosed) {
    state_.HandleClosed(Status(StatusCode::kClosed, "the peer closed the connection"));
  } else {
    state_.HandleFailure(why);
  }
  StateChanged();
}

void PeerConnection::Impl::SendPacket(ByteSpan packet) {
  // A failure ends the session, which is reported on its own.
  if (!dtls_->Send(packet).ok()) ArmDtls();
  prober_.HandleSent(packet.size());
}

void PeerConnection::Impl::OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                                           const std::string& label) {
  observer_.OnRemoteChannel(std::move(channel), label);
}

void PeerConnection::Impl::StateChanged() {
  state_hook_.Request();
  ArmLiveness();
}

void PeerConnection::Impl::ArmLiveness() { liveness_alarm_->ArmAt(state_.NextTimeout()); }

void PeerConnection::Impl::ReportStates() {
  while (std::optional<ConnectionStateCore::Event> event = state_.PollEvent()) {
    reported_state_ = event->state;
    std::string note = event->why.message();
    if (event->state == ConnectionState::kConnected) note = GetStats().path;
    if (LogGate& lines = StateLines(); lines.Pass(services_.reactor.Now())) {
      LOG(INFO) << options_.log_prefix
                << "Peer connection state: " << ConnectionStateName(event->state)
                << (note.empty() ? "" : " (" + note + ")") << lines.TakeHeldBack();
    }
    const bool last =
        event->state == ConnectionState::kFailed || event->state == ConnectionState::kClosed;
    if (last) End(event->why);
    observer_.OnConnectionState(event->state);
  }
}

void PeerConnection::Impl::End(const Status& why) {
  if (ended()) return;
  ending_ = why;
  liveness_alarm_->Cancel();
  dtls_alarm_->Cancel();
  channels_.HandleAssociationDown(
      why.ok() ? Status(StatusCode::kClosed, "the connection was closed") : why);
  if (sctp_) sctp_->Abort();
  if (dtls_) dtls_->Close();
  if (!path_.started()) return end_alarm_->ArmAt(services_.reactor.Now());
  path_.Close();
  end_alarm_->ArmAt(services_.reactor.Now() + kCloseLimit);
}

void PeerConnection::Impl::ReportEnd() { observer_.OnConnectionClosed(*ending_); }

PeerConnection::PeerConnection(const PeerServices& services, const PeerConnectionOptions& options,
                               Observer& observer)
    : impl_(std::make_unique<Impl>(services, options, observer)) {}

PeerConnection::~PeerConnection() = default;

Result<std::string> PeerConnection::CreateOffer(OfferKind kind) { return impl_->CreateOffer(kind); }
Status PeerConnection::SetAnswer(std::string_view sdp) { return impl_->SetAnswer(sdp); }
Result<std::string> PeerConnection::AcceptOffer(std::string_view sdp) {
  return impl_->AcceptOffer(sdp);
}
Status PeerConnection::AddRemoteCandidate(std::string_view candidate) {
  return impl_->AddRemoteCandidate(candidate);
}
Result<std::unique_ptr<link::MessageChannel>> PeerConnection::OpenChannel(
    const std::string& label, const link::ChannelTraits& traits) {
  return impl_->OpenChannel(label, traits);
}
void PeerConnection::Close() { impl_->Close(); }
ConnectionState PeerConnection::state() const { return impl_->state(); }
const std::optional<codec::MingAgreement>& PeerConnection::features_in_use() const {
  return impl_->features_in_use();
}
PeerStats PeerConnection::GetStats() const { return impl_->GetStats(); }

}  // namespace ming::webrtc
