#include "ming/codec/ice_candidate.h"

#include <gtest/gtest.h>

namespace ming::codec {
namespace {

constexpr char kPionHost[] = "candidate:2070692838 1 udp 2130706431 192.0.2.2 47327 typ host";
constexpr char kChromiumMdns[] =
    "candidate:3091073559 1 udp 2113937151 c17ad899-fc88-4380-9152-8a02ba055a45.local 58111 typ "
    "host generation 0 ufrag OpDk network-cost 999";
constexpr char kChromiumReflexive[] =
    "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.0.2.2 rport 46154 "
    "generation 0 network-cost 999";
constexpr char kTcpActive[] =
    "candidate:1 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active generation 0";
constexpr char kAiortcRelay[] =
    "candidate:6815297761 1 udp 16777215 2001:db8::7 3480 typ relay raddr 192.0.2.2 rport 5000";

IceCandidate Parsed(std::string_view text) {
  auto candidate = ParseIceCandidate(text);
  EXPECT_TRUE(candidate.ok()) << text << ": " << candidate.status().ToString();
  return candidate.ok() ? *candidate : IceCandidate{};
}

CandidateVerdict VerdictOf(const IceCandidate& candidate) {
  return ValidateRemoteCandidate(candidate, LoopbackCandidates::kRefuse).verdict;
}
CandidateVerdict VerdictOf(std::string_view text) { return VerdictOf(Parsed(text)); }

// A usable candidate with one field replaced.
template <typename Change>
CandidateVerdict VerdictWith(Change change) {
  IceCandidate candidate = Parsed(kPionHost);
  change(candidate);
  return VerdictOf(candidate);
}

CandidateVerdict VerdictOfAddress(const std::string& address) {
  return VerdictWith([&](IceCandidate& c) { c.address = address; });
}

TEST(IceCandidate, ReadsEveryField) {
  const IceCandidate candidate = Parsed(kChromiumReflexive);
  EXPECT_EQ(candidate.foundation, "842163049");
  EXPECT_EQ(candidate.component, 1U);
  EXPECT_EQ(candidate.transport, "udp");
  EXPECT_EQ(candidate.priority, 1677729535U);
  EXPECT_EQ(candidate.address, "203.0.113.7");
  EXPECT_EQ(candidate.port, Port(46154));
  EXPECT_EQ(candidate.type, CandidateType::kServerReflexive);
  EXPECT_EQ(candidate.related_address, "192.0.2.2");
  EXPECT_EQ(candidate.related_port, Port(46154));
  EXPECT_FALSE(candidate.tcp_type);
  ASSERT_EQ(candidate.extensions.size(), 2U);
  EXPECT_EQ(candidate.extensions[1].first, "network-cost");
  EXPECT_EQ(candidate.extensions[1].second, "999");
}

TEST(IceCandidate, GoldenLinesAreWrittenAsTheyWereRead) {
  for (const char* line :
       {kPionHost, kChromiumMdns, kChromiumReflexive, kTcpActive, kAiortcRelay}) {
    EXPECT_EQ(SerializeIceCandidate(Parsed(line)), line);
  }
}

TEST(IceCandidate, UnknownTypesAndCaseAreKept) {
  const IceCandidate other = Parsed("candidate:1 1 UDP 1 192.0.2.1 1 typ quantum");
  EXPECT_EQ(other.type, CandidateType::kOther);
  EXPECT_EQ(other.other_type, "quantum");
  EXPECT_EQ(SerializeIceCandidate(other), "candidate:1 1 UDP 1 192.0.2.1 1 typ quantum");
  EXPECT_EQ(Parsed("1 1 udp 1 192.0.2.1 1 typ HOST").type, CandidateType::kHost);
}

TEST(IceCandidate, ToleratesTheFrameOfASdpLine) {
  const IceCandidate plain = Parsed(kPionHost);
  const std::string line = kPionHost;
  for (const std::string& framed : {"a=" + line, line + "\r\n", line + "\n", "a=" + line + "\r\n",
                                    line.substr(std::string("candidate:").size())}) {
    EXPECT_EQ(Parsed(framed), plain) << framed;
  }
}

TEST(IceCandidate, EveryTruncationOfTheMandatoryPartFails) {
  const std::string_view line = kPionHost;
  // A shorter type is a type still; nothing shorter than that is a candidate.
  for (size_t size = 0; size <= line.size() - std::string_view("host").size(); ++size) {
    EXPECT_FALSE(ParseIceCandidate(line.substr(0, size)).ok()) << size;
  }
}

TEST(IceCandidate, RefusesWhatIsNoCandidate) {
  for (const char* bad : {
           "",
           "candidate:",
           "candidate:1 x udp 1 192.0.2.1 1 typ host",
           "candidate:1 1 udp -1 192.0.2.1 1 typ host",
           "candidate:1 1 udp 4294967296 192.0.2.1 1 typ host",
           "candidate:1 4294967296 udp 1 192.0.2.1 1 typ host",
           "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
           "candidate:1 1 udp 1 192.0.2.1 1 type host",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host raddr",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host rport x",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host rport 65536",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host typ relay",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host raddr 1.1.1.1 raddr 2.2.2.2",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host rport 1 rport 1",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host tcptype so tcptype so",
           "candidate:a=b 1 udp 1 192.0.2.1 1 typ host",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=setup:active\r\n",
           "candidate:1 1 udp 1 192.0.2.1 1 typ host generation \r0",
           "candidate:1 1 udp 1 \xC3\xA4.local 1 typ host",
       }) {
    const auto candidate = ParseIceCandidate(bad);
    ASSERT_FALSE(candidate.ok()) << bad;
    EXPECT_EQ(candidate.status().code(), StatusCode::kMalformed) << bad;
  }
  EXPECT_FALSE(
      ParseIceCandidate(std::string_view("candidate:1 1 udp 1 192.0.2.1 1 typ host\0", 41)).ok());
}

TEST(IceCandidate, LengthAndExtensionsAreBounded) {
  const std::string base = "1 1 udp 1 192.0.2.1 1 typ host x ";
  EXPECT_TRUE(ParseIceCandidate(base + std::string(kMaxCandidateBytes - base.size(), 'y')).ok());
  EXPECT_FALSE(
      ParseIceCandidate(base + std::string(kMaxCandidateBytes + 1 - base.size(), 'y')).ok());
  EXPECT_FALSE(ParseIceCandidate(std::string(1 << 20, '1') + " 1 udp 1 192.0.2.1 1 typ host").ok());

  std::string line = kPionHost;
  for (size_t i = 0; i < kMaxCandidateExtensions; ++i) line += " name value";
  EXPECT_EQ(Parsed(line).extensions.size(), kMaxCandidateExtensions);
  EXPECT_FALSE(ParseIceCandidate(line + " name value").ok());
}

TEST(RemoteCandidate, WhatBrowsersAndPionSendIsUsable) {
  for (const char* line : {kPionHost, kChromiumReflexive, kAiortcRelay}) {
    EXPECT_EQ(VerdictOf(line), CandidateVerdict::kUsable) << line;
  }
  EXPECT_EQ(VerdictWith([](IceCandidate& c) { c.transport = "UDP"; }), CandidateVerdict::kUsable);
  EXPECT_EQ(VerdictOfAddress("169.254.7.8"), CandidateVerdict::kUsable);
  EXPECT_EQ(VerdictOfAddress("fd00::2"), CandidateVerdict::kUsable);
}

TEST(RemoteCandidate, WhatIsLegalButUselessIsIgnored) {
  for (const char* line : {kChromiumMdns, kTcpActive}) {
    EXPECT_EQ(VerdictOf(line), CandidateVerdict::kIgnored) << line;
  }
  const auto ignored = CandidateVerdict::kIgnored;
  EXPECT_EQ(VerdictWith([](IceCandidate& c) { c.component = 2; }), ignored);
  EXPECT_EQ(VerdictWith([](IceCandidate& c) { c.component = 256; }), ignored);
  EXPECT_EQ(VerdictWith([](IceCandidate& c) { c.transport = "sctp"; }), ignored);
  EXPECT_EQ(VerdictWith([](IceCandidate& c) {
              c.type = CandidateType::kOther;
              c.other_type = "quantum";
            }),
            ignored);
  for (const char* address : {"fe80::1", "::ffff:192.0.2.1", "host.example", "127.0.0.1", "::1"}) {
    EXPECT_EQ(VerdictOfAddress(address), ignored) << address;
  }
}

TEST(RemoteCandidate, LoopbackIsTakenWhereAllowed) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    IceCandidate candidate = Parsed(kPionHost);
    candidate.address = address;
    EXPECT_EQ(ValidateRemoteCandidate(candidate, LoopbackCandidates::kAllow).verdict,
              CandidateVerdict::kUsable);
  }
}

