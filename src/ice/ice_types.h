// What an IceAgent reports: plain values.
#ifndef MING_ICE_ICE_TYPES_H_
#define MING_ICE_ICE_TYPES_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "ming/codec/ice_candidate.h"
#include "ming/codec/ice_server_url.h"
#include "ming/net/socket_address.h"

namespace ming::ice {

enum class IceRole { kControlling, kControlled };

enum class IceState {
  kNew,
  kChecking,
  kConnected,  // a pair works; a better one may follow
  kCompleted,  // the pair is nominated
  kFailed,     // no pair works, or the peer no longer consents
};

// "new", "checking", "connected", "completed", "failed".
std::string_view IceStateName(IceState state);

struct IceStats {
  uint64_t datagrams_sent = 0;
  uint64_t datagrams_received = 0;
  uint64_t bytes_sent = 0;  // of datagrams, without IP and UDP headers
  uint64_t bytes_received = 0;
  uint64_t datagrams_dropped = 0;    // no path, too many waiting, or refused by the kernel
  uint64_t datagrams_too_large = 0;  // sent in fragments, or dropped: the first link is narrower
  uint64_t candidates_refused = 0;

  IceStats& operator+=(const IceStats& more);
};

struct SelectedPair {
  codec::CandidateType local_type = codec::CandidateType::kHost;
  codec::CandidateType remote_type = codec::CandidateType::kHost;
  net::SocketAddress local;
  net::SocketAddress remote;
  // How we reach our TURN server, where the pair leads through it.
  std::optional<codec::IceServerTransport> relay_transport;

  // Through a TURN server of ours or of the peer's.
  bool relayed() const;
  // "direct udp", "relayed udp", "relayed tcp", "relayed tls": relayed by the peer's server alone
  // is "relayed udp", as nothing but UDP leaves here.
  std::string_view Describe() const;
};

}  // namespace ming::ice

#endif  // MING_ICE_ICE_TYPES_H_
