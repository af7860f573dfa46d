#include "crowd.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ming::hostile {
namespace {

constexpr size_t kReadSize = size_t{64} << 10;

}  // namespace

std::string MakeFrameHead(uint8_t head, uint64_t size) {
  constexpr char kMasked = '\x80';
  std::string bytes(1, static_cast<char>(head));
  int length_bytes = 0;
  if (size < 126) {
    bytes += static_cast<char>(kMasked | static_cast<char>(size));
  } else if (size < 65536) {
    bytes += static_cast<char>(kMasked | 126);
    length_bytes = 2;
  } else {
    bytes += static_cast<char>(kMasked | 127);
    length_bytes = 8;
  }
  for (int at = length_bytes - 1; at >= 0; --at) bytes += static_cast<char>(size >> (8 * at));
  return bytes + std::string(4, '\0');
}

std::string MakeFrame(uint8_t head, std::string_view payload) {
  return MakeFrameHead(head, payload.size()).append(payload);
}

std::string MakeText(std::string_view text) { return MakeFrame(0x81, text); }

std::optional<WsFrame> TakeFrame(std::string& input) {
  const auto byte = [&input](size_t at) { return static_cast<uint8_t>(input[at]); };
  if (input.size() < 2) return std::nullopt;
  uint64_t size = byte(1) & 0x7f;
  const size_t length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
  const size_t head_bytes = 2 + length_bytes;
  if (input.size() < head_bytes) return std::nullopt;
  if (length_bytes > 0) size = 0;
  for (size_t at = 0; at < length_bytes; ++at) size = size << 8 | byte(2 + at);
  if (input.size() - head_bytes < size) return std::nullopt;
  WsFrame frame{byte(0), input.substr(head_bytes, size)};
  input.erase(0, head_bytes + size);
  return frame;
}

std::string UpgradeRequest(const std::string& extra) {
  return "GET / HTTP/1.1\r\nHost: ming\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n" +
         extra + "\r\n";
}

Crowd::Crowd(const sockaddr_in& server, Script script, Report& report)
    : server_(server),
      script_(std::move(script)),
      report_(report),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) GiveUpOnError("epoll");
}

Crowd::~Crowd() {
  for (const auto& visitor : visitors_) {
    if (!visitor->ended()) close(visitor->fd);
  }
  close(epoll_);
}

Visitor& Crowd::Open() {
  visitors_.push_back(std::make_unique<Visitor>());
  Visitor& visitor = *visitors_.back();
  visitor.number = visitors_.size() - 1;
  visitor.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (visitor.fd < 0) GiveUpOnError("socket");
  const int on = 1;
  setsockopt(visitor.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ++open_;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = &visitor;
  visitor.writing = true;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, visitor.fd, &event) != 0) GiveUpOnError("epoll_ctl");
  const auto* const address = reinterpret_cast<const sockaddr*>(&server_);
  if (connect(visitor.fd, address, sizeof(server_)) != 0 && errno != EINPROGRESS) {
    End(visitor, "refused");
  }
  return visitor;
}

void Crowd::Drop(Visitor& visitor) {
  if (!visitor.ended()) End(visitor, "dropped");
}

void Crowd::End(Visitor& visitor, const char* how) {
  close(visitor.fd);
  visitor.fd = -1;
  --open_;
  if (visitor.upgraded) --upgraded_;
  report_.Add(how);
  script_.on_end(visitor);
  visitor.in = {};
  visitor.out = {};
}

void Crowd::Watch(Visitor& visitor, bool writing) {
  if (visitor.ended()) return;
  visitor.writing = writing;
  epoll_event event{};
  event.events = (visitor.reads ? uint32_t{EPOLLIN} : 0u) | (writing ? uint32_t{EPOLLOUT} : 0u);
  event.data.ptr = &visitor;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, visitor.fd, &event);
}

void Crowd::Push(Visitor& visitor) {
  if (visitor.connected && !visitor.ended()) OnWritable(visitor);
}

