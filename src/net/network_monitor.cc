#include "ming/net/network_monitor.h"

#include <glog/logging.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace ming::net {
namespace {

constexpr uint32_t kGroups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
// Enough for the news of a few hundred links that come at once.
constexpr int kReceiveBufferBytes = 512 * 1024;

UniqueFd OpenNetlink() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd.valid()) return fd;
  // Best effort: a smaller one only means to ask everything anew more often.
  static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes,
                                 sizeof(kReceiveBufferBytes)));
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = kGroups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0) fd.Close();
  return fd;
}

std::optional<uint32_t> PortIdOf(int fd) {
  sockaddr_nl local{};
  socklen_t size = sizeof(local);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) return std::nullopt;
  return local.nl_pid;
}

}  // namespace

NetworkWatch::NetworkWatch(NetworkMonitor& monitor, Callback on_change)
    : monitor_(monitor), on_change_(std::move(on_change)) {
  monitor_.watches_.push_back(this);
}

NetworkWatch::~NetworkWatch() {
  auto& watches = monitor_.watches_;
  watches.erase(std::find(watches.begin(), watches.end(), this));
}

NetworkMonitor::NetworkMonitor(Reactor& reactor, const NetworkViewOptions& options)
    : reactor_(reactor), fd_(OpenNetlink()) {
  const std::optional<uint32_t> port_id = fd_.valid() ? PortIdOf(fd_.get()) : std::nullopt;
  if (!port_id) {
    GiveUp("socket");
    return;
  }
  core_ = std::make_unique<NetworkViewCore>(options, *port_id);
  alarm_ = reactor.CreateAlarm([this] {
    core_->HandleTimeout(reactor_.Now());
    Pump();
  });
  fd_watch_ = std::make_unique<FdWatch>(
      reactor, fd_.get(), [this](uint32_t) { OnReadable(); }, WatchKind::kBackground);
  fd_watch_->SetEvents(EPOLLIN);
  core_->Start(reactor.Now());
  Pump();
}

NetworkMonitor::~NetworkMonitor() { CHECK(watches_.empty()) << "a NetworkWatch outlives it"; }

void NetworkMonitor::GiveUp(const char* what) {
  PLOG(WARNING) << "changes of the network cannot be watched: rtnetlink: " << what;
  core_.reset();
  alarm_.reset();
  fd_watch_.reset();
  fd_.Close();
}

void NetworkMonitor::OnReadable() {
  const MutableByteSpan scratch = reactor_.datagram_scratch();
  for (size_t i = 0; i < kDatagramsPerTurn; ++i) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof(from);
    const ssize_t size = ::recvfrom(fd_.get(), scratch.data(), scratch.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == ENOBUFS) {
      core_->HandleOverflow(reactor_.Now());
    } else if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) return GiveUp("recvfrom");
      break;
    } else if (from.nl_pid == 0) {  // of the kernel; other processes may write as well
      core_->HandleDatagram(reactor_.Now(), ByteSpan(scratch.data(), static_cast<size_t>(size)));
    }
  }
  Pump();
}

void NetworkMonitor::Pump() {
  while (core_ != nullptr) {
    const std::optional<NetworkViewEvent> event = core_->PollEvent();
    if (!event) break;
    if (const auto* change = std::get_if<NetworkChange>(&*event)) {
      Report(*change);
      continue;
    }
    const ByteSpan request = std::get<SendNetlink>(*event).request;
    if (::send(fd_.get(), request.data(), request.size(), 0) < 0) return GiveUp("send");
  }
  if (alarm_ != nullptr) alarm_->ArmAt(core_->NextTimeout());
}

void NetworkMonitor::Report(const NetworkChange& change) {
  LOG(INFO) << "network changed: " << change.ToString();
  const std::vector<NetworkWatch*> watches = watches_;
  for (NetworkWatch* watch : watches) {
    // One callback may end another's watch.
    if (std::find(watches_.begin(), watches_.end(), watch) == watches_.end()) continue;
    const NetworkWatch::Callback on_change = watch->on_change_;
    on_change(change);
  }
}

}  // namespace ming::net
