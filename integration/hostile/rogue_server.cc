// A signaling server that attacks those who trust it: it lets them in and then says what no server
// says.
#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <map>
#include <string>

#include "crowd.h"
#include "messages.h"
#include "options.h"

namespace ming::hostile {
namespace {

using std::chrono::milliseconds;

std::string Base64(const std::array<uint8_t, 20>& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      group = group << 8 | (at + i < bytes.size() ? bytes[at + i] : 0u);
    }
    for (size_t i = 0; i < 4; ++i) {
      text += at + i <= bytes.size() ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

// The answer to an upgrade (RFC 6455, section 4.2.2).
std::string AcceptReply(const std::string& request) {
  const std::string name = "sec-websocket-key: ";
  std::string lower = request;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const size_t at = lower.find(name);
  if (at == std::string::npos) return "HTTP/1.1 400 Bad Request\r\n\r\n";
  const size_t begin = at + name.size();
  const std::string key = request.substr(begin, request.find("\r\n", begin) - begin) +
                          "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<uint8_t, 20> digest{};
  gnutls_hash_fast(GNUTLS_DIG_SHA1, key.data(), key.size(), digest.data());
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         Base64(digest) + "\r\n\r\n";
}

// A server's frame has no mask.
std::string ServerFrame(uint8_t head, std::string_view payload) {
  std::string masked = MakeFrameHead(head, payload.size());
  masked.resize(masked.size() - 4);
  masked[1] = static_cast<char>(masked[1] & 0x7f);
  return masked.append(payload);
}

std::string ServerText(std::string_view text) { return ServerFrame(0x81, text); }

// One accepted connection, blocking with a time limit.
class Guest {
 public:
  explicit Guest(int fd) : fd_(fd) {}
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { close(fd_); }

  // False: it is gone, or takes nothing for two seconds.
  bool Say(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
        continue;
      }
      if (errno != EAGAIN || !Wait(POLLOUT, milliseconds(2000))) return false;
    }
    Swallow();
    return true;
  }
  bool ReadHead() {
    while (head_.find("\r\n\r\n") == std::string::npos) {
      std::array<char, 4096> buffer;
      if (!Wait(POLLIN, milliseconds(2000))) return false;
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got <= 0) return false;
      head_.append(buffer.data(), static_cast<size_t>(got));
    }
    return true;
  }
  const std::string& head() const { return head_; }
  // True while it stays.
  bool Stay(milliseconds time) {
    const auto end = Clock::now() + time;
    while (Clock::now() < end) {
      if (Wait(POLLIN, milliseconds(50)) && !Swallow()) return false;
    }
    return true;
  }

 private:
  bool Wait(int what, milliseconds limit) const {
    pollfd one{fd_, static_cast<decltype(pollfd::events)>(what), 0};
    return poll(&one, 1, static_cast<int>(limit.count())) > 0;
  }
  bool Swallow() const {
    std::array<char, 65536> buffer;
    ssize_t got = 0;
    while ((got = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) {
    }
    return got < 0 && errno == EAGAIN;
  }

  const int fd_;
  std::string head_;
};

// Says one thing in many ways until the guest leaves or the time is over.
using Speech = std::function<bool(Guest&, uint64_t turn, Report&)>;

bool SayOnce(Guest& guest, const std::string& bytes) {
  return guest.Say(bytes) && guest.Stay(milliseconds(500));
}

std::map<std::string, Speech> Speeches(const std::string& id) {
  const std::string megabyte(1 << 20, 'x');
  std::map<std::string, Speech> all;
  const auto once = [](const std::string& bytes) -> Speech {
    return [bytes](Guest& guest, uint64_t, Report&) { return SayOnce(guest, bytes); };
  };
  all["long"] = once(ServerText(MakeMessage("offer", "\"" + megabyte + "\"", id, "c")));
  all["foundation"] = once(ServerText(MakeCandidateMessage(id, "c", 1, 1 << 20)));
  all["deep"] = once(ServerText(MakeMessage("offer", std::string(60'000, '['), id, "c")));
  all["utf8"] = once(ServerText("{\"type\":\"offer\",\"payload\":\"\xff\xfe\"}"));
  all["binary"] = once(ServerFrame(0x82, megabyte.substr(0, 60'000)));
  all["masked"] = once(MakeText(MakeMessage("offer", "", id, "c")));
  all["compressed"] = once(ServerFrame(0xc1, std::string(1000, '\x5a')));
  all["drop"] = [](Guest&, uint64_t, Report&) { return false; };
  all["candidates"] = [id](Guest& guest, uint64_t turn, Report& report) {
    std::string bytes;
    for (uint64_t at = 0; at < 100; ++at) {
      const uint64_t number = turn * 100 + at;
      bytes += ServerText(MakeCandidateMessage(id, "c" + std::to_string(number % 5000), number,
                                               number % 10 == 0 ? 20'000 : 4));
    }
    report.Add("candidates", 100);
    return guest.Say(bytes);
  };
  all["offers"] = [id, random = Generator(3)](Guest& guest, uint64_t turn, Report& report) mutable {
    std::string bytes;
    for (uint64_t at = 0; at < 20; ++at) {
      bytes += ServerText(MakeOfferMessage(id, "c" + std::to_string(turn * 20 + at), random));
    }
    report.Add("offers", 20);
    return guest.Say(bytes);
  };
  all["errors"] = [id](Guest& guest, uint64_t, Report& report) {
    std::string bytes;
    for (int at = 0; at < 100; ++at) {
      bytes += ServerText(MakeMessage("error", "\"target host 'x' not found\"", id, ""));
    }
    report.Add("errors", 100);
    return guest.Say(bytes);
  };
  all["pings"] = [](Guest& guest, uint64_t, Report& report) {
    std::string bytes;
    for (int at = 0; at < 100; ++at) bytes += ServerFrame(0x89, std::string(125, 'p'));
    report.Add("pings", 100);
    return guest.Say(bytes);
  };
  return all;
}

int Listen(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd, 64) != 0) {
    GiveUpOnError("listen");
  }
  return fd;
}

void Serve(Guest& guest, const Speech& speech, Clock::time_point end, Report& report) {
  if (!guest.ReadHead()) return;
  // What merely looks whether somebody listens.
  if (!guest.Say(AcceptReply(guest.head()))) return;
  report.Add("guests");
  for (uint64_t turn = 0; Clock::now() < end; ++turn) {
    if (!speech(guest, turn, report)) return;
  }
}

void RogueServer(const Options& options, Report& report) {
  auto speeches = Speeches(options.Text("target"));
  const auto chosen = speeches.find(options.Text("kind"));
  if (chosen == speeches.end()) {
    GiveUp(2, "no kind is named " + options.Text("kind"));
  }
  const int listener = Listen(options.Address("listen"));
  report.PrintStarted();
  const auto end = Clock::now() + options.Seconds("seconds");
  while (Clock::now() < end) {
    pollfd one{listener, POLLIN, 0};
    if (poll(&one, 1, 50) <= 0) continue;
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    Guest guest(fd);
    Serve(guest, chosen->second, end, report);
  }
  close(listener);
}

}  // namespace

std::vector<Attack> RogueServerAttacks() {
  return {{"rogue-server",
           "a signaling server that attacks its guests, one after another",
           {{"listen", "", "IPV4:PORT"},
            {"target", "myhost", "ID of the guest"},
            {"seconds", "5", "how long"},
            {"kind", "",
             "long, foundation, deep, utf8, binary, masked, compressed, drop, candidates, offers, "
             "errors, pings"}},
           RogueServer}};
}

}  // namespace ming::hostile
