// PieceStream under any bytes of its peer, cut in any way, against a plain decoder of the same
// bytes; and what it writes, read by another one. The first byte picks how Peek cuts, the second
// one how Write does.
#include <glog/logging.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "ming/base/byte_io.h"
#include "ming/reverse/piece_stream.h"
#include "ming/support/fake_byte_stream.h"
#include "ming/support/fake_timer_service.h"

#include "../support/input.h"

namespace ming::reverse {
namespace {

using link::ReadState;
using support::FakeByteStream;
using support::FakeByteStreamOptions;
using support::FakeTimerService;

struct Decoded {
  std::string text;
  bool ended = false;
  bool operator==(const Decoded& other) const { return text == other.text && ended == other.ended; }
};

// What `wire` means, where its end follows only behind raw bytes.
Decoded Decode(std::string_view wire) {
  Decoded decoded;
  while (wire.size() >= 2) {
    const size_t length =
        static_cast<uint8_t>(wire[0]) * size_t{256} + static_cast<uint8_t>(wire[1]);
    wire.remove_prefix(2);
    if (length == 0) {
      decoded.ended = true;
      return decoded;
    }
    if (length == 65535) return {decoded.text + std::string(wire), false};
    const std::string_view piece = wire.substr(0, length);
    decoded.text += piece;
    wire.remove_prefix(piece.size());
  }
  return decoded;
}

class Reader final : public link::ByteStream::Observer {
 public:
  Reader(link::ByteStream& stream, size_t cut) : stream_(stream), cut_(cut) {
    stream_.SetObserver(this);
    Read();
  }
  ~Reader() override { stream_.SetObserver(nullptr); }

  void Read() {
    while (!decoded.ended) {
      const link::ReadChunk chunk = stream_.Peek(cut_);
      if (chunk.state == ReadState::kWouldBlock) return;
      if (chunk.state == ReadState::kEnd) {
        decoded.ended = true;
        return;
      }
      CHECK_LE(chunk.bytes.size(), cut_);
      const size_t taken = std::max<size_t>(chunk.bytes.size() / 2, 1);
      decoded.text += chunk.bytes.First(taken).AsText();
      stream_.Consume(taken);
    }
  }
  Decoded decoded;

 private:
  void OnReadable() override { Read(); }
  void OnWritable() override {}
  void OnStreamError(const Status& /*why*/) override {}

  link::ByteStream& stream_;
  const size_t cut_;
};

// One end speaks bytes, the other pieces.
void ReadHostile(const FakeByteStreamOptions& options, size_t cut, ByteSpan wire) {
  const ByteSpan whole = wire;
  FakeTimerService timers;
  auto [near, far] = FakeByteStream::CreatePair(timers, options);
  PieceStream stream(timers, std::move(near), {});
  Reader reader(stream, cut);
  while (!wire.empty()) {
    const size_t taken = far->Write(wire);
    CHECK(timers.Settle(1'000'000));
    if (taken == 0) break;  // nothing is read behind the end
    wire = wire.Skip(taken);
  }
  CHECK(timers.Settle(1'000'000));
  CHECK(reader.decoded == Decode(whole.AsText()));
}

// Both speak pieces.
void ReadOwn(const FakeByteStreamOptions& options, size_t cut, ByteSpan text) {
  const ByteSpan whole = text;
  FakeTimerService timers;
  auto [near, far] = FakeByteStream::CreatePair(timers, options);
  PieceStream sender(timers, std::move(near), {});
  PieceStream receiver(timers, std::move(far), {});
  Reader reader(receiver, cut);
  while (!text.empty()) {
    text = text.Skip(sender.Write(text.First(cut)));
    CHECK(timers.Settle(1'000'000));
  }
  sender.CloseWrite();
  CHECK(timers.Settle(1'000'000));
  CHECK(reader.decoded.ended);
  CHECK(reader.decoded.text == whole.AsText());
}

}  // namespace
}  // namespace ming::reverse

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ming::ByteReader input({data, size});
  ming::support::FakeByteStreamOptions options;
  options.read_chunk = input.ReadU8().value_or(0) + size_t{1};
  options.write_chunk = input.ReadU8().value_or(0) + size_t{1};
  const ming::ByteSpan rest = ming::fuzz::TakeBytes(input, input.remaining());
  ming::reverse::ReadHostile(options, options.write_chunk, rest);
  ming::reverse::ReadOwn(options, options.read_chunk, rest);
  return 0;
}
