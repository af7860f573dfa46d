#include "reactor_fixture.h"

#include <glog/logging.h>
#include <sys/socket.h>

#include <utility>

namespace ming::net {
namespace {

UniqueFd BoundSocketOf(int type, const std::string& host) {
  const auto address = SocketAddress::ParseHost(host, Port(0));
  CHECK(address) << host;
  UniqueFd fd(::socket(address->family(), type | SOCK_CLOEXEC, 0));
  PCHECK(fd.valid());
  sockaddr_storage storage{};
  const socklen_t size = address->ToKernel(storage);
  PCHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
  return fd;
}

}  // namespace

ReactorFixture::ReactorFixture() = default;

ReactorFixture::~ReactorFixture() {
  EXPECT_EQ(reactor_.watch_count(), 0u);
  EXPECT_EQ(reactor_.alarm_count(), 0u);
}

uint64_t ReactorFixture::TurnsWithin(Duration duration) {
  const uint64_t before = reactor_.turn();
  EXPECT_FALSE(reactor_.RunUntil([] { return false; }, duration));
  return reactor_.turn() - before;
}

FdPair ConnectedTcpPair() {
  const RawListener listener = ListenRaw("127.0.0.1", 1);
  UniqueFd first = ConnectRaw(listener.address);
  UniqueFd second(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  PCHECK(second.valid());
  return {std::move(first), std::move(second)};
}

RawListener ListenRaw(const std::string& host, int backlog) {
  UniqueFd fd = BoundSocketOf(SOCK_STREAM, host);
  PCHECK(::listen(fd.get(), backlog) == 0);
  const SocketAddress address = LocalAddressOf(fd.get());
  return {std::move(fd), address};
}

UniqueFd ConnectRaw(const SocketAddress& address) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  PCHECK(fd.valid());
  sockaddr_storage storage{};
  const socklen_t size = address.ToKernel(storage);
  PCHECK(::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0) << address;
  return fd;
}

UniqueFd BindUdpRaw(const std::string& host) {
  return BoundSocketOf(SOCK_DGRAM | SOCK_NONBLOCK, host);
}

bool HasLoopback6() {
  UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t size = SocketAddress::ParseHost("::1", Port(0))->ToKernel(storage);
  return fd.valid() && ::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0;
}

}  // namespace ming::net
