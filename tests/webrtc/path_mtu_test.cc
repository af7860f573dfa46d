#include "ming/webrtc/path_mtu.h"

#include <gtest/gtest.h>

#include <utility>

#include "ming/tls/dtls_session.h"

namespace ming::webrtc {
namespace {

constexpr size_t kBase = 1163;
constexpr size_t kAgreed = 16347;
constexpr size_t kIpv4Overhead = 28 + tls::DtlsSession::kRecordOverhead;
constexpr size_t kIpv6Overhead = 48 + tls::DtlsSession::kRecordOverhead;

ice::SelectedPair PairOf(const char* local, const char* remote) {
  ice::SelectedPair pair;
  pair.local = net::SocketAddress(*IpAddress::Parse(local), Port(4000));
  pair.remote = net::SocketAddress(*IpAddress::Parse(remote), Port(5000));
  return pair;
}

PathWidth Network(size_t device, size_t route) {
  PathWidth path;
  path.kind = PathWidth::Kind::kNetwork;
  path.ip_udp_headers = 28;
  path.link = LinkMtu{device, route};
  return path;
}

TEST(PathMtuTest, LoopbackIsKnownByItsMtu) {
  for (const auto& [address, headers] : {std::pair("127.0.0.1", 28U), std::pair("::1", 48U)}) {
    const PathWidth path = MeasurePath(PairOf(address, address));
    EXPECT_EQ(path.kind, PathWidth::Kind::kLoopback) << address;
    EXPECT_EQ(path.ip_udp_headers, headers);
    EXPECT_FALSE(path.link);
  }
}

TEST(PathMtuTest, ARelayIsNotMeasured) {
  ice::SelectedPair pair = PairOf("127.0.0.1", "127.0.0.1");
  pair.remote_type = codec::CandidateType::kRelay;
  EXPECT_EQ(MeasurePath(pair).kind, PathWidth::Kind::kRelayed);
}

TEST(PathMtuTest, OnlyLoopbackIsUsedUntried) {
  PathWidth path = Network(9000, 9000);
  EXPECT_EQ(UntriedPacketSize(path, kBase, kAgreed), kBase);
  path.kind = PathWidth::Kind::kRelayed;
  EXPECT_EQ(UntriedPacketSize(path, kBase, kAgreed), kBase);
  path.kind = PathWidth::Kind::kLoopback;
  EXPECT_EQ(UntriedPacketSize(path, kBase, 8000), 8000U);
  EXPECT_EQ(UntriedPacketSize(path, kBase, 600), kBase);
  EXPECT_EQ(UntriedPacketSize(path, kBase, 65535), tls::DtlsSession::kMaxRecord);
}

TEST(PathMtuTest, ALinkLimitsTheSearchAndTheRouteBeginsIt) {
  const PathMtuLimits limits = ProbingLimits(Network(9000, 4000), kBase, kAgreed);
  EXPECT_EQ(limits.base, kBase);
  EXPECT_EQ(limits.overhead, kIpv4Overhead);
  EXPECT_EQ(limits.limit, 9000 - kIpv4Overhead);
  EXPECT_EQ(limits.first, 4000 - kIpv4Overhead);
}

TEST(PathMtuTest, HeadersOfIpv6AreLarger) {
  PathWidth path = Network(9000, 9000);
  path.ip_udp_headers = MeasurePath(PairOf("::1", "::1")).ip_udp_headers;
  EXPECT_EQ(ProbingLimits(path, kBase, kAgreed).limit, 9000 - kIpv6Overhead);
}

TEST(PathMtuTest, WhatIsAgreedLimitsTheSearch) {
  const PathMtuLimits limits = ProbingLimits(Network(9000, 9000), kBase, 5000);
  EXPECT_EQ(limits.limit, 5000U);
  EXPECT_EQ(limits.first, 5000U);
}

TEST(PathMtuTest, WithoutARouteOnlyTheAgreementLimitsTheSearch) {
  PathWidth path = Network(9000, 9000);
  path.link.reset();
  const PathMtuLimits limits = ProbingLimits(path, kBase, 65535);
  EXPECT_EQ(limits.limit, tls::DtlsSession::kMaxRecord);
  EXPECT_EQ(limits.first, 0U);
}

TEST(PathMtuTest, ALinkBelowTheHeadersLeavesNothing) {
  EXPECT_EQ(ProbingLimits(Network(20, 20), kBase, kAgreed).limit, 0U);
}

TEST(PathMtuTest, NothingIsSearchedForElsewhere) {
  for (const auto kind : {PathWidth::Kind::kRelayed, PathWidth::Kind::kLoopback}) {
    PathWidth path = Network(9000, 9000);
    path.kind = kind;
    EXPECT_EQ(ProbingLimits(path, kBase, kAgreed).limit, kBase);
  }
}

}  // namespace
}  // namespace ming::webrtc
