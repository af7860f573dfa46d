// ClientSessionCore under any order of messages, losses and time. The first byte picks how far it
// has come; then each step is an opcode with its arguments.
#include <glog/logging.h>

#include <optional>
#include <string>
#include <variant>

#include "ming/base/byte_io.h"
#include "ming/base/random.h"
#include "ming/p2p/client_session_core.h"

#include "../../tests/p2p/descriptions.h"
#include "../support/input.h"

namespace ming::p2p {
namespace {

class Driver {
 public:
  explicit Driver(uint8_t state) : core_(Options(), "host", random_) {
    core_.Start(now_);
    for (uint8_t step = 0; step < state % 6; ++step) {
      if (step == 0) core_.HandleSignalingUp(now_);
      if (step == 1) Offer();
      if (step == 2) core_.HandleAnswer(now_, Answer(1, "aaaa"));
      if (step == 3) core_.HandlePathState(now_, session_, PathState::kConnected, Status::Ok());
      if (step == 4) core_.HandlePathState(now_, session_, PathState::kDisconnected, Why());
      if (step == 0 || step == 4) signaling_up_ = true;
      Drain();
    }
  }

  void Step(uint8_t opcode, ByteReader& input) {
    const uint8_t argument = input.ReadU8().value_or(0);
    const std::string ufrag(4, static_cast<char>('a' + argument % 3));
    const SessionId session(argument % 4 == 0 ? SessionId(1) : session_);
    switch (opcode % 17) {
      case 0:
        signaling_up_ = true;
        core_.HandleSignalingUp(now_);
        break;
      case 1:
        signaling_up_ = false;
        core_.HandleSignalingDown(now_, Why());
        break;
      case 2:
        signaling_up_ = false;
        core_.HandleSignalingRefused(now_, Why());
        break;
      case 3:
        core_.HandleHostNotFound(now_, "not found");
        break;
      case 4:
        core_.HandleSignalingError(now_, "error");
        break;
      case 5:
        core_.HandleAnswer(now_, Answer(argument % 3, ufrag, argument % 5 != 0));
        break;
      case 6:
        core_.HandleAnswer(now_, fuzz::TakeBytes(input, argument).AsText());
        break;
      case 7:
        core_.HandleRemoteCandidate(now_, {"r", ufrag});
        break;
      case 8:
        core_.HandleLocalCandidate(now_, session, {"l", {}});
        break;
      case 9:
        core_.HandlePathState(now_, session, PathState::kConnected, Status::Ok());
        break;
      case 10:
        core_.HandlePathState(now_, session, PathState::kDisconnected, Why());
        break;
      case 11:
        core_.HandlePathState(now_, session, PathState::kEnded, Why());
        break;
      case 12:
        core_.HandleSessionFailed(now_, session, Why());
        break;
      case 14:
        core_.HandleNetworkChanged(now_);
        break;
      case 15:
        core_.HandleRestartRequest(now_);
        break;
      case 16:
        core_.HandleRestartFailed(now_, session);
        break;
      default:
        now_ = now_ + std::chrono::milliseconds(50 * argument);
        core_.HandleTimeout(now_);
        break;
    }
    Drain();
    CHECK(core_.NextTimeout() > now_ || TimeoutIsTaken()) << "a timeout that does not pass";
  }

  void Finish() {
    core_.Close(now_);
    Drain();
    CHECK(ended_);
    CHECK(!live_);
    CHECK(core_.NextTimeout() == Timestamp::Max());
  }

 private:
  static ClientSessionOptions Options() {
    ClientSessionOptions options;
    options.max_candidates = 3;
    return options;
  }
  static Status Why() { return Status(StatusCode::kUnavailable, "lost"); }

  void Offer() {
    core_.HandleLocalOffer(now_, session_, ming::p2p::Offer(session_.value(), "aaaa"));
  }

  bool TimeoutIsTaken() {
    core_.HandleTimeout(now_);
    Drain();
    return core_.NextTimeout() > now_;
  }

  void Drain() {
    while (const std::optional<ClientEvent> event = core_.PollEvent()) {
      CHECK(!ended_) << "an event behind the last one";
      if (const auto* start = std::get_if<StartSession>(&*event)) {
        CHECK(!live_);
        CHECK(session_ < start->session) << "a session id used twice";
        live_ = true;
        session_ = start->session;
        Offer();
      } else if (const auto* end = std::get_if<EndSession>(&*event)) {
        CHECK(live_ && end->session == session_);
        live_ = false;
      } else if (std::holds_alternative<RestartIce>(*event)) {
        CHECK(live_);
        Offer();
      } else if (std::holds_alternative<SendOffer>(*event) ||
                 std::holds_alternative<SendCandidate>(*event)) {
        CHECK(signaling_up_);
      } else if (std::holds_alternative<ClientEnded>(*event)) {
        CHECK(!live_);
        ended_ = true;
      }
    }
    CHECK(core_.IsConsistent());
  }

  SeededRandom random_{1};
  ClientSessionCore core_;
  Timestamp now_{std::chrono::seconds(1)};
  SessionId session_;
  bool live_ = false;
  bool ended_ = false;
  bool signaling_up_ = true;
};

}  // namespace
}  // namespace ming::p2p

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::fuzz::RunOpcodes<ming::p2p::Driver>({data, size});
  return 0;
}