TEST(RemoteCandidate, PriorityIsOneTo2147483647) {
  for (const uint32_t good : {1U, 2147483647U}) {
    EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.priority = good; }), CandidateVerdict::kUsable);
  }
  for (const uint32_t bad : {0U, 2147483648U, UINT32_MAX}) {
    EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.priority = bad; }),
              CandidateVerdict::kMalformed);
  }
}

TEST(RemoteCandidate, FoundationIsOneTo32IceChars) {
  const auto with = [](const std::string& foundation) {
    return VerdictWith([&](IceCandidate& c) { c.foundation = foundation; });
  };
  EXPECT_EQ(with("+"), CandidateVerdict::kUsable);
  EXPECT_EQ(with(std::string(32, 'f')), CandidateVerdict::kUsable);
  for (const std::string& bad : {std::string(), std::string(33, 'f'), std::string(1 << 20, 'f'),
                                 std::string("a-b"), std::string("a\r\nb"), std::string("\xFF")}) {
    EXPECT_EQ(with(bad), CandidateVerdict::kMalformed);
  }
}

TEST(RemoteCandidate, ComponentIsOneTo256) {
  for (const uint32_t bad : {0U, 257U, UINT32_MAX}) {
    EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.component = bad; }),
              CandidateVerdict::kMalformed);
  }
}

