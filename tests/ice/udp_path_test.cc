#include "ming/ice/udp_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"

namespace ming::ice {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr size_t kSegment = 100;
constexpr char kDtls = 23;
constexpr char kStun = 1;

std::string Datagram(char first, size_t size) {
  std::string text(size, 'x');
  text[0] = first;
  return text;
}

// A socket of loopback, as the peer's and as the engine's.
struct Socket {
  explicit Socket(int family = AF_INET) : fd(socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    const IpAddress ip = *IpAddress::Parse(family == AF_INET ? "127.0.0.1" : "::1");
    sockaddr_storage at{};
    const socklen_t size = net::SocketAddress(ip).ToKernel(at);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
  }

  net::SocketAddress address() const { return net::LocalAddressOf(fd.get()); }
  net::UniqueFd Duplicate() const { return net::UniqueFd(dup(fd.get())); }

  // `segment` > 0: leaves as datagrams of that size, the last one shorter.
  void SendTo(const Socket& to, const std::string& bytes, size_t segment = 0) const {
    const int size = static_cast<int>(segment);
    ASSERT_EQ(setsockopt(fd.get(), SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
    sockaddr_storage at{};
    const socklen_t at_size = to.address().ToKernel(at);
    ASSERT_EQ(
        sendto(fd.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&at), at_size),
        static_cast<ssize_t>(bytes.size()));
  }

  // What one call reads; empty: nothing.
  std::string Receive() const {
    std::string bytes(65536, '\0');
    const ssize_t size = recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return bytes;
  }

  int Option(int level, int name) const {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(getsockopt(fd.get(), level, name, &value, &size), 0);
    return value;
  }

  net::UniqueFd fd;
};

class UdpPathTest : public ::testing::Test, public UdpPath::Observer {
 protected:
  void Use(UdpOffload offload, const Socket& ours, const Socket& peer) {
    engine_ = &ours;
    path_.emplace(reactor_, ours.Duplicate(), peer.address(), offload, *this);
  }
  bool RunUntil(const std::function<bool()>& done) {
    return reactor_.RunUntil(done, std::chrono::seconds(5));
  }
  bool RunUntilReceived(size_t count) {
    return RunUntil([this, count] { return received_.size() >= count; });
  }

  void OnPathWritable() override {}
  void OnPathDatagram(ByteSpan datagram) override { received_.emplace_back(datagram.AsText()); }
  void OnPathDatagramsDone() override { ++done_; }
  bool OnEngineDatagramWaits() override {
    if (engine_is_gone_) return false;
    for_engine_.push_back(engine_->Receive());
    return true;
  }

