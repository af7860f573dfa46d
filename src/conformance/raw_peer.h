// RawPeer: one end of a WebRTC connection without rules: ICE, DTLS and SCTP wired together, and
// nothing above them. Whoever drives it writes the descriptions, chooses the DTLS role, withholds
// or floods candidates, sends any message on any stream, and sees everything that comes.
//
// It reports through its accessors, which a script asks after turning the loop
// (net::Reactor::RunUntil). What it carries out it does at once; it takes no decision of its own
// except to start the next layer where RawPeerOptions::top says so.
#ifndef MING_CONFORMANCE_RAW_PEER_H_
#define MING_CONFORMANCE_RAW_PEER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/codec/sdp.h"
#include "ming/conformance/raw_services.h"
#include "ming/ice/ice_agent.h"
#include "ming/ice/ice_options.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/sctp/sctp_association.h"
#include "ming/sctp/sctp_options.h"
#include "ming/tls/dtls_session.h"

namespace ming::conformance {

enum class TopLayer { kIce, kDtls, kSctp };

struct RawPeerOptions {
  ice::IceOptions ice;
  ice::IceRole ice_role = ice::IceRole::kControlling;
  // The layers up to this one start by themselves, each when the one below is up.
  TopLayer top = TopLayer::kSctp;
  // What the peer shows; null: the services' one.
  const tls::Certificate* certificate = nullptr;
  sctp::SctpOptions sctp;
  // Messages and datagrams kept until they are taken; more are dropped and counted.
  size_t max_kept_messages = 1 << 16;
};

enum class LayerState { kIdle, kConnecting, kUp, kClosed };

// Looks at, and may swallow, what crosses a layer. Called inside the layer's own calls: it may not
// call the peer.
using Tap = std::function<bool(ByteSpan)>;  // false: it is lost

class RawPeer final : private tls::DtlsSession::Observer,
                      private tls::DatagramSink,
                      private sctp::SctpAssociation::Observer,
                      private sctp::PacketSink {
 public:
  RawPeer(const RawServices& services, const RawPeerOptions& options);
  // At once: ABORT and close_notify are sent where there is somebody to hear them.
  ~RawPeer() override;
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  // Once, first: makes the sockets; the host candidates are there on return.
  Status Start();

  // A correct description of our side with all candidates so far, to be changed at will before it
  // is serialized. The session id stays the same, the version grows with every call.
  codec::SessionDescription Describe(codec::SdpSetup setup);

  // A second agent with credentials and sockets of its own, which Describe speaks of from now on
  // and the next Adopt is for. The first one goes on until the second works; both deliver.
  Status RestartIce();

  // Takes over what the peer described: ICE credentials and candidates now, the rest when its layer
  // starts. `role` is ours. Once, and once behind each RestartIce.
  void Adopt(const codec::SessionDescription& remote, tls::DtlsRole role);
  // One "candidate:..." line; empty: there are no more.
  Status AddRemoteCandidate(std::string_view line);

  // The next layer, where RawPeerOptions::top does not start it. DTLS needs ICE to be connected and
  // Adopt to have been called, SCTP needs DTLS.
  void StartDtls();
  void StartSctp();

  LayerState ice_state() const;
  // The newest agent is the one that datagrams take, and there was another before.
  bool restarted() const { return sending_ > 0 && sending_ + 1 == paths_.size(); }
  LayerState dtls_state() const { return dtls_state_; }
  bool up() const { return sctp_state_ == LayerState::kUp; }
  // The layer that RawPeerOptions::top names is up.
  bool top_is_up() const;
  // A layer that was started has ended: nothing more will come.
  bool ended() const;
  // Why the lowest layer that ended did so; ok: none has, or in order.
  const Status& why() const { return why_; }
  // Of the last Adopt.
  tls::DtlsRole dtls_role() const { return role_; }

  // The layers themselves, for what is not here; the newest agent. Null before they start.
  ice::IceAgent& agent() { return *newest().agent; }
  tls::DtlsSession* dtls() { return dtls_.get(); }
  sctp::SctpAssociation* association() { return association_.get(); }
  // New candidates since the last call, "candidate:..." lines.
  std::vector<std::string> TakeLocalCandidates();

  // One message on any stream below the negotiated number; 1 byte at least.
  link::SendResult Send(sctp::StreamId stream, uint32_t ppid, ByteSpan message,
                        const link::ChannelTraits& traits = {});
  // Below the layers: an SCTP packet (checksum included) in a DTLS record; a bare datagram to the
  // peer's ICE address.
  Status SendRecord(ByteSpan packet);
  void SendDatagramRaw(ByteSpan datagram);
  // close_notify alone, without an ABORT before it.
  void CloseDtls();

  // What came, oldest first; streams can be taken apart.
  const std::deque<sctp::InboundMessage>& messages() const { return messages_; }
  std::optional<sctp::InboundMessage> TakeMessage();
  std::optional<sctp::InboundMessage> TakeMessage(sctp::StreamId stream);
  uint64_t dropped_messages() const { return dropped_messages_; }
  // Resets since the start, in order: by the peer (incoming), and ours that it confirmed.
  const std::vector<sctp::StreamId>& incoming_resets() const { return incoming_resets_; }
  const std::vector<sctp::StreamId>& outgoing_resets() const { return outgoing_resets_; }
  const std::vector<sctp::StreamId>& failed_resets() const { return failed_resets_; }
  size_t CountIncomingResets(sctp::StreamId stream) const;

  struct Taps {
    Tap datagram_in;  // DTLS datagrams, as they are on the wire
    Tap datagram_out;
    Tap packet_in;  // SCTP packets in the clear
    Tap packet_out;
    Tap message_in;  // bytes of every user message, before it is kept; false: it is not kept
  };
  Taps& taps() { return taps_; }

 private:
  // One agent, and whose it is.
  struct Path final : ice::IceAgent::Observer {
    explicit Path(RawPeer& owner) : peer(owner) {}
    void OnIceState(ice::IceState now) override;
    void OnLocalCandidate(const codec::IceCandidate& candidate) override;
    void OnLocalCandidatesDone() override {}
    void OnSelectedPair(const ice::SelectedPair& /*pair*/) override {}
    void OnDatagram(ByteSpan datagram) override { peer.HandleDatagram(datagram); }
    void OnDatagramsDone() override {}
    void OnIceClosed() override {}

    RawPeer& peer;
    ice::IceState state = ice::IceState::kNew;
    std::unique_ptr<ice::IceAgent> agent;
  };

  void OnDtlsConnected() override;
  void OnDtlsRecord(ByteSpan record) override;
  void OnDtlsClosed(const Status& why) override;
  void SendDatagram(ByteSpan datagram) override;
  void OnAssociationUp() override;
  void OnMessage(sctp::InboundMessage message) override;
  void OnSendReady() override {}
  void OnStreamsReset(sctp::ResetDirection direction,
                      const std::vector<sctp::StreamId>& ids) override;
  void OnStreamResetFailed(const std::vector<sctp::StreamId>& ids) override;
  void OnStreamsAdded(const Status& /*result*/) override {}
  void OnAssociationClosed(const Status& why) override;
  void SendPacket(ByteSpan packet) override;

  Path& newest() { return *paths_.back(); }
  void AddPath();
  void HandleIceState(Path& path);
  void HandleDatagram(ByteSpan datagram);
  const tls::Certificate& certificate() const;
  void ArmDtls();
  void NoteEnd(const Status& why);

  const RawServices services_;
  const RawPeerOptions options_;
  const uint64_t session_id_;
  uint64_t version_ = 2;
  std::optional<codec::SessionDescription> remote_;
  tls::DtlsRole role_ = tls::DtlsRole::kServer;

  LayerState dtls_state_ = LayerState::kIdle;
  LayerState sctp_state_ = LayerState::kIdle;
  Status why_;
  Taps taps_;
  std::vector<std::string> local_candidates_;
  std::deque<ByteBuffer> early_datagrams_;
  std::deque<sctp::InboundMessage> messages_;
  uint64_t dropped_messages_ = 0;
  std::vector<sctp::StreamId> incoming_resets_;
  std::vector<sctp::StreamId> outgoing_resets_;
  std::vector<sctp::StreamId> failed_resets_;

  std::vector<std::unique_ptr<Path>> paths_;  // the newest last
  size_t sending_ = 0;                        // the one that datagrams take
  std::unique_ptr<tls::DtlsSession> dtls_;
  std::unique_ptr<sctp::SctpAssociation> association_;
  std::unique_ptr<link::Alarm> dtls_alarm_;
};

// The fingerprint as a description carries it.
codec::SdpFingerprint ToSdpFingerprint(const tls::Certificate& certificate);
// Those of a description that a DtlsSession can check.
std::vector<tls::Fingerprint> UsableFingerprints(const codec::SessionDescription& remote);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_RAW_PEER_H_
