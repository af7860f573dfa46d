// What the kernel lets through to a socket of ICE: junk is dropped there, before it costs a system
// call, and without an answer that an attacker could aim at somebody else.
#ifndef MING_ICE_SOCKET_FILTER_H_
#define MING_ICE_SOCKET_FILTER_H_

#include <string_view>

#include "ming/base/status.h"

namespace ming::ice {

// From here on the UDP socket `fd` takes only (RFC 7983): DTLS, TURN channel data, STUN; of the
// latter a Binding request only where its USERNAME stands among the first eight attributes and
// begins with `username_fragment`, ours, of 4 bytes at least, as every connectivity check of our
// peer does (RFC 8445, section 7.2.2). Whether it is right is still for the engine to find out.
Status FilterJunk(int fd, std::string_view username_fragment);

}  // namespace ming::ice

#endif  // MING_ICE_SOCKET_FILTER_H_
