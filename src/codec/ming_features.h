// The value of the SDP attribute a=x-ming: what two ming peers can do beyond the original protocol.
#ifndef MING_CODEC_MING_FEATURES_H_
#define MING_CODEC_MING_FEATURES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ming::codec {

inline constexpr uint32_t kMingVersion = 1;

// The ranges that are taken from a peer: below is as if not named, above counts as the upper end.
inline constexpr uint32_t kMinFeatureMessageBytes = 1024;
inline constexpr uint32_t kMaxFeatureMessageBytes = 1 << 20;
inline constexpr uint32_t kMinFeaturePathMtu = 1200;
inline constexpr uint32_t kMaxFeaturePathMtu = 65535;
inline constexpr uint32_t kMinFeatureCredit = 1024;
inline constexpr uint32_t kMaxFeatureCredit = 1 << 30;

// What a tunnel carries. Both sides must have been told the same.
enum class TunnelProtocol { kTcp, kUdp };

// "tcp" or "udp".
std::string_view TunnelProtocolName(TunnelProtocol protocol);
std::optional<TunnelProtocol> FindTunnelProtocol(std::string_view name);

// What one side announces.
struct MingFeatures {
  uint32_t version = kMingVersion;
  bool half_close = false;                    // half-close
  std::optional<uint32_t> max_message_bytes;  // msg: the largest message it accepts
  std::optional<uint32_t> path_mtu_bytes;     // path-mtu: the largest SCTP packet to probe
  std::optional<uint32_t> credit_bytes;       // credit: what it buffers for each channel at first
  std::optional<TunnelProtocol> protocol;     // protocol: what it was told to tunnel
  bool restart_requests = false;              // restart: a client that takes a host's wish for an
                                              // ICE restart; a host that may send one
  bool path_probes = false;                   // probe: it answers path probes
  // answers: of an answer only, the ICE user name fragment of the offer that it answers; never
  // empty. An offerer that has made another offer since can tell.
  std::optional<std::string> answers;

  friend bool operator==(const MingFeatures& a, const MingFeatures& b);
  friend bool operator!=(const MingFeatures& a, const MingFeatures& b) { return !(a == b); }
};

// Parses "1 half-close restart probe msg=262144 path-mtu=8192 credit=1048576 protocol=tcp". Never
// fails a session: a value that has no version in front (1 to 999) is nothing at all, that is, a
// foreign peer; unknown features, values that are no number or below their range are as if not
// named; of a feature that is named twice the first counts.
std::optional<MingFeatures> ParseMingFeatures(std::string_view value);

// The attribute's value, without "a=x-ming:". Values are written clamped to the ranges above.
std::string SerializeMingFeatures(const MingFeatures& features);

// What is in use on a connection: only what both sides named.
struct MingAgreement {
  bool half_close = false;
  std::optional<uint32_t> send_message_bytes;    // the largest message the peer accepts
  std::optional<uint32_t> path_mtu_bytes;        // the smaller of the two
  std::optional<uint32_t> send_credit_bytes;     // what we may send at first on each channel
  std::optional<uint32_t> receive_credit_bytes;  // what we granted; set when send_credit_bytes is
  bool restart_requests = false;
  bool path_probes = false;

  friend bool operator==(const MingAgreement& a, const MingAgreement& b);
  friend bool operator!=(const MingAgreement& a, const MingAgreement& b) { return !(a == b); }
};

MingAgreement Intersect(const MingFeatures& local, const MingFeatures& remote);

}  // namespace ming::codec

#endif  // MING_CODEC_MING_FEATURES_H_
