// CoreDriver: a ChannelStreamCore under test, with everything it asks for recorded.
#ifndef MING_TESTS_TUNNEL_CORE_DRIVER_H_
#define MING_TESTS_TUNNEL_CORE_DRIVER_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/time.h"
#include "ming/codec/tunnel_control.h"
#include "ming/link/message_channel.h"
#include "ming/tunnel/channel_stream_core.h"

namespace ming::tunnel {

class CoreDriver {
 public:
  explicit CoreDriver(const ChannelStreamOptions& options) : core(options) {}

  // From the peer.
  void Text(std::string_view text) {
    core.HandleMessage(now, link::MessageKind::kText, ByteBuffer::CopyOf(text));
    Drain();
  }
  void Data(std::string_view bytes) {
    core.HandleMessage(now, link::MessageKind::kBinary, ByteBuffer::CopyOf(bytes));
    Drain();
  }
  void ChannelClosed(const Status& why = Status::Ok()) {
    core.HandleChannelClosed(why);
    Drain();
  }
  void Advance(Duration duration) {
    now = now + duration;
    core.HandleTimeout(now);
    Drain();
  }

  // From our user.
  void CloseWrite() {
    core.CloseWrite(now);
    Drain();
  }
  void Reset(std::string reason) {
    core.Reset(Status(StatusCode::kUnavailable, std::move(reason)));
    Drain();
  }
  void Refuse(std::string reason) {
    core.Refuse(Status(StatusCode::kUnavailable, std::move(reason)));
    Drain();
  }
  void ConfirmOpen() {
    core.ConfirmOpen();
    Drain();
  }
  void Sent(size_t count) {
    core.HandleSent(count);
    Drain();
  }
  // All that can be read now.
  std::string ReadAll() {
    std::string bytes;
    while (true) {
      const link::ReadChunk chunk = core.Peek(65536);
      last_state = chunk.state;
      if (chunk.state != link::ReadState::kData) break;
      bytes += chunk.bytes.AsText();
      core.Consume(now, chunk.bytes.size());
    }
    Drain();
    return bytes;
  }
  void Consume(size_t count) {
    core.Consume(now, count);
    Drain();
  }

  bool closes() const { return Did("close"); }
  bool Did(const std::string& what) const {
    for (const std::string& done : log) {
      if (done == what) return true;
    }
    return false;
  }
  // What happened since the last call.
  std::vector<std::string> TakeLog() { return std::exchange(log, {}); }

  ChannelStreamCore core;
  Timestamp now{std::chrono::seconds(100)};
  link::ReadState last_state = link::ReadState::kWouldBlock;
  // "text:end", "pause", "resume", "close", "readable", "writable", "failed".
  std::vector<std::string> log;

 private:
  void Drain() {
    while (const auto action = core.NextAction()) {
      switch (*action) {
        case ChannelAction::kPause:
          log.emplace_back("pause");
          break;
        case ChannelAction::kResume:
          log.emplace_back("resume");
          break;
        case ChannelAction::kSendControl:
          log.push_back("text:" +
                        std::string(codec::SerializeTunnelControl(core.control()).AsText()));
          core.HandleControlSent();
          break;
        case ChannelAction::kClose:
          log.emplace_back("close");
          break;
      }
    }
    while (const auto event = core.PollEvent()) {
      switch (*event) {
        case ChannelStreamEvent::kReadable:
          log.emplace_back("readable");
          break;
        case ChannelStreamEvent::kWritable:
          log.emplace_back("writable");
          break;
        case ChannelStreamEvent::kFailed:
          log.emplace_back("failed");
          break;
      }
    }
    EXPECT_TRUE(core.IsConsistent());
  }
};

inline ChannelStreamOptions MingOptions(ChannelSide side, uint32_t credit = 1000) {
  ChannelStreamOptions options;
  options.side = side;
  options.terms.half_close = true;
  options.terms.credit = CreditTerms{credit, credit};
  return options;
}

inline ChannelStreamOptions ForeignOptions(ChannelSide side) {
  ChannelStreamOptions options;
  options.side = side;
  return options;
}

}  // namespace ming::tunnel

#endif  // MING_TESTS_TUNNEL_CORE_DRIVER_H_
