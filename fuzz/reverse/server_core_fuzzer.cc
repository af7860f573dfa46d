// ServerCore under any order of callers, links, bytes, losses and time. The first byte picks how
// callers and clients are treated and how far it has come, the second one what clients have to
// prove and may carry; then each step is an opcode with its arguments.
#include <glog/logging.h>

#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/reverse/server_core.h"

#include "../../tests/reverse/fake_token_key.h"
#include "../support/input.h"
#include "../support/time_step.h"
#include "conn_ledger.h"

namespace ming::reverse {
namespace {

class Driver {
 public:
  explicit Driver(ByteReader& input)
      : Driver(input.ReadU8().value_or(0), input.ReadU8().value_or(0)) {}

  void Step(uint8_t opcode, ByteReader& input) {
    const uint8_t argument = input.ReadU8().value_or(0);
    switch (opcode % 18) {
      case 0:
        Call(argument, CallerKind::kStream);
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
        Say(NewLink("192.0.2.9", argument), argument % 2 == 0 ? Control("beta") : "RT1 CONTROL\n");
        break;
      case 5:  // the data connection of what was announced
        if (announced_.empty()) break;
        Say(NewLink("192.0.2.9", argument), Data(argument));
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
      case 9:
        if (udp_) Call(argument, CallerKind::kDatagrams);
        break;
      case 10:  // a client by its certificate, with or without UDP
        Say(NewLink("192.0.2.1", argument), Control("alpha", argument % 2 == 0 ? "1" : "0"));
        break;
      case 11:
        if (!last_control_.empty()) Say(NewLink("192.0.2.1", argument), last_control_);
        break;
      case 12:  // clocks drift, and jump
        key_.clock += argument - 128;
        break;
      case 14:  // a client that opens connections ahead of need
        Say(NewLink("192.0.2.1", argument), Control("alpha", "1", argument % 4, argument / 4 % 2));
        break;
      case 16:  // the last byte of a caller is gone, and its connection is left
        Leave(CallerId(argument));
        break;
      case 17:  // its client is done with it, or says so of another one
        if (announced_.empty()) break;
        Say(LinkId(argument % 16 + 1), "READY " + announced_[argument % announced_.size()] + "\n");
        break;
      case 15:  // the next relay finds its link dead
        dead_ = true;
        break;
      default:
        fuzz::PassTime(core_, std::chrono::milliseconds(50 * argument), now_);
        break;
    }
    Drain();
  }

  void Finish() {
    conns_.Finish(core_, now_, [this] { Drain(); });
    CHECK(stopped_);
  }

 private:
  Driver(uint8_t state, uint8_t proofs)
      : token_((proofs & 1) != 0),
        certificates_((proofs & 2) != 0),
        udp_((proofs & 4) != 0),
        core_(Options(state, proofs), random_, token_ ? &key_ : nullptr),
        listeners_((state & 8) != 0 ? 2 : 1) {
    if ((state & 16) != 0) Say(NewLink("192.0.2.1", 0), Control("alpha", "1"));
    if ((state & 32) != 0) Call(0, CallerKind::kStream);
    if ((state & 64) != 0) core_.Stop(now_);
    Drain();
  }

  static ServerCoreOptions Options(uint8_t state, uint8_t proofs) {
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
    options.client_certificates = (proofs & 2) != 0;
    options.udp = (proofs & 4) != 0;
    if ((proofs & 8) != 0) options.heartbeat = Duration::zero();
    if ((proofs & 16) != 0) options.orphans = Orphans::kKeep;
    options.max_clients = 2;
    options.max_nonces = 3;
    return options;
  }

  void Call(size_t listener, CallerKind kind) {
    core_.HandleCaller(now_, CallerId(++last_caller_), listener % listeners_, "203.0.113.9:1",
                       kind);
  }
  void Leave(CallerId caller) {
    if (pieces_.erase(caller) == 0) return;
    const LinkId link(++last_link_);
    links_.insert(link);
    core_.HandleRelayDone(now_, caller, codec::ReverseReason::kDone, link);
  }
  LinkId NewLink(const std::string& address) {
    const LinkId link(++last_link_);
    links_.insert(link);
    core_.HandleLink(now_, link, address);
    Drain();
    return link;
  }
  // One that shows a certificate, where they are wanted: mostly a good one.
  LinkId NewLink(const std::string& address, uint8_t whose) {
    const LinkId link = NewLink(address);
    constexpr std::array<const char*, 4> kNames = {"alpha", "alpha", "beta", nullptr};
    const char* const name = kNames.at(whose / 2 % kNames.size());
    if (certificates_ && name != nullptr) core_.HandleLinkName(link, name);
    return link;
  }
  // A first line that proves what is wanted.
  std::string Control(const std::string& id, const std::string& udp = "0", int ahead = 0,
                      int reuse = 0) {
    codec::ReverseControl line;
    line.params.Add("id", id);
    line.params.Add("label", "web");
    if (token_) SignControl(key_, random_, id, line.params);
    line.params.Add("udp", udp);
    if (ahead > 0) line.params.Add("ahead", std::to_string(ahead));
    if (reuse > 0) line.params.Add("reuse", std::to_string(reuse));
    last_control_ = codec::SerializeReverseLine(line);
    return last_control_;
  }
  std::string Data(uint8_t which) {
    codec::ReverseData line{*codec::ReverseConnId::Parse(announced_[which % announced_.size()]),
                            {}};
    if (token_) SignData(key_, line.conn, line.params);
    return codec::SerializeReverseLine(line);
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
        for (size_t at = 0; send->text.compare(at, 6, "AHEAD ") == 0; at += 39) {
          announced_.push_back(send->text.substr(at + 6, 32));
        }
      } else if (const auto* end = std::get_if<EndLink>(&*event)) {
        CHECK_EQ(links_.erase(end->link), 1U) << "a link ended twice";
      } else if (const auto* start = std::get_if<StartRelay>(&*event)) {
        CHECK_EQ(links_.erase(start->link), 1U);
        CHECK_EQ(start->reply.rfind("OK", 0), 0U);
        if (std::exchange(dead_, false)) {
          core_.HandleLinkDead(now_, *start);
          continue;
        }
        conns_.BeginRelay(start->caller);
        if (start->pieces) pieces_.insert(start->caller);
      } else if (const auto* begin = std::get_if<ConnNew>(&*event)) {
        conns_.Begin(begin->caller);
      } else if (const auto* over = std::get_if<ConnEnd>(&*event)) {
        conns_.End(over->caller);
        pieces_.erase(over->caller);
      } else if (std::holds_alternative<ServerStopped>(*event)) {
        stopped_ = true;
      }
    }
    CHECK(core_.IsConsistent());
  }

  const bool token_;
  const bool certificates_;
  const bool udp_;
  SeededRandom random_{1};
  FakeTokenKey key_{"s3cret"};
  ServerCore core_;
  const size_t listeners_;
  Timestamp now_{std::chrono::seconds(1)};
  uint64_t last_caller_ = 0;
  uint64_t last_link_ = 0;
  std::set<LinkId> links_;
  ConnLedger<CallerId> conns_;
  std::set<CallerId> pieces_;  // relays whose connections may be used again
  std::vector<std::string> announced_;
  std::string last_control_;
  bool dead_ = false;
  bool stopped_ = false;
};

}  // namespace
}  // namespace ming::reverse

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::fuzz::RunOpcodes<ming::reverse::Driver>({data, size}, 500);
  return 0;
}
