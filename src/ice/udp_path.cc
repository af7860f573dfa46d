#include "ming/ice/udp_path.h"

#include <glog/logging.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/codec/packet_demux.h"
#include "ming/net/udp_offload.h"

namespace ming::ice {
namespace {

// How long the kernel may not join datagrams after it hid a STUN message between them. The engine's
// own are sent again within half a second, and those of others come every few seconds and are
// missed after several: with at most one of them lost in a minute no peer loses consent.
constexpr Duration kPauseAfterSwallow = std::chrono::minutes(1);

// The control messages of one send.
class SendControl {
 public:
  template <typename Value>
  void Add(int level, int type, Value value) {
    auto* header = reinterpret_cast<cmsghdr*>(bytes_.data() + used_);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof(value));
    std::memcpy(CMSG_DATA(header), &value, sizeof(value));
    used_ += CMSG_SPACE(sizeof(value));
  }
  void Attach(msghdr& message) {
    if (used_ == 0) return;
    message.msg_control = bytes_.data();
    message.msg_controllen = used_;
  }

 private:
  alignas(
      cmsghdr) std::array<char, CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(int))> bytes_{};
  size_t used_ = 0;
};

}  // namespace

UdpPath::UdpPath(net::Reactor& reactor, net::UniqueFd fd, const net::SocketAddress& remote,
                 UdpOffload offload, Observer& observer)
    : reactor_(reactor),
      fd_(std::move(fd)),
      remote_(remote),
      remote_size_(remote.ToKernel(remote_kernel_)),
      observer_(observer),
      watch_(
          reactor, fd_.get(), [this](uint32_t events) { OnEvents(events); },
          net::WatchKind::kBackground),
      segmentation_(offload == UdpOffload::kOn),
      coalesce_at_(offload == UdpOffload::kOn ? Timestamp() : Timestamp::Max()) {
  if (offload == UdpOffload::kOn) {
    ChooseHopLimit();
    SetCoalescing(true);
  }
  UpdateInterest();
}

UdpPath::~UdpPath() {
  ForbidFragments(false);
  SetCoalescing(false);
}

// Datagrams that differ in their hop limit are not joined by any receiver on the way up (GRO
// compares the headers), so what is sent here never stands in one buffer with a STUN message of the
// engine, which keeps the limit of the socket.
void UdpPath::ChooseHopLimit() {
  const bool v4 = remote_.family() == AF_INET;
  int limit = 0;
  socklen_t size = sizeof(limit);
  if (getsockopt(fd_.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &limit,
                 &size) == 0 &&
      limit > 2) {
    hop_limit_ = limit - 1;
  }
}

void UdpPath::SetCoalescing(bool on) {
  if (coalescing_ == on) return;
  if (net::SetJoining(fd_.get(), on)) {
    coalescing_ = on;
  } else if (on) {
    coalesce_at_ = Timestamp::Max();
  }
}

void UdpPath::UpdateInterest() {
  watch_.SetEvents(uint32_t{EPOLLIN} | (want_write_ ? uint32_t{EPOLLOUT} : 0));
}

void UdpPath::OnEvents(uint32_t events) {
  if ((events & EPOLLOUT) != 0 && std::exchange(want_write_, false)) {
    UpdateInterest();
    observer_.OnPathWritable();
  }
  if ((events & (EPOLLIN | EPOLLERR)) != 0) ReadTurn();
}

void UdpPath::ReadTurn() {
  if (!coalescing_ && reactor_.Now() >= coalesce_at_) SetCoalescing(true);
  size_t datagrams = 0;
  size_t bytes = 0;
  while (datagrams < net::kDatagramsPerTurn && bytes < net::kDatagramBytesPerTurn) {
    const Front front = LookAtFront();
    if (front == Front::kNothing) break;
    if (front == Front::kEngine) {
      if (!observer_.OnEngineDatagramWaits()) DropFront();
      break;
    }
    const Arrived arrived = Read();
    if (arrived.bytes.empty()) break;
    bytes += arrived.bytes.size();
    datagrams += Deliver(arrived);
  }
  if (datagrams > 0) observer_.OnPathDatagramsDone();
}

// An error of an earlier datagram that stands in front is taken by the call, and counts as nothing.
UdpPath::Front UdpPath::LookAtFront() {
  uint8_t first = 0;
  sockaddr_storage from{};
  socklen_t from_size = sizeof(from);
  const ssize_t size = recvfrom(fd_.get(), &first, sizeof(first), MSG_DONTWAIT | MSG_PEEK,
                                reinterpret_cast<sockaddr*>(&from), &from_size);
  if (size < 0) return Front::kNothing;
  const bool dtls = size > 0 && codec::ClassifyPacket({&first, 1}) == codec::PacketKind::kDtls;
  return dtls && net::SocketAddress::FromKernel(from) == remote_ ? Front::kPeer : Front::kEngine;
}

