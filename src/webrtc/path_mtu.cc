#include "ming/webrtc/path_mtu.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "ming/net/unique_fd.h"

namespace ming::webrtc {
namespace {

constexpr int kLoopbackMtu = 65536;

}  // namespace

bool StaysOnThisMachine(const net::SocketAddress& remote) {
  // Connecting a UDP socket sends nothing; it makes the kernel look up the route.
  const net::UniqueFd probe(socket(remote.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  const socklen_t size = remote.ToKernel(address);
  if (!probe.valid() ||
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return false;
  }
  int mtu = 0;
  socklen_t mtu_size = sizeof(mtu);
  const bool v4 = remote.family() == AF_INET;
  return getsockopt(probe.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu,
                    &mtu_size) == 0 &&
         mtu >= kLoopbackMtu;
}

}  // namespace ming::webrtc
