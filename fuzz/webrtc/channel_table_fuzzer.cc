// ChannelTable under any order of commands, control messages, resets and time. The first byte picks
// the starting state; then each step is an opcode with its arguments.
#include <glog/logging.h>

#include <optional>
#include <set>
#include <string>

#include "ming/base/byte_io.h"
#include "ming/webrtc/channel_table.h"

#include "../support/input.h"

namespace ming::webrtc {
namespace {

class Driver {
 public:
  explicit Driver(uint8_t state) : table_(Options()) {
    if ((state & 1) != 0) Open();
    if ((state & 2) != 0) {
      table_.HandleAssociationUp((state & 4) != 0 ? StreamParity::kEven : StreamParity::kOdd, 8);
    }
    if ((state & 8) != 0) Open();
    Drain();
  }

  void Step(uint8_t opcode, ByteReader& input) {
    const StreamNumber stream(static_cast<uint16_t>(input.ReadU8().value_or(0) % 12));
    switch (opcode % 11) {
      case 0:
        Open();
        break;
      case 1:
        table_.Close(now_, ChannelId(stream.value()));
        break;
      case 2:
        table_.HandleControl(now_, stream, fuzz::TakeCounted(input));
        break;
      case 3:
        table_.HandleControl(now_, stream, codec::SerializeDataChannelOpen({}));
        break;
      case 4:
        table_.HandleIncomingReset(now_, stream);
        break;
      case 5:
        table_.HandleOutgoingReset(now_, stream);
        break;
      case 6:
        table_.HandleResetFailed(stream);
        break;
      case 7:
        now_ = now_ + std::chrono::milliseconds(100 * stream.value());
        table_.HandleTimeout(now_);
        break;
      case 8:
        table_.HandleStreams(static_cast<uint16_t>(8 + stream.value()));
        break;
      case 9:
        table_.HandleStreamsRefused();
        break;
      default:
        table_.HandleAssociationUp(StreamParity::kEven, 8);
        break;
    }
    Drain();
  }

  void Finish() {
    table_.HandleAssociationDown(Status(StatusCode::kClosed, "end"));
    Drain();
    CHECK(open_.empty()) << "a channel was not closed";
    CHECK_EQ(table_.channel_count(), 0u);
  }

 private:
  static ChannelTableOptions Options() {
    ChannelTableOptions options;
    options.max_channels = 5;
    options.max_label_bytes = 16;
    return options;
  }

  void Open() {
    const Result<ChannelId> id = table_.Open("label", {});
    if (id.ok()) open_.insert(*id);
  }

  void Drain() {
    while (std::optional<ChannelEvent> event = table_.PollEvent()) {
      if (const auto* remote = std::get_if<RemoteChannel>(&*event)) open_.insert(remote->id);
      if (const auto* closed = std::get_if<ChannelClosed>(&*event)) {
        CHECK_EQ(open_.erase(closed->id), 1u) << "closed twice or never open";
      }
    }
    CHECK(table_.IsConsistent());
  }

  ChannelTable table_;
  Timestamp now_{std::chrono::seconds(1)};
  std::set<ChannelId> open_;
};

}  // namespace
}  // namespace ming::webrtc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::ByteReader input(ming::ByteSpan(data, size));
  ming::webrtc::Driver driver(input.ReadU8().value_or(0));
  while (const std::optional<uint8_t> opcode = input.ReadU8()) driver.Step(*opcode, input);
  driver.Finish();
  return 0;
}
