#include "ming/net/udp_offload.h"

#include <netinet/udp.h>

#include <cstring>

namespace ming::net {

bool SetJoining(int fd, bool on) {
  const int value = on ? 1 : 0;
  return setsockopt(fd, SOL_UDP, UDP_GRO, &value, sizeof(value)) == 0;
}

size_t JoinedSegment(msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_UDP || header->cmsg_type != UDP_GRO) continue;
    int segment = 0;
    std::memcpy(&segment, CMSG_DATA(header), sizeof(segment));
    return segment > 0 ? static_cast<size_t>(segment) : 0;
  }
  return 0;
}

}  // namespace ming::net