  net::Reactor reactor_;
  const Socket* engine_ = nullptr;
  bool engine_is_gone_ = false;
  std::vector<std::string> received_;
  std::vector<std::string> for_engine_;
  int done_ = 0;
  Socket ours_;
  Socket peer_;
  std::optional<UdpPath> path_;
};

TEST_F(UdpPathTest, TakesJoinedDatagramsApart) {
  Use(UdpOffload::kOn, ours_, peer_);
  const std::string full = Datagram(kDtls, kSegment);
  peer_.SendTo(ours_, full + full + full + Datagram(kDtls, 7), kSegment);
  ASSERT_TRUE(RunUntilReceived(4));
  EXPECT_THAT(received_, ElementsAre(full, full, full, Datagram(kDtls, 7)));
  EXPECT_EQ(done_, 1);
}

TEST_F(UdpPathTest, WithoutOffloadReadsOneByOne) {
  Use(UdpOffload::kOff, ours_, peer_);
  EXPECT_EQ(ours_.Option(SOL_UDP, UDP_GRO), 0);
  const std::string full = Datagram(kDtls, kSegment);
  peer_.SendTo(ours_, full + full + full, kSegment);
  ASSERT_TRUE(RunUntilReceived(3));
  EXPECT_THAT(received_, ElementsAre(full, full, full));
}

TEST_F(UdpPathTest, LeavesOtherKindsToTheEngine) {
  Use(UdpOffload::kOn, ours_, peer_);
  const std::string turn = Datagram(64, 20);
  peer_.SendTo(ours_, Datagram(kStun, 28));
  peer_.SendTo(ours_, Datagram(kDtls, 50));
  peer_.SendTo(ours_, turn);
  ASSERT_TRUE(RunUntil([this] { return for_engine_.size() == 2; }));
  EXPECT_THAT(for_engine_, ElementsAre(Datagram(kStun, 28), turn));
  EXPECT_THAT(received_, ElementsAre(Datagram(kDtls, 50)));
}

TEST_F(UdpPathTest, LeavesOtherSourcesToTheEngine) {
  Use(UdpOffload::kOn, ours_, peer_);
  const Socket stranger;
  stranger.SendTo(ours_, Datagram(kDtls, 50));
  ASSERT_TRUE(RunUntil([this] { return !for_engine_.empty(); }));
  EXPECT_THAT(received_, SizeIs(0));
}

TEST_F(UdpPathTest, DropsWhatTheEngineWillNotTake) {
  Use(UdpOffload::kOn, ours_, peer_);
  engine_is_gone_ = true;
  peer_.SendTo(ours_, Datagram(kStun, 28));
  peer_.SendTo(ours_, Datagram(kDtls, 50));
  ASSERT_TRUE(RunUntilReceived(1));
}

// The engine waits for the next one, which must not meet the same fate.
TEST_F(UdpPathTest, StunBehindOthersEndsJoining) {
  Use(UdpOffload::kOn, ours_, peer_);
  const std::string full = Datagram(kDtls, kSegment);
  peer_.SendTo(ours_, full + full + Datagram(kStun, 28), kSegment);
  ASSERT_TRUE(RunUntilReceived(2));
  EXPECT_EQ(path_->swallowed(), 1u);
  EXPECT_THAT(for_engine_, SizeIs(0));

  peer_.SendTo(ours_, full + full + Datagram(kStun, 28), kSegment);
  ASSERT_TRUE(RunUntil([this] { return !for_engine_.empty(); }));
  EXPECT_THAT(for_engine_, ElementsAre(Datagram(kStun, 28)));
  EXPECT_THAT(received_, SizeIs(4));
  EXPECT_EQ(path_->swallowed(), 1u);
}

TEST_F(UdpPathTest, EngineReadsAloneWhenThePathIsGone) {
  Use(UdpOffload::kOn, ours_, peer_);
  EXPECT_EQ(ours_.Option(SOL_UDP, UDP_GRO), 1);
  path_.reset();
  EXPECT_EQ(ours_.Option(SOL_UDP, UDP_GRO), 0);
}

net::DatagramBatch BatchOf(size_t count, size_t last) {
  net::DatagramBatch batch;
  for (size_t i = 0; i < count; ++i) batch.Append(ByteSpan(Datagram(kDtls, kSegment)));
  batch.Append(ByteSpan(Datagram(kDtls, last)));
  return batch;
}

void JoinAt(const Socket& socket) {
  const int on = 1;
  ASSERT_EQ(setsockopt(socket.fd.get(), SOL_UDP, UDP_GRO, &on, sizeof(on)), 0);
}

TEST_F(UdpPathTest, SendsARunInOneCall) {
  JoinAt(peer_);
  Use(UdpOffload::kOn, ours_, peer_);
  net::DatagramBatch batch = BatchOf(3, 7);
  EXPECT_EQ(path_->Send(batch), UdpPath::Outcome::kAllSent);
  EXPECT_THAT(peer_.Receive(), SizeIs(3 * kSegment + 7));
}

TEST_F(UdpPathTest, WithoutOffloadSendsOneByOne) {
  JoinAt(peer_);
  Use(UdpOffload::kOff, ours_, peer_);
  net::DatagramBatch batch = BatchOf(1, 7);
  EXPECT_EQ(path_->Send(batch), UdpPath::Outcome::kAllSent);
  EXPECT_THAT(peer_.Receive(), SizeIs(kSegment));
  EXPECT_THAT(peer_.Receive(), SizeIs(7));
}

// Without checksums the kernel refuses to cut, as for a device that cannot or has a small MTU.
TEST_F(UdpPathTest, SendsOneByOneWhereTheKernelRefuses) {
  JoinAt(peer_);
  const int no_checksum = 1;
  ASSERT_EQ(setsockopt(ours_.fd.get(), SOL_SOCKET, SO_NO_CHECK, &no_checksum, sizeof(no_checksum)),
            0);
  Use(UdpOffload::kOn, ours_, peer_);
  for (int round = 0; round < 2; ++round) {
    net::DatagramBatch batch = BatchOf(2, 7);
    EXPECT_EQ(path_->Send(batch), UdpPath::Outcome::kAllSent);
    EXPECT_THAT(peer_.Receive(), SizeIs(kSegment));
    EXPECT_THAT(peer_.Receive(), SizeIs(kSegment));
    EXPECT_THAT(peer_.Receive(), SizeIs(7));
  }
  EXPECT_EQ(path_->dropped(), 0u);
}

TEST_F(UdpPathTest, OnlyWhatEveryPathCarriesMayBeCut) {
  Use(UdpOffload::kOn, ours_, peer_);
  const int before = ours_.Option(IPPROTO_IP, IP_MTU_DISCOVER);
  const auto send = [this](size_t size) {
    net::DatagramBatch batch;
    const std::string datagram = Datagram(kDtls, size);
    batch.Append(ByteSpan(datagram));
    EXPECT_EQ(path_->Send(batch), UdpPath::Outcome::kAllSent);
    return ours_.Option(IPPROTO_IP, IP_MTU_DISCOVER);
  };
  EXPECT_EQ(send(UdpPath::kEveryPath), before);
  EXPECT_EQ(send(UdpPath::kEveryPath + 1), IP_PMTUDISC_PROBE);
  EXPECT_EQ(send(UdpPath::kEveryPath), before);
  send(UdpPath::kEveryPath + 1);
  path_.reset();
  EXPECT_EQ(ours_.Option(IPPROTO_IP, IP_MTU_DISCOVER), before);
}

TEST_F(UdpPathTest, WhatStandsBehindATooLargeDatagramIsSent) {
  Use(UdpOffload::kOn, ours_, peer_);
  net::DatagramBatch batch;
  const std::string too_large = Datagram(kDtls, 65535);
  const std::string behind = Datagram(kDtls, 7);
  batch.Append(ByteSpan(too_large));
  batch.Append(ByteSpan(behind));
  EXPECT_EQ(path_->Send(batch), UdpPath::Outcome::kAllSent);
  EXPECT_THAT(peer_.Receive(), SizeIs(7));
  EXPECT_EQ(path_->too_large(), 1u);
  EXPECT_EQ(path_->dropped(), 1u);
}

struct Family {
  int family;
  int level;
  int receive_option;
  int type;
};

class UdpPathHopLimitTest : public UdpPathTest, public ::testing::WithParamInterface<Family> {};

// A receiver joins only datagrams of the same hop limit, and so none of ours with the engine's.
TEST_P(UdpPathHopLimitTest, DiffersFromThatOfTheEngine) {
  const Family family = GetParam();
  const Socket ours(family.family);
  const Socket peer(family.family);
  const int on = 1;
  ASSERT_EQ(setsockopt(peer.fd.get(), family.level, family.receive_option, &on, sizeof(on)), 0);
  const auto receive_limit = [&] {
    char byte = 0;
    iovec io{&byte, 1};
    alignas(cmsghdr) std::array<char, 64> control{};
    msghdr message{};
    message.msg_iov = &io;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    EXPECT_EQ(recvmsg(peer.fd.get(), &message, MSG_DONTWAIT), 1);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    int limit = 0;
    if (header != nullptr && header->cmsg_type == family.type) {
      std::memcpy(&limit, CMSG_DATA(header), sizeof(limit));
    }
    return limit;
  };
  Use(UdpOffload::kOn, ours, peer);
  ours.SendTo(peer, Datagram(kStun, 28));
  const int of_engine = receive_limit();
  net::DatagramBatch batch = BatchOf(0, 7);
  ASSERT_EQ(path_->Send(batch), UdpPath::Outcome::kAllSent);
  EXPECT_EQ(receive_limit(), of_engine - 1);
  path_.reset();
}

INSTANTIATE_TEST_SUITE_P(Families, UdpPathHopLimitTest,
                         ::testing::Values(Family{AF_INET, IPPROTO_IP, IP_RECVTTL, IP_TTL},
                                           Family{AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT,
                                                  IPV6_HOPLIMIT}));

}  // namespace
}  // namespace ming::ice
