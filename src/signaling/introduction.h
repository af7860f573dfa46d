// The first message of a connection to the signaling server, as ours make it. Pure.
//
// A client introduces itself: the protocol lets a client speak first with an offer only;
// but one that comes back while its tunnel stands has nothing to offer, and would be unknown to the
// server. A server that does not know the type answers or ignores it, and knows the sender.
//
// The payload of either first message, which the protocol leaves null, may hold a secret that the
// process drew at its start: {"resume":"<secret>"}. Whoever shows the secret of the connection that
// holds an ID is the same process, come back: the ID moves over at once, where otherwise the server
// would first wait in vain for the old connection's answer.
#ifndef MING_SIGNALING_INTRODUCTION_H_
#define MING_SIGNALING_INTRODUCTION_H_

#include <string>

#include "ming/base/secret.h"
#include "ming/codec/signaling_message.h"

namespace ming::signaling {

// {"type":"register-client","payload":{"resume":"..."},"sender_id":"<id>"}.
codec::SignalingMessage MakeClientIntroduction(const std::string& client_id,
                                               const Secret& resume_secret);
// The same with "register-host".
codec::SignalingMessage MakeHostRegistration(const std::string& host_id,
                                             const Secret& resume_secret);

bool IsClientIntroduction(const codec::SignalingMessage& message);
// Empty where the first message shows none: any other payload is none of ours.
Secret ResumeSecretOf(const codec::SignalingMessage& message);

}  // namespace ming::signaling

#endif  // MING_SIGNALING_INTRODUCTION_H_
