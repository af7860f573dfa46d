// UdpPath: sends batches from one of libnice's UDP sockets to the selected remote address, many
// datagrams a system call where the kernel can.
#ifndef MING_ICE_UDP_PATH_H_
#define MING_ICE_UDP_PATH_H_

#include <cstdint>
#include <functional>

#include "ming/base/status.h"
#include "ming/ice/datagram_batch.h"
#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/unique_fd.h"

namespace ming::ice {

class UdpPath {
 public:
  enum class Outcome { kAllSent, kWouldBlock };

  // `fd`: a duplicate of the engine's descriptor, so that it cannot be closed and used again behind
  // our back. `on_writable` runs from the loop after kWouldBlock.
  UdpPath(net::Reactor& reactor, net::UniqueFd fd, const net::SocketAddress& remote,
          std::function<void()> on_writable);
  UdpPath(const UdpPath&) = delete;
  UdpPath& operator=(const UdpPath&) = delete;

  // Sends from the front of `batch`; what would block stays in it. A datagram the kernel refuses is
  // dropped and counted.
  Outcome Send(DatagramBatch& batch);

  uint64_t dropped() const { return dropped_; }

 private:
  // 0 or the errno.
  int SendRun(const DatagramBatch::Run& run);

  net::UniqueFd fd_;
  sockaddr_storage remote_{};
  socklen_t remote_size_;
  net::FdWatch writable_;
  bool segmentation_ = true;  // until the kernel or the device refuses it
  uint64_t dropped_ = 0;
};

}  // namespace ming::ice

#endif  // MING_ICE_UDP_PATH_H_
