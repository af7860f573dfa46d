// Drives SignalingClientCore. Commands: C connected, d disconnected (text: close code), e refused,
// m message, s send (text: payload), t time (text: milliseconds), p pong, u urgent, c calm, n
// network changed, g and our address is gone.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "ming/signaling/signaling_client_core.h"

#include "../support/time_step.h"
#include "script.h"

namespace ming::signaling {
namespace {

constexpr unsigned kStates = 4;

SignalingClientCoreOptions OptionsOf(unsigned state) {
  SignalingClientCoreOptions options;
  options.role = state % 2 == 0 ? SignalingRole::kHost : SignalingRole::kClient;
  options.id = "h";
  return options;
}

class Harness {
 public:
  explicit Harness(unsigned state) : core_(OptionsOf(state), random_) {
    core_.Start(now_);
    if (state >= 2) core_.HandleConnected(now_);
    Drain();
  }

  void Apply(const fuzz::Command& command) {
    switch (command.verb) {
      case 'C':
        core_.HandleConnected(now_);
        break;
      case 'd':
        core_.HandleDisconnected(now_, Status::Ok(),
                                 static_cast<uint16_t>(fuzz::NumberOf(command.text)));
        break;
      case 'e':
        core_.HandleDisconnected(now_, Status(StatusCode::kPermissionDenied, "no", 401),
                                 std::nullopt);
        break;
      case 'm':
        core_.HandleMessage(now_, ByteSpan(command.text));
        break;
      case 's': {
        codec::SignalingMessage message;
        message.type = codec::SignalingType::kOffer;
        message.payload = std::string(command.text);
        CHECK(core_.Send(message).ok() || !core_.connected());
        break;
      }
      case 't':
        fuzz::PassTime(core_, std::chrono::milliseconds(fuzz::NumberOf(command.text)), now_);
        break;
      case 'p':
        core_.HandlePong(now_);
        break;
      case 'u':
        core_.SetUrgency(now_, SignalingUrgency::kUrgent);
        break;
      case 'c':
        core_.SetUrgency(now_, SignalingUrgency::kCalm);
        break;
      case 'n':
        core_.HandleNetworkChanged(now_, LocalAddress::kStillThere);
        break;
      case 'g':
        core_.HandleNetworkChanged(now_, LocalAddress::kGone);
        break;
      default:
        break;
    }
    Drain();
  }

 private:
  // Fatal is the end, and the only one.
  void Drain() {
    while (auto event = core_.PollEvent()) {
      CHECK(!ended_);
      const auto* lost = std::get_if<SignalingDisconnected>(&*event);
      if (lost == nullptr) continue;
      CHECK(!lost->why.ok());
      ended_ = lost->loss != SignalingLoss::kRetrying;
    }
    CHECK(!ended_ || core_.NextTimeout() == Timestamp::Max());
  }

  SeededRandom random_{1};
  SignalingClientCore core_;
  Timestamp now_{std::chrono::seconds(1)};
  bool ended_ = false;
};

}  // namespace
}  // namespace ming::signaling

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::fuzz::Play<ming::signaling::Harness>(data, size, ming::signaling::kStates);
  return 0;
}
