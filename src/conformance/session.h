// Session: one connection of ours to the peer under test: the conversation, a RawPeer, and the
// steps that most cases begin with.
#ifndef MING_CONFORMANCE_SESSION_H_
#define MING_CONFORMANCE_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/codec/dcep.h"
#include "ming/codec/sdp.h"
#include "ming/conformance/ends.h"
#include "ming/conformance/exchange.h"
#include "ming/conformance/raw_peer.h"
#include "ming/conformance/sctp_packet.h"

namespace ming::conformance {

class Bench;

enum class OurCandidates {
  kInDescription,  // and later ones trickled
  kTrickled,       // none in the description
  kWithheld,       // the peer is told none
};

// How a session is set up. The defaults are what any peer has to cope with.
struct Plan {
  // Of our description: actpass, active or passive in an offer, active or passive in an answer.
  // None: actpass and active.
  std::optional<codec::SdpSetup> setup;
  // Our features; none: we are a foreign peer.
  std::optional<codec::MingFeatures> features;
  OurCandidates candidates = OurCandidates::kInDescription;
  // Changes our description before it is sent.
  std::function<std::string(const std::string&)> edit;
  // Before the descriptions are exchanged, once the peer is made: taps.
  std::function<void(RawPeer&)> prepare;
  // Writes the message that carries our description in another way.
  std::function<std::string(const codec::SignalingMessage&)> wrap;
  // Right before and right behind that message.
  std::function<void(Exchange&)> before;
  std::function<void(Exchange&)> behind;
  TopLayer top = TopLayer::kSctp;
  const tls::Certificate* certificate = nullptr;
  sctp::SctpOptions sctp;
  // Bounds the whole set-up; none: the run's limit of a step.
  std::optional<Duration> limit;
};

// A data channel with its outer end, where that is ours.
struct Channel {
  sctp::StreamId stream;
  codec::DataChannelOpen open;     // as its opener said
  std::unique_ptr<TcpEnd> app;     // of a client under test
  std::unique_ptr<UdpEnd> source;  // the same for UDP
};

class Session {
 public:
  Session(Bench& bench, std::unique_ptr<Exchange> exchange, const Plan& plan);
  // The far side sees an ABORT and a close_notify.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Exchanges descriptions; ok: both are there. kUnavailable: the server does not know the peer.
  Status Negotiate();
  // Until the top layer of the plan is up.
  Status AwaitUp();

  RawPeer& peer() { return *peer_; }
  Exchange& exchange() { return *exchange_; }
  const std::string& our_text() const { return our_text_; }
  const codec::SessionDescription& remote() const { return *remote_; }

  // To be called in every turn while the script waits; Bench::Wait does.
  void Pump();
  bool alive() const { return peer_->up() && !peer_->ended(); }
  // A crafted HEARTBEAT is answered: the association works, whatever the case did to it.
  Status CheckAlive();

  // DCEP. The next stream of our parity that this session has not used.
  sctp::StreamId NextStream();
  bool SendControl(sctp::StreamId stream, ByteSpan wire);
  bool SendOpen(sctp::StreamId stream, const codec::DataChannelOpen& open);
  // The ACK, within the limit of a step; its bytes.
  Result<ByteBuffer> ExpectAck(sctp::StreamId stream);
  // Nothing with PPID 50 comes on the stream until the peer answered a HEARTBEAT sent behind it
  // and a moment has passed.
  Status ExpectNoAck(sctp::StreamId stream);
  // The peer reset its direction since the stream was opened last.
  bool WasReset(sctp::StreamId stream) const;
  bool WaitForReset(sctp::StreamId stream);
  // Our direction; the peer's follows by RFC 8831, section 6.7.
  Status Reset(sctp::StreamId stream);

  // A channel that carries traffic: toward a host we open it, from a client an application of ours
  // has it opened.
  Result<Channel> OpenChannel(const std::string& label = "tunnel");
  // The same with an OPEN of the caller's; host only.
  Result<Channel> OpenChannel(const codec::DataChannelOpen& open);
  // The bytes go to the far end and come back, exactly. UDP: as one datagram.
  Status RoundTrip(Channel& channel, ByteSpan bytes);
  // Both directions end; the peer's reset is awaited.
  Status CloseChannel(Channel& channel);

  // Sends as data in messages of at most 16,384 bytes, waiting for room.
  Status SendData(sctp::StreamId stream, ByteSpan bytes);
  // Takes data messages of a stream (51, 53, 54, 52; empty ones count as none) until there are
  // `size` bytes.
  Result<ByteBuffer> ReceiveData(sctp::StreamId stream, size_t size);

  // What the packets showed.
  const std::optional<SctpInit>& peer_init() const { return peer_init_; }
  uint16_t peer_source_port() const { return peer_source_port_; }
  uint16_t peer_destination_port() const { return peer_destination_port_; }
  uint32_t peer_tag() const { return peer_tag_; }
  // Counts chunks of a type from the peer.
  size_t chunk_count(ChunkType type) const { return chunk_counts_[static_cast<uint8_t>(type)]; }
  // Sends one crafted packet with these chunks behind a correct header (checksum included).
  Status SendChunks(const std::function<void(ByteBuffer&)>& append);
  // A HEARTBEAT with `token`; acknowledged() says which came back.
  Status SendHeartbeat(uint64_t token);
  bool acknowledged(uint64_t token) const { return heartbeat_acks_.count(token) != 0; }

 private:
  codec::SessionDescription MakeDescription();
  void SendDescription();
  Status AdoptRemote();
  bool NotePacketIn(ByteSpan packet);
  void NotePacketOut(ByteSpan packet);
  Result<Channel> AcceptFromApplication();
  Status RoundTripTcp(Channel& channel, ByteSpan bytes);
  Status RoundTripUdp(Channel& channel, ByteSpan bytes);
  tls::DtlsRole OurRole() const;

  Bench& bench_;
  const Plan plan_;
  std::unique_ptr<Exchange> exchange_;
  std::string our_text_;
  std::optional<codec::SessionDescription> remote_;
  size_t answered_resets_ = 0;
  std::set<sctp::StreamId> reset_by_us_;
  std::map<sctp::StreamId, size_t> resets_before_;  // of the peer, when a stream was opened last
  uint32_t next_stream_ = 0;

  std::optional<SctpInit> peer_init_;
  uint16_t peer_source_port_ = 0;
  uint16_t peer_destination_port_ = 0;
  uint32_t peer_tag_ = 0;
  size_t chunk_counts_[256] = {};
  uint64_t next_token_ = 1;
  std::set<uint64_t> heartbeat_acks_;

  std::unique_ptr<RawPeer> peer_;
};

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_SESSION_H_
