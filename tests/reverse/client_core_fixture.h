// ClientCoreTest: a ClientCore driven by lines of text, whose events are lines of text as well.
#ifndef MING_TESTS_REVERSE_CLIENT_CORE_FIXTURE_H_
#define MING_TESTS_REVERSE_CLIENT_CORE_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/reverse/client_core.h"

namespace ming::reverse {

inline constexpr char kConn[] = "0123456789abcdef0123456789abcdef";
inline constexpr char kOther[] = "fedcba9876543210fedcba9876543210";

inline codec::ReverseConnId Conn(const char* text) { return *codec::ReverseConnId::Parse(text); }

// What the core said, as a line each; connections by their first digit.
struct DescribeClientEvent {
  std::string operator()(const client::DialControl& /*e*/) const { return "dial-control"; }
  std::string operator()(const client::SendControl& e) const {
    return "send " + e.text.substr(0, e.text.size() - 1);
  }
  std::string operator()(const client::EndControl& /*e*/) const { return "end-control"; }
  std::string operator()(const client::DialServer& e) const {
    return "dial-server " + Text(e.conn);
  }
  std::string operator()(const client::SendLink& e) const {
    return "send-link " + e.text.substr(0, e.text.size() - 1);
  }
  std::string operator()(const client::DialTarget& e) const {
    return "dial-target " + Text(e.conn) + " " + e.source +
           (e.kind == CallerKind::kDatagrams ? " udp" : "");
  }
  std::string operator()(const client::StartRelay& e) const {
    return "relay " + Text(e.conn) + (e.pieces ? " in pieces" : "");
  }
  std::string operator()(const client::KeepLink& e) const { return "keep " + Text(e.conn); }
  std::string operator()(const client::AbortRelay& e) const { return "abort " + Text(e.conn); }
  std::string operator()(const client::DropConn& e) const { return "drop " + Text(e.conn); }
  std::string operator()(const client::Ended& e) const {
    return "ended " + std::to_string(static_cast<int>(e.end));
  }
  std::string operator()(const client::ControlUp& e) const { return "up " + e.session; }
  std::string operator()(const client::ControlDown& /*e*/) const { return "down"; }
  std::string operator()(const client::ReconnectWait& /*e*/) const { return "wait"; }
  std::string operator()(const client::ConnNew& e) const { return "conn-new " + Text(e.conn); }
  std::string operator()(const client::ConnPaired& e) const { return "paired " + Text(e.conn); }
  std::string operator()(const client::ConnEnd& e) const {
    return "conn-end " + Text(e.conn) + " " + std::string(ReverseReasonName(e.reason));
  }
  static std::string Text(const codec::ReverseConnId& conn) { return conn.ToString().substr(0, 1); }
};

using Lines = std::vector<std::string>;

// One core, and a server that says what it is told to.
class ClientCoreTest : public testing::Test {
 protected:
  ClientCoreTest() { Use({}); }

  void Use(const ClientCoreOptions& options, const TokenKey* token = nullptr) {
    core_.emplace(options, random_, token);
  }

  Lines Events() {
    Lines lines;
    while (auto event = core_->PollEvent()) {
      if (const auto* const wait = std::get_if<client::ReconnectWait>(&*event)) {
        last_delay_ = wait->delay;
      }
      lines.push_back(std::visit(DescribeClientEvent(), *event));
    }
    EXPECT_TRUE(core_->IsConsistent());
    return lines;
  }
  static bool Has(const Lines& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  size_t Hear(const std::string& text) { return core_->HandleControlBytes(now_, ByteSpan(text)); }
  size_t HearLink(const char* conn, const std::string& text) {
    return core_->HandleLinkBytes(now_, Conn(conn), ByteSpan(text));
  }
  void Up() {
    core_->Start(now_);
    core_->HandleControlConnected(now_);
    Hear("OK session=0011223344556677 pair-timeout=10000 heartbeat=5000\n");
    Events();
  }
  void Announce(const char* conn) {
    Hear("NEW_CONN " + std::string(conn) + " src=192.0.2.9:1 ttl=1000\n");
  }
  // As far as the target being dialled.
  void Accept(const char* conn) {
    Announce(conn);
    core_->HandleLinkConnected(now_, Conn(conn));
    HearLink(conn, "OK\n");
  }
  void Relay(const char* conn) {
    Accept(conn);
    core_->HandleTargetConnected(now_, Conn(conn));
    Events();
  }
  Lines Pass(Duration time) {
    now_ = now_ + time;
    core_->HandleTimeout(now_);
    return Events();
  }

  // What the events say of the end of the control connection, or of the client.
  std::string WhyDown() {
    std::string why;
    while (const auto event = core_->PollEvent()) {
      if (const auto* down = std::get_if<client::ControlDown>(&*event)) why = down->why.message();
      if (const auto* ended = std::get_if<client::Ended>(&*event)) why = ended->why.message();
    }
    return why;
  }

  SeededRandom random_{7};
  Timestamp now_{std::chrono::seconds(1000)};
  Duration last_delay_{};
  std::optional<ClientCore> core_;
};

}  // namespace ming::reverse

#endif  // MING_TESTS_REVERSE_CLIENT_CORE_FIXTURE_H_