TEST(RemoteCandidate, PortZeroIsForActiveTcpOnly) {
  const auto zero_port = [](IceCandidate& c) { c.port = Port(0); };
  EXPECT_EQ(VerdictWith(zero_port), CandidateVerdict::kMalformed);
  IceCandidate tcp = Parsed(kTcpActive);
  zero_port(tcp);
  EXPECT_EQ(VerdictOf(tcp), CandidateVerdict::kIgnored);
  tcp.tcp_type = "passive";
  EXPECT_EQ(VerdictOf(tcp), CandidateVerdict::kMalformed);
}

TEST(RemoteCandidate, AddressesThatNobodyCanHaveAreMalformed) {
  for (const char* address :
       {"0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "239.255.255.255", "ff02::1",
        "::ffff:224.0.0.1", "255.255.255.255", "fe80::1%eth0", "1.2.3", "1.2.3.4.5", "256.1.1.1",
        "[::1]", "1:2", ".local", "host..%", "*"}) {
    EXPECT_EQ(VerdictOfAddress(address), CandidateVerdict::kMalformed) << address;
  }
  EXPECT_EQ(VerdictOfAddress(std::string(254, 'a')), CandidateVerdict::kMalformed);
}

TEST(RemoteCandidate, NoFieldMayCarryALineEnd) {
  const std::string evil = "x\r\na=ice-pwd:y";
  const auto malformed = CandidateVerdict::kMalformed;
  EXPECT_EQ(VerdictOfAddress(evil), malformed);
  EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.transport = evil; }), malformed);
  EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.related_address = evil; }), malformed);
  EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.tcp_type = evil; }), malformed);
  EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.extensions = {{"a", evil}}; }), malformed);
  EXPECT_EQ(VerdictWith([&](IceCandidate& c) { c.extensions = {{evil, "a"}}; }), malformed);
  EXPECT_EQ(VerdictWith([&](IceCandidate& c) {
              c.type = CandidateType::kOther;
              c.other_type = evil;
            }),
            malformed);
}

TEST(RemoteCandidate, RelatedAddressIsAnAddressOrAName) {
  const auto with = [](const char* address) {
    return VerdictWith([&](IceCandidate& c) { c.related_address = address; });
  };
  EXPECT_EQ(with("0.0.0.0"), CandidateVerdict::kUsable);
  EXPECT_EQ(with("abc.local"), CandidateVerdict::kUsable);
  EXPECT_EQ(with("fe80::1%eth0"), CandidateVerdict::kMalformed);
  EXPECT_EQ(with("1.2.3"), CandidateVerdict::kMalformed);
}

}  // namespace
}  // namespace ming::codec
