#include "ming/sctp/engine_event.h"

#include <usrsctp.h>

#include <algorithm>
#include <cstring>

namespace ming::sctp {
namespace {

// Reads the fixed part of a notification; false where it is shorter.
template <typename T>
bool ReadFixedPart(ByteSpan notification, T& fixed) {
  if (notification.size() < sizeof(T)) return false;
  std::memcpy(&fixed, notification.data(), sizeof(T));
  return true;
}

EngineEvent ParseAssociationChange(ByteSpan notification) {
  sctp_assoc_change change{};
  if (!ReadFixedPart(notification, change)) return EngineOther{};
  switch (change.sac_state) {
    case SCTP_COMM_UP: {
      const ByteSpan features = notification.Skip(sizeof(sctp_assoc_change));
      const auto supports = [&](uint8_t feature) {
        return std::find(features.begin(), features.end(), feature) != features.end();
      };
      return EngineUp{change.sac_outbound_streams, change.sac_inbound_streams,
                      supports(SCTP_ASSOC_SUPPORTS_INTERLEAVING),
                      supports(SCTP_ASSOC_SUPPORTS_RE_CONFIG)};
    }
    case SCTP_COMM_LOST:
      return EngineDown{EngineEnd::kLost, change.sac_error};
    case SCTP_CANT_STR_ASSOC:
      return EngineDown{EngineEnd::kCouldNotStart, change.sac_error};
    case SCTP_SHUTDOWN_COMP:
      return EngineDown{EngineEnd::kShutDown, change.sac_error};
    case SCTP_RESTART:
      return EngineDown{EngineEnd::kRestarted, change.sac_error};
    default:
      return EngineOther{};
  }
}

EngineOutcome Outcome(uint16_t flags, uint16_t denied, uint16_t failed) {
  if ((flags & denied) != 0) return EngineOutcome::kDenied;
  return (flags & failed) != 0 ? EngineOutcome::kFailed : EngineOutcome::kDone;
}

EngineEvent ParseStreamReset(ByteSpan notification) {
  sctp_stream_reset_event reset{};
  if (!ReadFixedPart(notification, reset)) return EngineOther{};
  EngineStreamsReset event;
  event.incoming = (reset.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0;
  event.outcome = Outcome(reset.strreset_flags, SCTP_STREAM_RESET_DENIED, SCTP_STREAM_RESET_FAILED);
  const ByteSpan list = notification.Skip(sizeof(sctp_stream_reset_event));
  event.ids.reserve(list.size() / sizeof(uint16_t));
  for (size_t at = 0; at + sizeof(uint16_t) <= list.size(); at += sizeof(uint16_t)) {
    uint16_t id = 0;
    std::memcpy(&id, list.data() + at, sizeof(id));
    event.ids.emplace_back(id);
  }
  return event;
}

EngineEvent ParseStreamChange(ByteSpan notification) {
  sctp_stream_change_event change{};
  if (!ReadFixedPart(notification, change)) return EngineOther{};
  return EngineStreamsChanged{
      Outcome(change.strchange_flags, SCTP_STREAM_CHANGE_DENIED, SCTP_STREAM_CHANGE_FAILED),
      change.strchange_outstrms, change.strchange_instrms};
}

EngineEvent ParsePartialDelivery(ByteSpan notification) {
  sctp_pdapi_event partial{};
  if (!ReadFixedPart(notification, partial) ||
      partial.pdapi_indication != SCTP_PARTIAL_DELIVERY_ABORTED)
    return EngineOther{};
  return EnginePartialDiscarded{StreamId(static_cast<uint16_t>(partial.pdapi_stream))};
}

}  // namespace

EngineEvent ParseNotification(ByteSpan notification) {
  sctp_notification::sctp_tlv header{};
  if (!ReadFixedPart(notification, header)) return EngineOther{};
  switch (header.sn_type) {
    case SCTP_ASSOC_CHANGE:
      return ParseAssociationChange(notification);
    case SCTP_STREAM_RESET_EVENT:
      return ParseStreamReset(notification);
    case SCTP_STREAM_CHANGE_EVENT:
      return ParseStreamChange(notification);
    case SCTP_PARTIAL_DELIVERY_EVENT:
      return ParsePartialDelivery(notification);
    case SCTP_SEND_FAILED_EVENT:
      return EngineMessageAbandoned{};
    default:
      return EngineOther{};
  }
}

}  // namespace ming::sctp
