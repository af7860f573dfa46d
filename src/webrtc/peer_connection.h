// PeerConnection: one WebRTC connection that carries data channels: ICE, DTLS, SCTP and DCEP wired
// together and destroyed in order. It owns the session description of our side; carrying
// descriptions and candidates to the peer is the caller's part, and so is every decision to try
// again.
#ifndef MING_WEBRTC_PEER_CONNECTION_H_
#define MING_WEBRTC_PEER_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/ming_features.h"
#include "ming/link/message_channel.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/sctp/sctp_stack.h"
#include "ming/tls/certificate.h"
#include "ming/webrtc/connection_state.h"
#include "ming/webrtc/peer_connection_options.h"
#include "ming/webrtc/setup_times.h"

namespace ming::webrtc {

// What every connection of a process shares. All of it outlives the connections.
struct PeerServices {
  net::Reactor& reactor;
  net::GlibBridge& glib;
  net::Resolver& resolver;
  sctp::SctpStack& sctp;
  const tls::Certificate& certificate;
  Random& random;  // unpredictable
};

struct PeerStats {
  // "direct udp", "relayed udp", "relayed tcp", "relayed tls", "none".
  std::string path = "none";
  std::string local_address;
  std::string remote_address;
  std::optional<SetupTimes> setup;          // once channels can be used
  std::optional<Duration> round_trip_time;  // smoothed, whole milliseconds; below 1 ms: 0
  std::optional<size_t> packet_size;        // largest datagram in use; once channels can be used
  uint64_t bytes_sent = 0;                  // datagrams, without IP and UDP headers
  uint64_t bytes_received = 0;
  size_t open_channels = 0;
};

class PeerConnection final : public link::ChannelOpener {
 public:
  // Called from the loop, never inside a call to the connection. Every method may call back into
  // the connection and may destroy it through TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // Every change, each state once in a row. kFailed and kClosed are followed by
    // OnConnectionClosed.
    virtual void OnConnectionState(ConnectionState state) = 0;
    // One "candidate:..." line of ours for the peer; empty: there are no more.
    virtual void OnLocalCandidate(const std::string& candidate) = 0;
    // The peer opened a channel. It keeps its messages (bounded) until it has an observer.
    virtual void OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                                 const std::string& label) = 0;
    // Exactly once, and last; channels that are not paused were told before. ok: Close() is done.
    // kClosed: the peer closed the connection; kTimeout: the peer is gone (see LivenessOptions);
    // kUnavailable: no path was found; kPermissionDenied: the peer's certificate is not the one of
    // its description; anything else: a layer failed.
    virtual void OnConnectionClosed(const Status& why) = 0;
  };

  enum class OfferKind {
    kFirst,
    // New sockets, ICE credentials and candidates; DTLS, SCTP and the channels go on. Datagrams
    // take the old path, as far as it works, until the new one does. Where none is found the
    // connection is as it was.
    kIceRestart,
  };

  // `observer` outlives the connection.
  PeerConnection(const PeerServices& services, const PeerConnectionOptions& options,
                 Observer& observer);
  // At once: the peer sees an abort, channels still held by others report kClosed from the loop,
  // and no observer call follows. Prefer Close() and waiting for OnConnectionClosed, which also
  // gives TURN allocations back.
  ~PeerConnection() override;
  PeerConnection(const PeerConnection&) = delete;
  PeerConnection& operator=(const PeerConnection&) = delete;

  // Our offer, and the start of candidate gathering; the offer holds the candidates known at once,
  // the others follow through OnLocalCandidate. An ICE restart takes the place of an earlier one
  // that was not answered. kProtocolViolation: the connection has ended. kFirst is allowed once,
  // and not after AcceptOffer.
  Result<std::string> CreateOffer(OfferKind kind);
  // The peer's answer to the last offer. kMalformed, kUnsupported: the connection cannot start.
  // kPermissionDenied: the answer to an ICE restart carries another certificate fingerprint, that
  // is, the peer is a new process; nothing was changed, and only a new connection will do.
  Status SetAnswer(std::string_view sdp);
  // The peer's offer; gives our answer. A later offer with other ICE credentials restarts ICE.
  // Errors as for SetAnswer.
  Result<std::string> AcceptOffer(std::string_view sdp);
  // One candidate of the peer; empty: there are no more. Those that come before the description
  // are kept (bounded). A candidate we cannot use (mDNS name, TCP, another component) is ignored
  // and ok; kMalformed: it does not parse; kResourceExhausted: too many.
  Status AddRemoteCandidate(std::string_view candidate);

  // A channel in the opening state. Allowed before the connection is up. kResourceExhausted:
  // max_channels are open or no stream id is free; kUnavailable: the connection has ended.
  Result<std::unique_ptr<link::MessageChannel>> OpenChannel(
      const std::string& label, const link::ChannelTraits& traits) override;

  // Ends the connection: channels close without waiting for what they still send, the peer is
  // told, TURN allocations are given back, then OnConnectionClosed follows. Later calls do nothing.
  void Close();

  ConnectionState state() const;
  // The extensions that both sides announced; none for a foreign peer and before the descriptions
  // were exchanged.
  const std::optional<codec::MingAgreement>& features_in_use() const;
  PeerStats GetStats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_PEER_CONNECTION_H_
