// The first message of a client of ours. The protocol lets a client speak first with an offer only;
// but one that comes back while its tunnel stands has nothing to offer, and would be unknown to the
// server. A server that does not know the type answers or ignores it, and knows the sender. Pure.
#ifndef MING_SIGNALING_INTRODUCTION_H_
#define MING_SIGNALING_INTRODUCTION_H_

#include <string>

#include "ming/codec/signaling_message.h"

namespace ming::signaling {

// {"type":"register-client","payload":null,"sender_id":"<id>"}.
codec::SignalingMessage MakeClientIntroduction(const std::string& client_id);

bool IsClientIntroduction(const codec::SignalingMessage& message);

}  // namespace ming::signaling

#endif  // MING_SIGNALING_INTRODUCTION_H_
