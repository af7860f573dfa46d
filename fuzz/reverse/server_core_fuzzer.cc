// ServerCore under any order of callers, links, bytes, losses and time. The first byte picks the
// settings and how far it has come; then each step is an opcode with its arguments.
#include <glog/logging.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/reverse/server_core.h"

#include "../support/input.h"

namespace ming::reverse {
namespace {

class Driver {
 public:
  explicit Driver(uint8_t state)
      : core_(Options(state), random_), listeners_((state & 8) != 0 ? 2 : 1) {
    if ((state & 16) != 0) Say(NewLink("192.0.2.1"), "RT1 CONTROL id=alpha label=web\n");
    if ((state & 32) != 0) Call(0);
    if ((state & 64) != 0) core_.Stop(now_);
    Drain();
  }

  void Step(uint8_t opcode, ByteReader& input) {
    const uint8_t argument = input.ReadU8().value_or(0);
    switch (opcode % 10) {
      case 0:
        Call(argument % listeners_);
        break;
      case 1:
        core_.HandleCallerGone(now_, CallerId(argument));
        break;
      case 2:
        NewLink("192.0.2." + std::to_string(argument % 3));
        break;
      case 3:
        Say(LinkId(argument % 16 + 1), std::string(fuzz::TakeBytes(input, argument).AsText()));
        break;
      case 4:
        Say(NewLink("192.0.2.9"), argument % 2 == 0 ? "RT1 CONTROL id=beta\n" : "RT1 CONTROL\n");
        break;
      case 5:  // the data connection of what was announced
        if (announced_.empty()) break;
        Say(NewLink("192.0.2.9"), "RT1 DATA " + announced_[argument % announced_.size()] + "\n");
        break;
      case 6:
        if (announced_.empty()) break;
        Say(LinkId(argument % 16 + 1),
            "CLOSE " + announced_[argument % announced_.size()] + " target-refused\n");
        break;
      case 7:
        if (links_.count(LinkId(argument)) != 0) core_.HandleLinkEnd(now_, LinkId(argument));
        break;
      case 8:
        core_.HandleRelayDone(now_, CallerId(argument), codec::ReverseReason::kReset);
        break;
      default:
        now_ = now_ + std::chrono::milliseconds(50 * argument);
        core_.HandleTimeout(now_);
        CHECK(core_.NextTimeout() > now_);
        break;
    }
    Drain();
  }

  void Finish() {
    core_.Stop(now_);
    Drain();
    now_ = now_ + std::chrono::hours(1);
    core_.HandleTimeout(now_);
    Drain();
    const std::set<CallerId> relayed = relayed_;
    for (const CallerId caller : relayed) {
      core_.HandleRelayDone(now_, caller, codec::ReverseReason::kReset);
    }
    Drain();
    CHECK(stopped_);
    CHECK(open_.empty()) << "a caller without an end";
    CHECK(core_.NextTimeout() == Timestamp::Max());
  }

 private:
  static ServerCoreOptions Options(uint8_t state) {
    ServerCoreOptions options;
    options.max_pending = 3;
    options.max_relays = 2;
    options.max_handshakes = 4;
    options.max_handshakes_per_address = 2;
    options.second_client = (state & 1) != 0 ? SecondClient::kReplace : SecondClient::kReject;
    options.offline = (state & 2) != 0 ? Offline::kFailFast : Offline::kWait;
    options.orphans = (state & 4) != 0 ? Orphans::kKill : Orphans::kDrain;
    if ((state & 8) != 0) {
      options.listeners = {{ClientSelector::Kind::kId, "alpha"},
                           {ClientSelector::Kind::kLabel, "web"}};
    }
    return options;
  }

  void Call(size_t listener) {
    core_.HandleCaller(now_, CallerId(++last_caller_), listener % listeners_, "203.0.113.9:1");
  }
  LinkId NewLink(const std::string& address) {
    const LinkId link(++last_link_);
    links_.insert(link);
    core_.HandleLink(now_, link, address);
    Drain();
    return link;
  }
  void Say(LinkId link, std::string text) {
    while (!text.empty() && links_.count(link) != 0) {
      const size_t taken = core_.HandleLinkBytes(now_, link, ByteSpan(text));
      CHECK_LE(taken, text.size());
      Drain();
      if (taken == 0) return;
      text.erase(0, taken);
    }
  }

  void Drain() {
    while (const std::optional<ServerEvent> event = core_.PollEvent()) {
      CHECK(!stopped_ || std::holds_alternative<SendLine>(*event) ||
            std::holds_alternative<EndLink>(*event) || std::holds_alternative<ConnNew>(*event) ||
            std::holds_alternative<ResetCaller>(*event) ||
            std::holds_alternative<ConnEnd>(*event) || std::holds_alternative<DataRejected>(*event))
          << "more than refusals behind the end";
      if (const auto* send = std::get_if<SendLine>(&*event)) {
        CHECK_EQ(links_.count(send->link), 1U) << "a line for a link that is gone";
        if (send->text.rfind("NEW_CONN ", 0) == 0) announced_.push_back(send->text.substr(9, 32));
      } else if (const auto* end = std::get_if<EndLink>(&*event)) {
        CHECK_EQ(links_.erase(end->link), 1U) << "a link ended twice";
      } else if (const auto* start = std::get_if<StartRelay>(&*event)) {
        CHECK_EQ(links_.erase(start->link), 1U);
        CHECK(relayed_.insert(start->caller).second);
      } else if (const auto* begin = std::get_if<ConnNew>(&*event)) {
        CHECK(open_.insert(begin->caller).second);
      } else if (const auto* over = std::get_if<ConnEnd>(&*event)) {
        CHECK_EQ(open_.erase(over->caller), 1U) << "a caller ended twice";
        relayed_.erase(over->caller);
      } else if (std::holds_alternative<ServerStopped>(*event)) {
        stopped_ = true;
      }
    }
    CHECK(core_.IsConsistent());
  }

  SeededRandom random_{1};
  ServerCore core_;
  const size_t listeners_;
  Timestamp now_{std::chrono::seconds(1)};
  uint64_t last_caller_ = 0;
  uint64_t last_link_ = 0;
  std::set<LinkId> links_;
  std::set<CallerId> open_;
  std::set<CallerId> relayed_;
  std::vector<std::string> announced_;
  bool stopped_ = false;
};

}  // namespace
}  // namespace ming::reverse

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::fuzz::RunOpcodes<ming::reverse::Driver>({data, size}, 500);
  return 0;
}
