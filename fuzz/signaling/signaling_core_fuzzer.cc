// Drives SignalingServerCore through hostile sequences. Commands: c connect (text: token), m
// message, p pong, x closed, r request (text: token), t time (text: milliseconds), s shutdown.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "ming/signaling/signaling_server_core.h"

#include "../support/time_step.h"
#include "script.h"

namespace ming::signaling {
namespace {

constexpr unsigned kStates = 8;

SignalingServerCoreOptions OptionsOf(unsigned state) {
  SignalingServerCoreOptions options;
  options.max_message_size = 4096;
  if (state == 4) {  // tokens
    options.valid_tokens = {Secret("a")};
    options.host_tokens = {{"h", Secret("b")}};
  }
  if (state == 5) {  // a low rate
    options.message_rate = 1;
    options.message_burst = 2;
  }
  if (state == 6) {  // few connections
    options.max_connections = 3;
    options.max_connections_per_source = 2;
  }
  return options;
}

class Harness {
 public:
  explicit Harness(unsigned state) : core_(OptionsOf(state)) {
    if (state == 0) return;
    Connect(1, "b");
    Say(1, R"({"type":"register-host","sender_id":"h"})");
    if (state == 2 || state == 7) {
      Connect(2, "a");
      Say(2, R"({"type":"offer","target_id":"h","sender_id":"c"})");
    }
    if (state == 3) {  // a second host waits for the ID
      Connect(2, "");
      Say(2, R"({"type":"register-host","sender_id":"h"})");
    }
    if (state == 7) core_.Shutdown(now_);
    Drain();
  }

  void Apply(const fuzz::Command& command) {
    switch (command.verb) {
      case 'c':
        Connect(command.number, command.text);
        break;
      case 'm':
        Say(command.number, command.text);
        break;
      case 'p':
        core_.HandlePong(now_, Id(command.number));
        break;
      case 'x':
        core_.HandleClosed(now_, Id(command.number));
        ids_.erase(command.number);
        break;
      case 'r':
        static_cast<void>(core_.CheckRequest(now_, RequestOf(command.number, command.text)));
        break;
      case 't':
        fuzz::PassTime(core_, std::chrono::milliseconds(fuzz::NumberOf(command.text)), now_);
        break;
      case 's':
        core_.Shutdown(now_);
        break;
      default:
        break;
    }
    Drain();
  }

 private:
  // A number keeps its connection until it is closed; the next one is another connection.
  ConnectionId Id(unsigned number) {
    const auto found = ids_.find(number);
    return found == ids_.end() ? ConnectionId(1000 + number) : found->second;
  }
  SignalingRequest RequestOf(unsigned number, std::string_view token) {
    authorization_ = "Bearer " + std::string(token);
    const uint8_t address[] = {10, 0, 0, static_cast<uint8_t>(number / 4)};
    return {IpAddress::FromBytes({address, sizeof(address)}), "", authorization_};
  }
  void Connect(unsigned number, std::string_view token) {
    if (ids_.count(number) > 0) return;
    const ConnectionId id(2000 + ++last_);
    ids_.emplace(number, id);
    open_[id] = true;
    core_.HandleConnected(now_, id, RequestOf(number, token));
  }
  void Say(unsigned number, std::string_view text) {
    core_.HandleMessage(now_, Id(number), ByteSpan(text));
  }

  // Nothing is asked of a connection after its close.
  void Drain() {
    while (auto event = core_.PollEvent()) {
      if (const auto* close = std::get_if<CloseConnection>(&*event)) {
        CHECK(open_.at(close->connection));
        open_[close->connection] = false;
      } else if (const auto* text = std::get_if<SendText>(&*event)) {
        CHECK(open_.at(text->connection));
        CHECK_LE(text->text.size(), size_t{64} * 1024);
      } else if (const auto* probe = std::get_if<ProbeConnection>(&*event)) {
        CHECK(open_.at(probe->connection));
      }
    }
    core_.CheckConsistent();
  }

  SignalingServerCore core_;
  Timestamp now_{std::chrono::seconds(1)};
  uint64_t last_ = 0;
  std::map<unsigned, ConnectionId> ids_;
  std::map<ConnectionId, bool> open_;
  std::string authorization_;
};

}  // namespace
}  // namespace ming::signaling

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::fuzz::Play<ming::signaling::Harness>(data, size, ming::signaling::kStates);
  return 0;
}
