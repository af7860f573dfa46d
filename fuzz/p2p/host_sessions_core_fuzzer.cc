// HostSessionsCore under any order of messages, losses and time. The first byte picks how far it
// has come; then each step is an opcode with its arguments.
#include <glog/logging.h>

#include <optional>
#include <set>
#include <string>
#include <variant>

#include "ming/base/byte_io.h"
#include "ming/p2p/host_sessions_core.h"

#include "../../tests/p2p/descriptions.h"
#include "../support/input.h"
#include "../support/time_step.h"

namespace ming::p2p {
namespace {

class Driver {
 public:
  explicit Driver(uint8_t state) : core_(Options()) {
    core_.Start(now_);
    if ((state & 1) != 0) core_.HandleSignalingUp();
    signaling_up_ = (state & 1) != 0;
    if ((state & 2) != 0) core_.HandleOffer(now_, "c0", Offer(1, "aaaa"));
    Drain();
    if ((state & 4) != 0) {
      core_.HandlePathState(now_, SessionId(1), PathState::kConnected, Status::Ok());
    }
    if ((state & 8) != 0) core_.StopAccepting();
    Drain();
  }

  void Step(uint8_t opcode, ByteReader& input) {
    const uint8_t argument = input.ReadU8().value_or(0);
    const std::string client = "c" + std::to_string(argument % 5);
    const std::string ufrag(4, static_cast<char>('a' + argument / 5 % 3));
    const SessionId session(argument % 16);
    switch (opcode % 15) {
      case 0:
        signaling_up_ = true;
        core_.HandleSignalingUp();
        break;
      case 1:
        signaling_up_ = false;
        core_.HandleSignalingDown(Why());
        break;
      case 2:
        signaling_up_ = false;
        core_.HandleSignalingRefused(now_, Why());
        break;
      case 3:
        core_.HandleOffer(now_, client, Offer(argument / 15 % 3, ufrag));
        break;
      case 4:
        core_.HandleOffer(now_, client, std::string(fuzz::TakeBytes(input, argument).AsText()));
        break;
      case 5:
        core_.HandleRemoteCandidate(now_, client, {"r", ufrag});
        break;
      case 6:
        core_.HandleRemoteCandidate(now_, client, {"r", {}});
        break;
      case 7:
        core_.HandleLocalCandidate(session, {"l", {}});
        break;
      case 8:
        core_.HandlePathState(now_, session, PathState::kConnected, Status::Ok());
        break;
      case 9:
        core_.HandlePathState(now_, session, PathState::kDisconnected, Why());
        break;
      case 10:
        core_.HandlePathState(now_, session, PathState::kEnded, Why());
        break;
      case 11:
        core_.HandleSessionFailed(session, Why());
        break;
      case 12:
        core_.HandleLocalAnswer(session, Answer(1, ufrag));
        break;
      case 14:
        core_.HandleNetworkChanged();
        break;
      default:
        fuzz::PassTime(core_, std::chrono::milliseconds(50 * argument), now_);
        break;
    }
    Drain();
  }

  void Finish() {
    core_.Close();
    Drain();
    CHECK(ended_);
    CHECK(live_.empty());
    CHECK(core_.NextTimeout() == Timestamp::Max());
  }

 private:
  static HostSessionsOptions Options() {
    HostSessionsOptions options;
    options.max_sessions = 3;
    options.max_candidates = 3;
    options.max_early_clients = 2;
    return options;
  }
  static Status Why() { return Status(StatusCode::kUnavailable, "lost"); }

  void Drain() {
    while (const std::optional<HostEvent> event = core_.PollEvent()) {
      CHECK(!ended_) << "an event behind the last one";
      if (const auto* create = std::get_if<CreateSession>(&*event)) {
        CHECK(live_.insert(create->session).second) << "a session id used twice";
        core_.HandleLocalAnswer(create->session, Answer(create->session.value(), "hhhh"));
      } else if (const auto* end = std::get_if<EndSession>(&*event)) {
        CHECK_EQ(live_.erase(end->session), 1U) << "a session ended twice";
      } else if (std::holds_alternative<SendAnswer>(*event) ||
                 std::holds_alternative<SendCandidateTo>(*event) ||
                 std::holds_alternative<RequestRestart>(*event)) {
        CHECK(signaling_up_);
      } else if (std::holds_alternative<HostEnded>(*event)) {
        ended_ = true;
      }
    }
    CHECK(core_.IsConsistent());
  }

  HostSessionsCore core_;
  Timestamp now_{std::chrono::seconds(1)};
  std::set<SessionId> live_;
  bool ended_ = false;
  bool signaling_up_ = false;
};

}  // namespace
}  // namespace ming::p2p

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::fuzz::RunOpcodes<ming::p2p::Driver>({data, size});
  return 0;
}
