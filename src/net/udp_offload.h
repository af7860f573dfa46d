// Datagrams that the kernel joined on their way in (UDP_GRO): many in one buffer, of equal size.
#ifndef MING_NET_UDP_OFFLOAD_H_
#define MING_NET_UDP_OFFLOAD_H_

#include <sys/socket.h>

#include <cstddef>

namespace ming::net {

// Room for the control message of one read.
inline constexpr size_t kJoinedControlBytes = CMSG_SPACE(sizeof(int));

// Whether the socket does so from now on; false where the kernel cannot (Linux before 5.0).
bool SetJoining(int fd, bool on);
// The size of each datagram in what was read into `message`, but for the last, which may be
// shorter; 0: it is a single one.
size_t JoinedSegment(msghdr& message);

}  // namespace ming::net

#endif  // MING_NET_UDP_OFFLOAD_H_
