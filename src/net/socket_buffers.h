// The buffers of UDP sockets: asked for, and told what there is.
#ifndef MING_NET_SOCKET_BUFFERS_H_
#define MING_NET_SOCKET_BUFFERS_H_

namespace ming::net {

// Bytes of packets and of what the kernel adds to each.
struct SocketBuffers {
  int receive = 0;
  int send = 0;
};

// Asks for so much, and gives what the kernel granted, which it logs (-v 1): more than
// net.core.rmem_max and wmem_max only to a process with CAP_NET_ADMIN.
SocketBuffers SizeSocketBuffers(int fd, const SocketBuffers& wanted);

}  // namespace ming::net

#endif  // MING_NET_SOCKET_BUFFERS_H_
