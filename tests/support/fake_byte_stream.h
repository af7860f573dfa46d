// FakeByteStream: two byte streams joined in memory, with bounded room and chosen chunk sizes.
#ifndef MING_SUPPORT_FAKE_BYTE_STREAM_H_
#define MING_SUPPORT_FAKE_BYTE_STREAM_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"

namespace ming::support {

struct FakeByteStreamOptions {
  // Bytes of one direction that may wait for the reader.
  size_t capacity = size_t{64} << 10;
  // The most that one Peek shows.
  size_t read_chunk = size_t{64} << 10;
  // The most that one Write takes.
  size_t write_chunk = size_t{64} << 10;
  // Whether a reader learns of the end together with the last bytes.
  bool tells_end = true;
};

class FakeByteStream final : public link::ByteStream {
 public:
  using Pair = std::pair<std::unique_ptr<FakeByteStream>, std::unique_ptr<FakeByteStream>>;

  // `timers` outlives the streams. Destroying one end before both directions ended resets the
  // other.
  static Pair CreatePair(link::TimerService& timers, const FakeByteStreamOptions& options = {});
  ~FakeByteStream() override;

  void SetObserver(Observer* observer) override;
  link::ReadChunk Peek(size_t max) override;
  void Consume(size_t count) override;
  size_t WritableBytes() override;
  size_t Write(ByteSpan bytes) override;
  void CloseWrite() override;
  void Reset(const Status& why) override;

  // Received and not consumed.
  size_t buffered_bytes() const { return inbox_.size(); }
  // The most that ever was.
  size_t max_buffered_bytes() const { return max_buffered_; }
  bool reset_by_us() const { return reset_; }
  // A Peek showed bytes, and no Consume followed it.
  bool owes_consume() const { return owes_consume_; }

 private:
  FakeByteStream(link::TimerService& timers, const FakeByteStreamOptions& options);

  void Wake();
  void OnAlarm();
  void FailFromPeer(const Status& why);
  bool finished() const { return read_ended_ && write_closed_; }

  const FakeByteStreamOptions options_;
  link::TimerService& timers_;
  std::unique_ptr<link::Alarm> alarm_;
  FakeByteStream* peer_ = nullptr;  // null: destroyed
  Observer* observer_ = nullptr;
  ByteBuffer inbox_;
  size_t max_buffered_ = 0;
  std::optional<Status> failure_;
  bool failure_told_ = false;
  bool read_ended_ = false;
  bool write_closed_ = false;
  bool reset_ = false;
  bool owes_consume_ = false;
  bool wants_readable_ = false;
  bool wants_writable_ = false;
};

}  // namespace ming::support

#endif  // MING_SUPPORT_FAKE_BYTE_STREAM_H_
