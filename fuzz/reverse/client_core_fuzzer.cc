// ClientCore under any order of lines, dials, losses and time. The first byte picks how it comes
// back and how far it has come, the second one what it proves and carries; then each step is an
// opcode with its arguments.
#include <glog/logging.h>

#include <optional>
#include <set>
#include <string>
#include <variant>

#include "ming/base/byte_io.h"
#include "ming/reverse/client_core.h"

#include "../../tests/reverse/fake_token_key.h"
#include "../support/input.h"
#include "../support/time_step.h"
#include "conn_ledger.h"

namespace ming::reverse {
namespace {

codec::ReverseConnId Conn(uint8_t number) {
  std::string text(32, '0');
  text[31] = static_cast<char>('0' + number % 5);
  return *codec::ReverseConnId::Parse(text);
}

class Driver {
 public:
  explicit Driver(ByteReader& input)
      : Driver(input.ReadU8().value_or(0), input.ReadU8().value_or(0)) {}

  void Step(uint8_t opcode, ByteReader& input) {
    const uint8_t argument = input.ReadU8().value_or(0);
    const codec::ReverseConnId conn = Conn(argument);
    switch (opcode % 21) {
      case 0:
        core_.HandleControlConnected(now_);
        break;
      case 1:
        Hear("OK heartbeat=" + std::to_string(argument * 100) + "\n");
        break;
      case 2:
        Hear(std::string(fuzz::TakeBytes(input, argument).AsText()));
        break;
      case 3:
        core_.HandleControlEnd(now_, Status(StatusCode::kUnavailable, "lost"));
        break;
      case 4:
        Hear("NEW_CONN " + conn.ToString() + " src=192.0.2.1:1 ttl=1000\n");
        break;
      case 5:
        Hear("CLOSE " + conn.ToString() + " caller-gone\n");
        break;
      case 6:
        core_.HandleLinkConnected(now_, conn);
        break;
      case 7:
        HearLink(conn, argument % 2 == 0 ? "OK\nraw" : "ERR UNKNOWN\n");
        break;
      case 8:
        core_.HandleLinkEnd(now_, conn);
        break;
      case 9:
        core_.HandleTargetConnected(now_, conn);
        break;
      case 10:
        core_.HandleTargetFailed(now_, conn, codec::ReverseReason::kTargetRefused);
        break;
      case 12:
        core_.HandleControlEnd(now_, Status(StatusCode::kPermissionDenied, "no certificate"));
        break;
      case 13:
        Hear("NEW_CONN " + conn.ToString() + " proto=udp src=192.0.2.1:1 ttl=1000\n");
        break;
      case 14:
        core_.HandleNoResources(now_, conn);
        break;
      case 16:
        Hear("OK heartbeat=5000 udp=1 ahead=" + std::to_string(argument % 4) + "\n");
        break;
      case 17:
        Hear("AHEAD " + conn.ToString() + "\n");
        break;
      case 18:
        HearLink(conn, argument % 2 == 0 ? "OK src=192.0.2.1:1\n" : "OK proto=udp\n");
        break;
      case 19:
        Hear("OK heartbeat=5000 reuse=1 ahead=" + std::to_string(argument % 4) + "\n");
        break;
      case 20:
        if (pieces_.erase(conn) == 0) break;
        core_.HandleRelayDone(now_, conn, codec::ReverseReason::kDone, true);
        break;
      case 11:
        core_.HandleRelayDone(now_, conn, codec::ReverseReason::kDone);
        break;
      default:
        fuzz::PassTime(core_, std::chrono::milliseconds(50 * argument), now_);
        break;
    }
    Drain();
  }

  void Finish() {
    conns_.Finish(core_, now_, [this] { Drain(); });
    CHECK(ended_);
  }

 private:
  Driver(uint8_t state, uint8_t proofs)
      : core_(Options(state, proofs), random_, (proofs & 1) != 0 ? &key_ : nullptr) {
    core_.Start(now_);
    if ((state & 8) != 0) core_.HandleControlConnected(now_);
    if ((state & 16) != 0) Hear("OK session=0011223344556677 heartbeat=5000 udp=1\n");
    if ((state & 32) != 0) Hear("NEW_CONN " + Conn(0).ToString() + " src=192.0.2.1:1 ttl=1000\n");
    Drain();
  }

  static ClientCoreOptions Options(uint8_t state, uint8_t proofs) {
    ClientCoreOptions options;
    options.max_conns = 3;
    options.reconnect.enabled = (state & 1) == 0;
    options.orphans = (state & 2) != 0 ? Orphans::kKill : Orphans::kDrain;
    options.reconnect.after_replace = (state & 4) != 0;
    options.dial_first = (state & 64) != 0;
    options.udp = (proofs & 2) != 0;
    if ((proofs & 4) != 0) options.orphans = Orphans::kKeep;
    options.reconnect.after_refusal = (proofs & 8) != 0;
    if ((proofs & 16) != 0) options.reconnect.count = 2;
    if ((proofs & 32) != 0) options.labels = {"web", "db"};
    if ((proofs & 64) != 0 && !options.dial_first) options.ahead = 2;
    return options;
  }

  void Hear(std::string text) {
    while (!text.empty()) {
      const size_t taken = core_.HandleControlBytes(now_, ByteSpan(text));
      CHECK_LE(taken, text.size());
      Drain();
      if (taken == 0) return;
      text.erase(0, taken);
    }
  }
  void HearLink(const codec::ReverseConnId& conn, const std::string& text) {
    CHECK_LE(core_.HandleLinkBytes(now_, conn, ByteSpan(std::string_view(text))), text.size());
  }

  void Drain() {
    while (const std::optional<client::Event> event = core_.PollEvent()) {
      CHECK(!ended_) << "an event behind the last one";
      if (const auto* begin = std::get_if<client::ConnNew>(&*event)) {
        conns_.Begin(begin->conn);
      } else if (const auto* start = std::get_if<client::StartRelay>(&*event)) {
        conns_.BeginRelay(start->conn);
        if (start->pieces) pieces_.insert(start->conn);
      } else if (const auto* over = std::get_if<client::ConnEnd>(&*event)) {
        conns_.End(over->conn);
        pieces_.erase(over->conn);
      } else if (std::holds_alternative<client::Ended>(*event)) {
        ended_ = true;
      }
    }
    CHECK(core_.IsConsistent());
  }

  SeededRandom random_{1};
  const FakeTokenKey key_{"s3cret"};
  ClientCore core_;
  Timestamp now_{std::chrono::seconds(1)};
  ConnLedger<codec::ReverseConnId> conns_;
  std::set<codec::ReverseConnId> pieces_;  // relays whose links may be used again
  bool ended_ = false;
};

}  // namespace
}  // namespace ming::reverse

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::fuzz::RunOpcodes<ming::reverse::Driver>({data, size}, 500);
  return 0;
}
