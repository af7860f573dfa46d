#include "ming/ice/ice_types.h"

namespace ming::ice {

std::string_view IceStateName(IceState state) {
  switch (state) {
    case IceState::kNew:
      return "new";
    case IceState::kChecking:
      return "checking";
    case IceState::kConnected:
      return "connected";
    case IceState::kCompleted:
      return "completed";
    case IceState::kFailed:
      return "failed";
  }
  return "";
}

IceStats& IceStats::operator+=(const IceStats& more) {
  datagrams_sent += more.datagrams_sent;
  datagrams_received += more.datagrams_received;
  bytes_sent += more.bytes_sent;
  bytes_received += more.bytes_received;
  datagrams_dropped += more.datagrams_dropped;
  datagrams_too_large += more.datagrams_too_large;
  candidates_refused += more.candidates_refused;
  return *this;
}

bool SelectedPair::relayed() const {
  return local_type == codec::CandidateType::kRelay || remote_type == codec::CandidateType::kRelay;
}

std::string_view SelectedPair::Describe() const {
  if (!relayed()) return "direct udp";
  switch (relay_transport.value_or(codec::IceServerTransport::kUdp)) {
    case codec::IceServerTransport::kUdp:
      return "relayed udp";
    case codec::IceServerTransport::kTcp:
      return "relayed tcp";
    case codec::IceServerTransport::kTls:
      return "relayed tls";
  }
  return "";
}

}  // namespace ming::ice
