// ServerCoreTest: a ServerCore driven by lines of text, whose events are lines of text as well.
#ifndef MING_TESTS_REVERSE_SERVER_CORE_FIXTURE_H_
#define MING_TESTS_REVERSE_SERVER_CORE_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/reverse/server_core.h"

namespace ming::reverse {

// What the core said, as a line each: "send 1 OK ...", "end 1", "reset 1", "relay 1 2".
struct DescribeServerEvent {
  std::string operator()(const SendLine& e) const {
    return "send " + Text(e.link) + " " + e.text.substr(0, e.text.size() - 1);
  }
  std::string operator()(const EndLink& e) const { return "end " + Text(e.link); }
  std::string operator()(const ResetCaller& e) const { return "reset " + Text(e.caller); }
  std::string operator()(const StartRelay& e) const {
    return "relay " + Text(e.caller) + " " + Text(e.link) + (e.pieces ? " in pieces" : "");
  }
  std::string operator()(const AbortRelay& e) const { return "abort " + Text(e.caller); }
  std::string operator()(const StopListening& /*e*/) const { return "stop-listening"; }
  std::string operator()(const ServerStopped& /*e*/) const { return "stopped"; }
  std::string operator()(const ClientUp& e) const {
    return "client-up " + e.id + (e.chosen ? "" : " for nobody");
  }
  std::string operator()(const ClientDown& e) const {
    return "client-down " + e.id + " " + std::string(ReverseReasonName(e.reason));
  }
  std::string operator()(const ClientBusy& e) const { return "client-busy " + e.id; }
  std::string operator()(const ConnNew& e) const { return "conn-new " + Text(e.caller); }
  std::string operator()(const ConnEnd& e) const {
    return "conn-end " + Text(e.caller) + " " + std::string(ReverseReasonName(e.reason));
  }
  std::string operator()(const DataRejected& e) const {
    return "rejected " + std::string(ReverseErrorName(e.error));
  }
  template <typename Id>
  static std::string Text(Id id) {
    return std::to_string(id.value());
  }
};

// One core, and ends that say what they are told to.
class ServerCoreTest : public testing::Test {
 protected:
  ServerCoreTest() { Use({}); }

  void Use(const ServerCoreOptions& options, const TokenKey* token = nullptr) {
    core_.emplace(options, random_, token);
  }

  // All events since the last call; the reply that leaves with a relay as a line before it.
  std::vector<std::string> Events() {
    std::vector<std::string> lines;
    while (auto event = core_->PollEvent()) {
      const auto* const start = std::get_if<StartRelay>(&*event);
      if (start != nullptr) {
        lines.push_back(DescribeServerEvent()(SendLine{start->link, start->reply}));
      }
      lines.push_back(std::visit(DescribeServerEvent(), *event));
    }
    EXPECT_TRUE(core_->IsConsistent());
    return lines;
  }
  static bool Has(const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  // The one that starts so; empty if there is none.
  static std::string Line(const std::vector<std::string>& lines, const std::string& start) {
    for (const std::string& line : lines) {
      if (line.rfind(start, 0) == 0) return line;
    }
    return "";
  }
  static std::string ConnOf(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      const size_t at = line.find("NEW_CONN ");
      if (at != std::string::npos) return line.substr(at + 9, 32);
    }
    return "";
  }

  size_t Say(uint64_t link, const std::string& text) {
    return core_->HandleLinkBytes(now_, LinkId(link), ByteSpan(text));
  }
  std::vector<std::string> Connect(uint64_t link, const std::string& first_line,
                                   const std::string& address = "192.0.2.1") {
    core_->HandleLink(now_, LinkId(link), address);
    Say(link, first_line);
    return Events();
  }
  std::vector<std::string> Call(uint64_t caller, size_t listener = 0) {
    core_->HandleCaller(now_, CallerId(caller), listener, "203.0.113.9:4000");
    return Events();
  }
  // A caller that is announced, and relayed through `link`.
  void Pair(uint64_t caller, uint64_t link) {
    const std::string conn = ConnOf(Call(caller));
    const auto events = Connect(link, "RT1 DATA " + conn + "\n");
    ASSERT_TRUE(Has(events, "relay " + std::to_string(caller) + " " + std::to_string(link)));
  }
  std::vector<std::string> Pass(Duration time) {
    now_ = now_ + time;
    core_->HandleTimeout(now_);
    return Events();
  }

  SeededRandom random_{7};
  Timestamp now_{std::chrono::seconds(1000)};
  std::optional<ServerCore> core_;
};

}  // namespace ming::reverse

#endif  // MING_TESTS_REVERSE_SERVER_CORE_FIXTURE_H_
