// STUN and TURN server URLs as users write them (RFC 7064, RFC 7065), with the credentials inside
// as an extension: turn:user:password@host:3478?transport=tcp.
#ifndef MING_CODEC_ICE_SERVER_URL_H_
#define MING_CODEC_ICE_SERVER_URL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ming/base/ip_address.h"
#include "ming/base/secret.h"
#include "ming/base/status.h"

namespace ming::codec {

inline constexpr size_t kMaxIceServerUrlBytes = 4096;
inline constexpr uint16_t kDefaultStunPort = 3478;
inline constexpr uint16_t kDefaultTurnTlsPort = 5349;

enum class IceServerKind { kStun, kTurn };

enum class IceServerTransport {
  kUdp,
  kTcp,
  kTls,  // turns:
};

struct IceServer {
  IceServerKind kind = IceServerKind::kStun;
  IceServerTransport transport = IceServerTransport::kUdp;  // kUdp for STUN
  HostPort address;      // a name, or an address without brackets
  std::string username;  // TURN only; empty: none
  Secret password;

  // For logs: no credentials.
  std::string ToString() const;

  friend bool operator==(const IceServer& a, const IceServer& b);
  friend bool operator!=(const IceServer& a, const IceServer& b) { return !(a == b); }
};

// Parses one URL of at most kMaxIceServerUrlBytes. The port is 1 to 65535, by default 3478, for
// turns: 5349. User name and password are percent-decoded and both or none; an '@' or ':' of theirs
// must be encoded. A TURN URL without credentials is accepted. kUnsupported: stuns:, turns: over
// UDP; kInvalidArgument: anything else that is wrong. No error quotes credentials.
Result<IceServer> ParseIceServerUrl(std::string_view url);

// The URL with its credentials; ParseIceServerUrl reads it back as the same value.
std::string SerializeIceServerUrl(const IceServer& server);

}  // namespace ming::codec

#endif  // MING_CODEC_ICE_SERVER_URL_H_
