#include "ming/conformance/raw_peer.h"

#include <algorithm>
#include <utility>

#include "ming/base/random.h"
#include "ming/codec/ice_candidate.h"
#include "ming/codec/packet_demux.h"
#include "ming/net/reactor.h"
#include "ming/tls/certificate.h"
#include "ming/tls/fingerprint.h"

namespace ming::conformance {
namespace {

constexpr size_t kSendBuffer = size_t{1} << 20;
// A ClientHello may come before our side knows that the pair works.
constexpr size_t kMaxEarlyDatagrams = 16;

}  // namespace

std::vector<tls::Fingerprint> UsableFingerprints(const codec::SessionDescription& remote) {
  std::vector<tls::Fingerprint> usable;
  for (const codec::SdpFingerprint& fingerprint : remote.fingerprints) {
    const auto own = tls::Fingerprint::FromBytes(fingerprint.algorithm, fingerprint.digest);
    if (own.ok()) usable.push_back(*own);
  }
  return usable;
}

codec::SdpFingerprint ToSdpFingerprint(const tls::Certificate& certificate) {
  const tls::Sha256::Digest& digest = certificate.fingerprint().digest();
  return {"sha-256", std::vector<uint8_t>(digest.begin(), digest.end())};
}

RawPeer::RawPeer(const RawServices& services, const RawPeerOptions& options)
    : services_(services),
      options_(options),
      session_id_(services.random.Next64() >> 2),  // below 2^62 (RFC 8829, section 5.2.1)
      dtls_alarm_(services.reactor.CreateAlarm([this] {
        if (!dtls_) return;
        dtls_->HandleTimeout(services_.reactor.Now());
        ArmDtls();
      })) {
  AddPath();
}

RawPeer::~RawPeer() {
  taps_ = {};
  if (association_) association_->Abort();
  if (dtls_) dtls_->Close();
}

void RawPeer::AddPath() {
  const ice::IceServices ice{services_.reactor, services_.glib, services_.resolver};
  auto path = std::make_unique<Path>(*this);
  path->agent = std::make_unique<ice::IceAgent>(ice, options_.ice, options_.ice_role, *path);
  paths_.push_back(std::move(path));
}

Status RawPeer::RestartIce() {
  AddPath();
  return Start();
}

Status RawPeer::Start() {
  Status started = agent().Start();
  if (!started.ok()) return started;
  for (const codec::IceCandidate& candidate : agent().local_candidates()) {
    local_candidates_.push_back(codec::SerializeIceCandidate(candidate));
  }
  return Status::Ok();
}

codec::SessionDescription RawPeer::Describe(codec::SdpSetup setup) {
  codec::SessionDescription description;
  description.session_id = session_id_;
  description.session_version = version_++;
  description.ice = agent().local_credentials();
  description.trickle = true;
  description.fingerprints = {ToSdpFingerprint(certificate())};
  description.setup = setup;
  description.sctp_port = options_.sctp.local_port;
  description.max_message_bytes = options_.sctp.max_message_size;
  description.candidates = agent().local_candidates();
  return description;
}

void RawPeer::Adopt(const codec::SessionDescription& remote, tls::DtlsRole role) {
  role_ = role;
  remote_ = remote;
  agent().SetRemoteCredentials(remote.ice);
  for (const codec::IceCandidate& candidate : remote.candidates) {
    const Status added = agent().AddRemoteCandidate(candidate);
    if (!added.ok()) VLOG(1) << "candidate: " << added.message();
  }
  if (remote.end_of_candidates) agent().SetRemoteCandidatesDone();
}

Status RawPeer::AddRemoteCandidate(std::string_view line) {
  if (line.empty()) {
    agent().SetRemoteCandidatesDone();
    return Status::Ok();
  }
  const Result<codec::IceCandidate> candidate = codec::ParseIceCandidate(line);
  if (!candidate.ok()) return candidate.status();
  return agent().AddRemoteCandidate(*candidate);
}

void RawPeer::StartDtls() {
  if (dtls_ || !remote_) return;
  tls::DtlsOptions options;
  options.role = role_;
  options.certificate = &certificate();
  options.peer_fingerprints = UsableFingerprints(*remote_);
  if (options.peer_fingerprints.empty()) {
    return NoteEnd(Status(StatusCode::kUnsupported, "no sha-256 fingerprint in the description"));
  }
  tls::DtlsSession::Observer& self = *this;
  tls::DatagramSink& sink = *this;
  dtls_ = std::make_unique<tls::DtlsSession>(options, self, sink);
  dtls_state_ = LayerState::kConnecting;
  const Timestamp now = services_.reactor.Now();
  dtls_->Start(now);
  for (const ByteBuffer& datagram : std::exchange(early_datagrams_, {})) {
    dtls_->HandleDatagram(now, datagram);
  }
  ArmDtls();
}

void RawPeer::StartSctp() {
  if (association_ || dtls_state_ != LayerState::kUp) return;
  sctp::SctpOptions options = options_.sctp;
  options.remote_port = remote_->sctp_port;
  // What waits here would pass for taken by the far end.
  options.send_buffer = kSendBuffer;
  sctp::SctpAssociation::Observer& self = *this;
  sctp::PacketSink& sink = *this;
  association_ = std::make_unique<sctp::SctpAssociation>(options, services_.sctp, self, sink);
  sctp_state_ = LayerState::kConnecting;
  const Status connecting = association_->Connect();
  if (!connecting.ok()) OnAssociationClosed(connecting);
}

LayerState RawPeer::ice_state() const {
  switch (paths_[sending_]->state) {
    case ice::IceState::kNew:
      return LayerState::kIdle;
    case ice::IceState::kChecking:
      return LayerState::kConnecting;
    case ice::IceState::kConnected:
    case ice::IceState::kCompleted:
      return LayerState::kUp;
    case ice::IceState::kFailed:
      return LayerState::kClosed;
  }
  return LayerState::kIdle;
}

bool RawPeer::top_is_up() const {
  switch (options_.top) {
    case TopLayer::kIce:
      return ice_state() == LayerState::kUp;
    case TopLayer::kDtls:
      return dtls_state_ == LayerState::kUp;
    case TopLayer::kSctp:
      return up();
  }
  return false;
}

bool RawPeer::ended() const {
  return ice_state() == LayerState::kClosed || dtls_state_ == LayerState::kClosed ||
         sctp_state_ == LayerState::kClosed;
}

std::vector<std::string> RawPeer::TakeLocalCandidates() {
  return std::exchange(local_candidates_, {});
}

link::SendResult RawPeer::Send(sctp::StreamId stream, uint32_t ppid, ByteSpan message,
                               const link::ChannelTraits& traits) {
  if (!association_) return link::SendResult::kClosed;
  return association_->Send(stream, sctp::Ppid(ppid), message, traits);
}

Status RawPeer::SendRecord(ByteSpan packet) {
  if (!dtls_) return Status(StatusCode::kUnavailable, "DTLS was not started");
  Status sent = dtls_->Send(packet);
  ArmDtls();
  return sent;
}

void RawPeer::SendDatagramRaw(ByteSpan datagram) {
  paths_[sending_]->agent->SendDatagram(datagram);
}

void RawPeer::CloseDtls() {
  if (!dtls_) return;
  dtls_->Close();
  dtls_state_ = LayerState::kClosed;
}

std::optional<sctp::InboundMessage> RawPeer::TakeMessage() {
  if (messages_.empty()) return std::nullopt;
  sctp::InboundMessage message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

std::optional<sctp::InboundMessage> RawPeer::TakeMessage(sctp::StreamId stream) {
  const auto found = std::find_if(
      messages_.begin(), messages_.end(),
      [stream](const sctp::InboundMessage& message) { return message.stream == stream; });
  if (found == messages_.end()) return std::nullopt;
  sctp::InboundMessage message = std::move(*found);
  messages_.erase(found);
  return message;
}

size_t RawPeer::CountIncomingResets(sctp::StreamId stream) const {
  return static_cast<size_t>(std::count(incoming_resets_.begin(), incoming_resets_.end(), stream));
}

void RawPeer::Path::OnIceState(ice::IceState now) {
  state = now;
  peer.HandleIceState(*this);
}

void RawPeer::Path::OnLocalCandidate(const codec::IceCandidate& candidate) {
  if (this != &peer.newest()) return;
  peer.local_candidates_.push_back(codec::SerializeIceCandidate(candidate));
}

void RawPeer::HandleIceState(Path& path) {
  const bool works =
      path.state == ice::IceState::kConnected || path.state == ice::IceState::kCompleted;
  if (works && &path == &newest()) sending_ = paths_.size() - 1;
  if (ice_state() == LayerState::kClosed) {
    NoteEnd(Status(StatusCode::kUnavailable, "ICE: no pair works, or the peer no longer consents"));
  }
  if (ice_state() == LayerState::kUp && options_.top != TopLayer::kIce) StartDtls();
}

void RawPeer::HandleDatagram(ByteSpan datagram) {
  if (taps_.datagram_in && !taps_.datagram_in(datagram)) return;
  if (!dtls_) {
    if (codec::IsDtlsDatagram(datagram) && early_datagrams_.size() < kMaxEarlyDatagrams) {
      early_datagrams_.push_back(ByteBuffer::CopyOf(datagram));
    }
    return;
  }
  dtls_->HandleDatagram(services_.reactor.Now(), datagram);
  ArmDtls();
}

void RawPeer::OnDtlsConnected() {
  dtls_state_ = LayerState::kUp;
  if (options_.top == TopLayer::kSctp) StartSctp();
}

void RawPeer::OnDtlsRecord(ByteSpan record) {
  if (taps_.packet_in && !taps_.packet_in(record)) return;
  if (association_) association_->HandlePacket(record);
}

void RawPeer::OnDtlsClosed(const Status& why) {
  dtls_state_ = LayerState::kClosed;
  NoteEnd(why.WithContext("DTLS"));
}

void RawPeer::SendDatagram(ByteSpan datagram) {
  if (taps_.datagram_out && !taps_.datagram_out(datagram)) return;
  paths_[sending_]->agent->SendDatagram(datagram);
}

void RawPeer::OnAssociationUp() { sctp_state_ = LayerState::kUp; }

void RawPeer::OnMessage(sctp::InboundMessage message) {
  if (taps_.message_in && !taps_.message_in(message.bytes)) return;
  if (messages_.size() >= options_.max_kept_messages) {
    ++dropped_messages_;
    return;
  }
  messages_.push_back(std::move(message));
}

void RawPeer::OnStreamsReset(sctp::ResetDirection direction,
                             const std::vector<sctp::StreamId>& ids) {
  std::vector<sctp::StreamId>& resets =
      direction == sctp::ResetDirection::kIncoming ? incoming_resets_ : outgoing_resets_;
  resets.insert(resets.end(), ids.begin(), ids.end());
}

void RawPeer::OnStreamResetFailed(const std::vector<sctp::StreamId>& ids) {
  failed_resets_.insert(failed_resets_.end(), ids.begin(), ids.end());
}

void RawPeer::OnAssociationClosed(const Status& why) {
  sctp_state_ = LayerState::kClosed;
  NoteEnd(why.WithContext("SCTP"));
}

void RawPeer::SendPacket(ByteSpan packet) {
  if (taps_.packet_out && !taps_.packet_out(packet)) return;
  // A failure ends the session, which is reported on its own.
  if (!dtls_->Send(packet).ok()) ArmDtls();
}

const tls::Certificate& RawPeer::certificate() const {
  return options_.certificate != nullptr ? *options_.certificate : services_.certificate;
}

void RawPeer::ArmDtls() {
  const Timestamp next = dtls_->NextTimeout();
  if (next != Timestamp::Max() || dtls_alarm_->armed()) dtls_alarm_->ArmAt(next);
}

void RawPeer::NoteEnd(const Status& why) {
  if (why_.ok()) why_ = why;
}

}  // namespace ming::conformance
