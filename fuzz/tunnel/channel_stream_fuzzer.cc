// ChannelStreamCore under a hostile peer and a user that does anything the contract allows. The
// first byte picks the terms and the side, the rest are steps. A model of the bytes checks that
// what is read is what came.
#include <glog/logging.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ming/base/byte_io.h"
#include "ming/tunnel/channel_stream_core.h"

#include "../support/input.h"

namespace ming::tunnel {
namespace {

class Driver {
 public:
  explicit Driver(ByteSpan input)
      : input_(input), options_(PickOptions(input_.ReadU8().value_or(0))), core_(options_) {}

  void Run() {
    while (const auto step = input_.ReadU8()) {
      Step(*step);
      Drain();
      CHECK(core_.IsConsistent());
      const bool credit = options_.terms.credit.has_value();
      CHECK_LE(core_.buffered_bytes(),
               credit ? options_.terms.credit->receive : options_.receive_limit);
    }
  }

 private:
  static ChannelStreamOptions PickOptions(uint8_t bits) {
    ChannelStreamOptions options;
    options.side = (bits & 1) != 0 ? ChannelSide::kAcceptor : ChannelSide::kOpener;
    options.terms.half_close = (bits & 2) != 0;
    if ((bits & 4) != 0) options.terms.credit = CreditTerms{bits & 8U ? 0U : 300U, 300};
    options.receive_low_water = 20;
    options.receive_high_water = 100;
    options.receive_limit = 400;
    return options;
  }

  void Message(link::MessageKind kind, ByteSpan bytes) {
    const size_t before = core_.buffered_bytes();
    core_.HandleMessage(now_, kind, ByteBuffer::CopyOf(bytes));
    if (core_.buffered_bytes() > before) expected_ += bytes.AsText();
  }

  void Step(uint8_t step) {
    static constexpr std::string_view kControls[] = {
        "open", "end", "reset r", "refuse r", "credit 5", "credit 1073741824", "later 1"};
    switch (step % 16) {
      case 0:
      case 1:
        return Message(link::MessageKind::kBinary, fuzz::TakeCounted(input_));
      case 2:
        return Message(link::MessageKind::kText, fuzz::TakeCounted(input_));
      case 3:
      case 4:
        return Message(link::MessageKind::kText,
                       ByteSpan(kControls[(step / 16) % std::size(kControls)]));
      case 5:
        closed_ = true;
        return core_.HandleChannelClosed(
            step / 16 % 2 == 0 ? Status::Ok() : Status(StatusCode::kTimeout, "path lost"));
      case 6:
        now_ = now_ + std::chrono::milliseconds(step * 10);
        return core_.HandleTimeout(now_);
      case 7:
      case 8:
        return Read(size_t{1} + step);
      case 9:
      case 10:
        return Write(size_t{1} + step);
      case 11:
        return MayWrite() ? core_.CloseWrite(now_) : void();
      case 12:
        blocked_ = !blocked_;
        return blocked_ ? void() : core_.HandleChannelReady();
      case 13:
        return Answer(step);
      case 14:
        if (step / 16 == 15) {
          user_reset_ = true;
          core_.Reset(Status(StatusCode::kUnavailable, "gone"));
        }
        return;
      case 15:
        return Read(1);
    }
  }

  void Read(size_t most) {
    const link::ReadChunk chunk = core_.Peek(most);
    if (chunk.state != link::ReadState::kData) return;
    CHECK(!failed_ && !user_reset_) << "bytes after the stream was over";
    CHECK_LE(chunk.bytes.size(), most);
    CHECK_EQ(chunk.bytes.AsText(), std::string_view(expected_).substr(0, chunk.bytes.size()));
    const size_t taken = most % 2 == 0 ? chunk.bytes.size() : (chunk.bytes.size() + 1) / 2;
    expected_.erase(0, taken);
    core_.Consume(now_, taken);
  }

  // An acceptor answers first.
  bool MayWrite() const { return options_.side == ChannelSide::kOpener || answered_; }

  void Write(size_t most) {
    if (!MayWrite()) return;
    if (core_.write_is_void()) return core_.HandleVoidWrite();
    const size_t allowance = core_.SendAllowance();
    CHECK_LE(allowance, options_.terms.max_message_bytes);
    if (allowance > 0) core_.HandleSent(std::min(allowance, most));
  }

  void Answer(uint8_t step) {
    if (options_.side != ChannelSide::kAcceptor || answered_) return;
    answered_ = true;
    if (step / 16 % 4 != 0) return core_.ConfirmOpen();
    user_reset_ = true;
    core_.Refuse(Status(StatusCode::kUnavailable, "no"));
  }

  void Drain() {
    while (const auto action = core_.NextAction()) {
      CHECK(!closed_) << "an action on a channel that is gone";
      CHECK(!close_asked_) << "an action behind the close";
      if (*action == ChannelAction::kClose) close_asked_ = true;
      if (*action != ChannelAction::kSendControl) continue;
      CHECK(options_.terms.speaks_control());
      CHECK(!codec::SerializeTunnelControl(core_.control()).empty());
      if (blocked_) break;
      core_.HandleControlSent();
    }
    while (const auto event = core_.PollEvent()) {
      CHECK(!failed_ && !user_reset_) << "an event after the last one";
      if (*event != ChannelStreamEvent::kFailed) continue;
      CHECK(!core_.failure().ok());
      failed_ = true;
    }
  }

  ByteReader input_;
  const ChannelStreamOptions options_;
  ChannelStreamCore core_;
  Timestamp now_{std::chrono::seconds(1)};
  std::string expected_;  // came and was not read
  bool blocked_ = false;
  bool closed_ = false;
  bool close_asked_ = false;
  bool failed_ = false;
  bool user_reset_ = false;
  bool answered_ = false;
};

}  // namespace
}  // namespace ming::tunnel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::tunnel::Driver(ming::ByteSpan(data, size)).Run();
  return 0;
}
