// {"type":"restart-request","payload":null,"target_id":"<client>","sender_id":"<host>"}: a host
// asks a client for an ICE restart, which by the protocol only the client may offer. Sent to
// clients that announced to take it (a=x-ming "restart"); anybody else would ignore the unknown
// type. Pure.
#ifndef MING_SIGNALING_RESTART_REQUEST_H_
#define MING_SIGNALING_RESTART_REQUEST_H_

#include <string>

#include "ming/codec/signaling_message.h"

namespace ming::signaling {

codec::SignalingMessage MakeRestartRequest(const std::string& client_id);

bool IsRestartRequest(const codec::SignalingMessage& message);

}  // namespace ming::signaling

#endif  // MING_SIGNALING_RESTART_REQUEST_H_
