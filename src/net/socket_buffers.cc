#include "ming/net/socket_buffers.h"

#include <glog/logging.h>
#include <sys/socket.h>

namespace ming::net {
namespace {

int SizeBuffer(int fd, int forced_option, int option, int wanted) {
  if (setsockopt(fd, SOL_SOCKET, forced_option, &wanted, sizeof(wanted)) != 0 &&
      setsockopt(fd, SOL_SOCKET, option, &wanted, sizeof(wanted)) != 0) {
    PLOG(WARNING) << "buffer of a UDP socket";
  }
  int granted = 0;
  socklen_t length = sizeof(granted);
  if (getsockopt(fd, SOL_SOCKET, option, &granted, &length) != 0) return 0;
  return granted / 2;  // the kernel tells twice what was asked for
}

}  // namespace

SocketBuffers SizeSocketBuffers(int fd, const SocketBuffers& wanted) {
  const SocketBuffers granted{SizeBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, wanted.receive),
                              SizeBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, wanted.send)};
  VLOG(1) << "UDP socket buffers: receive " << granted.receive << " B, send " << granted.send
          << " B";
  return granted;
}

}  // namespace ming::net
