// StunProbe: a bare ICE end: UDP sockets that answer connectivity checks, or not, and send checks
// with whatever is wrong with them. What it sees is kept for the script.
#ifndef MING_CONFORMANCE_STUN_PROBE_H_
#define MING_CONFORMANCE_STUN_PROBE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/codec/sdp.h"
#include "ming/codec/stun_message.h"
#include "ming/conformance/raw_services.h"
#include "ming/ice/ice_options.h"
#include "ming/net/socket_address.h"
#include "ming/net/udp_socket.h"

namespace ming::conformance {

// One of our sockets, and an address of the peer.
struct ProbePath {
  size_t socket = 0;
  net::SocketAddress remote;
};

// A check of ours; the defaults are what RFC 8445, section 7.2.2, asks for.
struct ProbeCheck {
  bool controlling = true;
  uint64_t tie_breaker = 1;
  bool use_candidate = false;
  bool integrity = true;
  bool fingerprint = true;
  bool spoiled_fingerprint = false;
  std::optional<std::string> username;  // none: the right one
  std::optional<std::string> password;  // none: the right one
  // An attribute that nobody knows, of this type.
  std::optional<uint16_t> unknown_attribute;
};

// A check of the peer.
struct SeenCheck {
  codec::StunMessage message;
  ProbePath path;
  bool integrity_fits = false;
  bool fingerprint_fits = false;
  Timestamp when;
};

class StunProbe {
 public:
  // One socket for each address that `options` allow. kUnavailable: there is none.
  static Result<std::unique_ptr<StunProbe>> Open(const RawServices& services,
                                                 const ice::IceOptions& options);
  ~StunProbe();
  StunProbe(const StunProbe&) = delete;
  StunProbe& operator=(const StunProbe&) = delete;

  const codec::IceCredentials& credentials() const { return credentials_; }
  // "candidate:..." of each socket.
  std::vector<codec::IceCandidate> candidates() const;
  void SetRemote(const codec::IceCredentials& remote) { remote_ = remote; }

  // Whether checks of the peer are answered; on by default.
  void Answer(bool on) { answer_ = on; }
  const std::deque<SeenCheck>& checks() const { return checks_; }
  // Datagrams that are no STUN: how many, and where they go (null: nowhere).
  size_t other_datagrams() const { return other_datagrams_; }
  void SetOther(std::function<void(ByteSpan)> on_datagram) { on_other_ = std::move(on_datagram); }

  // Every socket with every address of its family.
  std::vector<ProbePath> Pair(const std::vector<net::SocketAddress>& remotes) const;
  codec::StunTransaction SendCheck(const ProbePath& path, const ProbeCheck& check);
  void SendRaw(const ProbePath& path, ByteSpan datagram);
  net::SocketAddress LocalAddress(const ProbePath& path) const;

  struct Response {
    codec::StunMessage message;
    ProbePath path;
    bool integrity_fits = false;
    bool fingerprint_fits = false;
  };
  // Null: none came.
  const Response* ResponseTo(const codec::StunTransaction& transaction) const;

 private:
  class Socket;

  explicit StunProbe(const RawServices& services);
  void OnDatagram(size_t socket, const net::SocketAddress& from, ByteSpan datagram);
  void AnswerCheck(const SeenCheck& check);
  bool IntegrityFits(ByteSpan wire, const std::string& password) const;

  static constexpr size_t kMaxKept = 1024;

  const RawServices services_;
  codec::IceCredentials credentials_;
  std::optional<codec::IceCredentials> remote_;
  bool answer_ = true;
  std::deque<SeenCheck> checks_;
  size_t other_datagrams_ = 0;
  std::function<void(ByteSpan)> on_other_;
  std::map<codec::StunTransaction, Response> responses_;
  std::vector<std::unique_ptr<Socket>> sockets_;
};

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_STUN_PROBE_H_
