#include "ming/ice/udp_path.h"

#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ming/base/checked_cast.h"

namespace ming::ice {
namespace {

// The control message that cuts one send into datagrams of `segment` bytes.
struct SegmentControl {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(uint16_t))> bytes{};

  void Attach(msghdr& message, size_t segment) {
    message.msg_control = bytes.data();
    message.msg_controllen = bytes.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const auto size = base::CheckedCast<uint16_t>(segment);
    std::memcpy(CMSG_DATA(header), &size, sizeof(size));
  }
};

}  // namespace

UdpPath::UdpPath(net::Reactor& reactor, net::UniqueFd fd, const net::SocketAddress& remote,
                 std::function<void()> on_writable)
    : fd_(std::move(fd)),
      remote_size_(remote.ToKernel(remote_)),
      writable_(
          reactor, fd_.get(),
          [this, on_writable = std::move(on_writable)](uint32_t /*events*/) {
            writable_.SetEvents(0);
            on_writable();
          },
          net::WatchKind::kBackground) {}

UdpPath::Outcome UdpPath::Send(DatagramBatch& batch) {
  while (!batch.empty()) {
    const DatagramBatch::Run run = segmentation_ ? batch.Front() : batch.FrontAlone();
    const int error = SendRun(run);
    if (error == EAGAIN || error == ENOBUFS) {
      writable_.SetEvents(EPOLLOUT);
      return Outcome::kWouldBlock;
    }
    if (error != 0 && run.count > 1 && SendRun(batch.FrontAlone()) == 0) {
      // No offload here, or a segment above the MTU of the device: one by one the kernel can
      // fragment.
      segmentation_ = false;
      batch.Pop(batch.FrontAlone());
      continue;
    }
    // No route, or an address that is gone: the path may come back, or another one be found.
    if (error != 0) dropped_ += run.count;
    batch.Pop(run);
  }
  return Outcome::kAllSent;
}

int UdpPath::SendRun(const DatagramBatch::Run& run) {
  iovec io{};
  io.iov_base = const_cast<uint8_t*>(run.bytes.data());  // the kernel only reads
  io.iov_len = run.bytes.size();
  msghdr message{};
  message.msg_name = &remote_;
  message.msg_namelen = remote_size_;
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  SegmentControl control;
  if (run.count > 1) control.Attach(message, run.segment);
  while (true) {
    if (sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace ming::ice
