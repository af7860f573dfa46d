#include "ming/webrtc/peer_connection_options.h"

#include <algorithm>

#include "ming/base/option_problems.h"
#include "ming/webrtc/ice_path.h"

namespace ming::webrtc {
namespace {

constexpr size_t kMinMessageSize = 1024;
constexpr size_t kMaxMessageSize = size_t{16} * 1024 * 1024;
constexpr size_t kMaxChannels = 65535;

}  // namespace

Status Validate(const PeerConnectionOptions& options) {
  OptionProblems problems;
  problems.Include(Validate(IcePathOptions{options.ice, options.turn_trust}));
  problems.Include(Validate(options.liveness));
  sctp::SctpOptions sctp = options.sctp;
  sctp.max_message_size = options.max_message_size;
  sctp.max_reassembly_bytes = std::max(sctp.max_reassembly_bytes, options.max_message_size);
  problems.Include(sctp::Validate(sctp));
  problems.Require(
      options.max_message_size >= kMinMessageSize && options.max_message_size <= kMaxMessageSize,
      "largest message: 1KiB to 16MiB");
  problems.Require(
      options.channels.max_channels >= 1 && options.channels.max_channels <= kMaxChannels,
      "channels of a connection: 1 to 65535");
  return problems.ToStatus();
}

}  // namespace ming::webrtc
