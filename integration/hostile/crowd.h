// Crowd: any number of TCP connections to one address in one epoll loop, each of them a WebSocket
// if wanted. It owns the sockets and buffers; what is said is the script's. Nothing here keeps the
// rules that our own clients keep.
#ifndef MING_HOSTILE_CROWD_H_
#define MING_HOSTILE_CROWD_H_

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace ming::hostile {

// One WebSocket frame; `head` is the first byte (0x81: a whole text message).
struct WsFrame {
  uint8_t head = 0;
  std::string payload;
};

// A client's frame. Its mask is zero, so the payload stands as it is.
std::string MakeFrame(uint8_t head, std::string_view payload);
std::string MakeText(std::string_view text);
// The head of a frame that announces `size` bytes.
std::string MakeFrameHead(uint8_t head, uint64_t size);
// Takes a whole frame of a server off `input`.
std::optional<WsFrame> TakeFrame(std::string& input);
// The request for an upgrade, with `extra` lines (each with its CRLF).
std::string UpgradeRequest(const std::string& extra = "");

struct Visitor {
  size_t number = 0;
  int fd = -1;  // -1: ended
  bool connected = false;
  bool upgraded = false;
  bool reads = true;  // else what the server says stays in its buffers
  bool writing = false;
  std::string in;   // received and not taken
  std::string out;  // to be sent
  size_t out_at = 0;
  size_t script_step = 0;  // the script's own

  bool ended() const { return fd < 0; }
  // A few pieces wait at most: a script that sends for ever does it from on_drained.
  void Say(std::string_view bytes) { out.append(bytes); }
};

class Crowd {
 public:
  struct Script {
    // Connected, or behind the upgrade when `upgrade` is set.
    std::function<void(Visitor&)> on_open = [](Visitor&) {};
    std::function<void(Visitor&, const WsFrame&)> on_frame = [](Visitor&, const WsFrame&) {};
    // All that was said has left; it may say more.
    std::function<void(Visitor&)> on_drained = [](Visitor&) {};
    std::function<void(Visitor&)> on_end = [](Visitor&) {};
    bool upgrade = true;
    std::string upgrade_lines;
  };

  // Counts connects, upgrades, refusals and ends in `report`.
  Crowd(const sockaddr_in& server, Script script, Report& report);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd();

  Visitor& Open();
  void Drop(Visitor& visitor);
  // Sends what was said outside of the script's own calls.
  void Push(Visitor& visitor);
  // One turn of the loop, at most `wait` long.
  void Turn(std::chrono::milliseconds wait);
  // Turns until `done` says so or the time is over.
  bool RunUntil(std::chrono::milliseconds limit, const std::function<bool()>& done);
  void RunFor(std::chrono::milliseconds time);

  size_t open_count() const { return open_; }
  size_t upgraded_count() const { return upgraded_; }
  const std::vector<std::unique_ptr<Visitor>>& visitors() const { return visitors_; }

 private:
  void OnWritable(Visitor& visitor);
  bool Begin(Visitor& visitor);
  bool SendOut(Visitor& visitor);
  void OnReadable(Visitor& visitor);
  void TakeInput(Visitor& visitor);
  bool TakeUpgrade(Visitor& visitor);
  void End(Visitor& visitor, const char* how);
  void Watch(Visitor& visitor, bool writing);

  const sockaddr_in server_;
  const Script script_;
  Report& report_;
  const int epoll_;
  size_t open_ = 0;
  size_t upgraded_ = 0;
  std::vector<std::unique_ptr<Visitor>> visitors_;
};

}  // namespace ming::hostile

#endif  // MING_HOSTILE_CROWD_H_