UdpPath::Arrived UdpPath::Read() {
  const MutableByteSpan room = reactor_.datagram_scratch();
  iovec io{room.data(), room.size()};
  alignas(cmsghdr) std::array<char, net::kJoinedControlBytes> control{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd_.get(), &message, MSG_DONTWAIT);
  if (size <= 0) return {};
  const auto count = static_cast<size_t>(size);
  const size_t segment = net::JoinedSegment(message);
  return {{room.data(), count}, segment == 0 ? count : segment};
}

size_t UdpPath::Deliver(const Arrived& arrived) {
  size_t count = 0;
  for (ByteSpan rest = arrived.bytes; !rest.empty(); rest = rest.Skip(arrived.segment)) {
    const ByteSpan datagram = rest.First(arrived.segment);
    ++count;
    if (codec::ClassifyPacket(datagram) == codec::PacketKind::kDtls) {
      observer_.OnPathDatagram(datagram);
    } else if (codec::ClassifyPacket(datagram) == codec::PacketKind::kStun) {
      // The engine cannot be given it, and waits for another one.
      ++swallowed_;
      SetCoalescing(false);
      coalesce_at_ = reactor_.Now() + kPauseAfterSwallow;
    }
  }
  return count;
}

void UdpPath::DropFront() {
  uint8_t byte = 0;
  static_cast<void>(recv(fd_.get(), &byte, sizeof(byte), MSG_DONTWAIT));
}

UdpPath::Outcome UdpPath::Send(net::DatagramBatch& batch) {
  while (!batch.empty()) {
    const net::DatagramBatch::Run run = segmentation_ ? batch.Front() : batch.FrontAlone();
    const int error = SendRun(run);
    if (error == EAGAIN || error == ENOBUFS) {
      want_write_ = true;
      UpdateInterest();
      return Outcome::kWouldBlock;
    }
    if (error == 0) {
      batch.Pop(run);
    } else {
      HandleRefusal(batch, run, error);
    }
  }
  return Outcome::kAllSent;
}

// `run` is the front of `batch`.
void UdpPath::HandleRefusal(net::DatagramBatch& batch, const net::DatagramBatch::Run& run,
                            int error) {
  const net::DatagramBatch::Run alone = batch.FrontAlone();
  if (run.count > 1) error = SendRun(alone);
  const bool too_large = error == EMSGSIZE;
  if (too_large) {
    ++too_large_;
    ForbidFragments(false);
    error = SendNow(alone);
  }
  if (error == 0) {
    // No offload here, or a segment above the MTU of the device: one by one the kernel can
    // fragment.
    if (!too_large) segmentation_ = false;
    batch.Pop(alone);
  } else if (error == EMSGSIZE) {
    // What stands behind it may fit.
    ++dropped_;
    batch.Pop(alone);
  } else if (error != EAGAIN && error != ENOBUFS) {
    // No route, or an address that is gone: the path may come back, or another one be found.
    dropped_ += run.count;
    batch.Pop(run);
  }
}

// Without fragments the kernel does not look at what routers say about the path, for which anybody
// can pretend to be one (RFC 8899, section 4.6).
void UdpPath::ForbidFragments(bool forbid) {
  if (fragments_forbidden_ == forbid) return;
  fragments_forbidden_ = forbid;
  const bool v4 = remote_.family() == AF_INET;
  const int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  const int name = v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
  if (forbid) {
    socklen_t size = sizeof(fragments_before_);
    static_cast<void>(getsockopt(fd_.get(), level, name, &fragments_before_, &size));
  }
  static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  const int probe = IP_PMTUDISC_PROBE;
  const int* const value = forbid ? &probe : &fragments_before_;
  const int set = setsockopt(fd_.get(), level, name, value, sizeof(*value));
  PLOG_IF(WARNING, set != 0) << "path MTU discovery of a UDP socket";
}

int UdpPath::SendRun(const net::DatagramBatch::Run& run) {
  ForbidFragments(run.segment > kEveryPath);
  return SendNow(run);
}

int UdpPath::SendNow(const net::DatagramBatch::Run& run) {
  iovec io{};
  io.iov_base = const_cast<uint8_t*>(run.bytes.data());  // the kernel only reads
  io.iov_len = run.bytes.size();
  msghdr message{};
  message.msg_name = &remote_kernel_;
  message.msg_namelen = remote_size_;
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  SendControl control;
  if (run.count > 1) control.Add(SOL_UDP, UDP_SEGMENT, base::CheckedCast<uint16_t>(run.segment));
  if (hop_limit_ != 0) {
    const bool v4 = remote_.family() == AF_INET;
    control.Add(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_HOPLIMIT, hop_limit_);
  }
  control.Attach(message);
  while (true) {
    if (sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace ming::ice
