#include "raw_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glog/logging.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace ming::ws {
namespace {

sockaddr_in Loopback(Port port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port.value());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::string UpgradeRequest(const std::string& extra) {
  return "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"
         "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Version: 13\r\n" +
         extra + "\r\n";
}

std::string Frame(uint8_t first, std::string_view payload, Mask mask) {
  constexpr std::string_view kMask = "\x11\x22\x33\x44";
  const unsigned bit = mask == Mask::kYes ? 0x80u : 0u;
  std::string frame(1, static_cast<char>(first));
  if (payload.size() < 126) {
    frame += static_cast<char>(bit | payload.size());
  } else {
    CHECK_LE(payload.size(), 0xffffu);
    frame += static_cast<char>(bit | 126u);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  if (mask == Mask::kNo) return frame.append(payload);
  frame += kMask;
  for (size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ kMask[i % kMask.size()]);
  }
  return frame;
}

std::string FrameHead(uint8_t first, uint64_t size) {
  std::string head(1, static_cast<char>(first));
  head += static_cast<char>(0x80u | 127u);
  for (int shift = 56; shift >= 0; shift -= 8) {
    head += static_cast<char>((size >> shift) & 0xff);
  }
  return head + std::string(4, '\0');
}

RawSocket::RawSocket(Port port, int receive_buffer, const char* source)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  PCHECK(fd_.valid());
  if (receive_buffer > 0) {
    PCHECK(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                        sizeof(receive_buffer)) == 0);
  }
  if (source != nullptr) {
    sockaddr_in from = Loopback(Port(0));
    PCHECK(::inet_pton(AF_INET, source, &from.sin_addr) == 1);
    PCHECK(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)) == 0);
  }
  const sockaddr_in address = Loopback(port);
  PCHECK(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
}

RawSocket::RawSocket(net::UniqueFd fd) : fd_(std::move(fd)) {}

void RawSocket::Send(std::string_view bytes) {
  // A peer that closed already is what some tests want.
  static_cast<void>(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

bool RawSocket::ReadAll() {
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno != EAGAIN;
    if (count == 0) return true;
    received_.append(buffer, static_cast<size_t>(count));
  }
}

std::vector<RawFrame> RawSocket::Frames() const {
  std::vector<RawFrame> frames;
  size_t at = received_.find("\r\n\r\n");
  if (at == std::string::npos) return frames;
  at += 4;
  while (at + 2 <= received_.size()) {
    RawFrame frame;
    frame.first = static_cast<uint8_t>(received_[at]);
    size_t size = static_cast<uint8_t>(received_[at + 1]) & 0x7fu;
    size_t head = 2;
    if (size == 126) {
      if (at + 4 > received_.size()) break;
      size = static_cast<size_t>(static_cast<uint8_t>(received_[at + 2])) << 8 |
             static_cast<uint8_t>(received_[at + 3]);
      head = 4;
    }
    if (at + head + size > received_.size()) break;
    frame.payload = received_.substr(at + head, size);
    at += head + size;
    frames.push_back(std::move(frame));
  }
  return frames;
}

std::optional<int> RawSocket::HttpStatus() const {
  if (received_.find("\r\n\r\n") == std::string::npos) return std::nullopt;
  return std::atoi(received_.c_str() + received_.find(' '));
}

std::optional<int> RawSocket::CloseCode() const {
  for (const RawFrame& frame : Frames()) {
    if (frame.first != 0x88) continue;
    if (frame.payload.size() < 2) return 1005;
    return static_cast<uint8_t>(frame.payload[0]) << 8 | static_cast<uint8_t>(frame.payload[1]);
  }
  return std::nullopt;
}

RawListener::RawListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  PCHECK(fd_.valid());
  sockaddr_in address = Loopback(Port(0));
  socklen_t size = sizeof(address);
  PCHECK(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  PCHECK(::listen(fd_.get(), 16) == 0);
  PCHECK(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = Port(ntohs(address.sin_port));
}

std::optional<RawSocket> RawListener::Accept() {
  net::UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  return RawSocket(std::move(fd));
}

}  // namespace ming::ws
