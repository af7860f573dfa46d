// EngineEvent: what the engine tells about an association beside data, as own types.
#ifndef MING_SCTP_ENGINE_EVENT_H_
#define MING_SCTP_ENGINE_EVENT_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/sctp/sctp_options.h"

namespace ming::sctp {

struct EngineUp {
  uint16_t outgoing_streams = 0;
  uint16_t incoming_streams = 0;
  bool interleaving = false;
  bool stream_reset = false;
};
enum class EngineEnd { kLost, kCouldNotStart, kShutDown, kRestarted };
struct EngineDown {
  EngineEnd how = EngineEnd::kLost;
  uint16_t cause = 0;  // an error cause of RFC 9260, section 3.3.10; 0: none
};
enum class EngineOutcome { kDone, kDenied, kFailed };
struct EngineStreamsReset {
  bool incoming = false;
  EngineOutcome outcome = EngineOutcome::kDone;
  std::vector<StreamId> ids;  // empty: all
};
struct EngineStreamsChanged {
  EngineOutcome outcome = EngineOutcome::kDone;
  uint16_t outgoing_streams = 0;
  uint16_t incoming_streams = 0;
};
struct EngineMessageAbandoned {};  // one of ours
struct EnginePartialDiscarded {    // one of the peer's, of which pieces were delivered
  StreamId stream;
};
struct EngineOther {};

using EngineEvent = std::variant<EngineUp, EngineDown, EngineStreamsReset, EngineStreamsChanged,
                                 EngineMessageAbandoned, EnginePartialDiscarded, EngineOther>;

// One whole notification as read from the engine; one that is cut short, or of a kind that was not
// asked for, is EngineOther.
EngineEvent ParseNotification(ByteSpan notification);

}  // namespace ming::sctp

#endif  // MING_SCTP_ENGINE_EVENT_H_