void Crowd::OnWritable(Visitor& visitor) {
  if (!visitor.connected && !Begin(visitor)) return;
  while (!visitor.ended()) {
    if (!SendOut(visitor)) return;
    if (visitor.upgraded || !script_.upgrade) script_.on_drained(visitor);
    if (visitor.out.empty()) break;
  }
  Watch(visitor, false);
}

bool Crowd::Begin(Visitor& visitor) {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(visitor.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    End(visitor, "refused");
    return false;
  }
  visitor.connected = true;
  report_.Add("connected");
  if (script_.upgrade) {
    visitor.Say(UpgradeRequest(script_.upgrade_lines));
  } else {
    script_.on_open(visitor);
  }
  return true;
}

// False: the rest waits for the socket, or there is none any more.
bool Crowd::SendOut(Visitor& visitor) {
  while (visitor.out_at < visitor.out.size()) {
    const ssize_t sent = send(visitor.fd, visitor.out.data() + visitor.out_at,
                              visitor.out.size() - visitor.out_at, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) {
        Watch(visitor, true);
      } else {
        End(visitor, "cut");
      }
      return false;
    }
    visitor.out_at += static_cast<size_t>(sent);
    report_.Add("bytes_sent", static_cast<uint64_t>(sent));
  }
  visitor.out.clear();
  visitor.out_at = 0;
  return true;
}

void Crowd::OnReadable(Visitor& visitor) {
  std::array<char, kReadSize> buffer;
  const ssize_t got = recv(visitor.fd, buffer.data(), buffer.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) return End(visitor, "cut");
  if (got == 0) return End(visitor, "closed");
  report_.Add("bytes_received", static_cast<uint64_t>(got));
  visitor.in.append(buffer.data(), static_cast<size_t>(got));
  if (script_.upgrade) TakeInput(visitor);
}

void Crowd::TakeInput(Visitor& visitor) {
  if (!visitor.upgraded && !TakeUpgrade(visitor)) return;
  while (!visitor.ended()) {
    const std::optional<WsFrame> frame = TakeFrame(visitor.in);
    if (!frame) break;
    script_.on_frame(visitor, *frame);
  }
  if (!visitor.ended() && !visitor.out.empty()) OnWritable(visitor);
}

bool Crowd::TakeUpgrade(Visitor& visitor) {
  const size_t end = visitor.in.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string status = visitor.in.substr(0, 12);
  visitor.in.erase(0, end + 4);
  if (status != "HTTP/1.1 101") {
    report_.Add("http_" + status.substr(status.size() - 3));
    End(visitor, "not_upgraded");
    return false;
  }
  visitor.upgraded = true;
  ++upgraded_;
  report_.Add("upgraded");
  script_.on_open(visitor);
  if (!visitor.ended()) OnWritable(visitor);
  return true;
}

void Crowd::Turn(std::chrono::milliseconds wait) {
  std::array<epoll_event, 256> events{};
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                               static_cast<int>(wait.count()));
  for (int at = 0; at < count; ++at) {
    auto& visitor = *static_cast<Visitor*>(events[static_cast<size_t>(at)].data.ptr);
    const uint32_t what = events[static_cast<size_t>(at)].events;
    if (!visitor.ended() && (what & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) OnWritable(visitor);
    if (!visitor.ended() && visitor.reads && (what & (EPOLLIN | EPOLLHUP)) != 0) {
      OnReadable(visitor);
    }
  }
}

bool Crowd::RunUntil(std::chrono::milliseconds limit, const std::function<bool()>& done) {
  const auto end = Clock::now() + limit;
  while (!done()) {
    if (Clock::now() >= end) return false;
    Turn(std::chrono::milliseconds(10));
  }
  return true;
}

void Crowd::RunFor(std::chrono::milliseconds time) {
  RunUntil(time, [] { return false; });
}

}  // namespace ming::hostile
