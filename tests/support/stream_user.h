// StreamUser: an application at the end of a byte stream: writes a pattern, ends or resets, and
// checks the pattern that comes.
#ifndef MING_SUPPORT_STREAM_USER_H_
#define MING_SUPPORT_STREAM_USER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"

namespace ming::support {

struct StreamUserPlan {
  uint64_t send_bytes = 0;
  // The most given to one Write.
  size_t write_chunk = 16384;
  // The most asked from one Peek.
  size_t read_chunk = 65536;
  enum class End {
    kAfterSending,  // CloseWrite behind the last byte
    kAfterReading,  // and not before the peer's end was read
    kReset,         // Reset behind the last byte
    kNever,
  };
  End end = End::kAfterSending;
  // Sends nothing before it read the peer's end.
  bool answer_after_end = false;
  // Stops reading for good after so many bytes.
  std::optional<uint64_t> read_limit;
};

class StreamUser final : private link::ByteStream::Observer {
 public:
  // Byte `index` of the stream that the user with `seed` sends.
  static uint8_t PatternAt(uint64_t seed, uint64_t index);

  // Begins from the loop. `send_seed` and `expect_seed` name our pattern and the peer's.
  StreamUser(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
             const StreamUserPlan& plan, uint64_t send_seed, uint64_t expect_seed);
  ~StreamUser() override;

  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  // Every byte so far was the right one.
  bool intact() const { return intact_; }
  bool read_end() const { return read_end_; }
  const std::optional<Status>& error() const { return error_; }
  // Both directions ended, or the stream failed or was reset by us.
  bool done() const { return error_ || reset_ || (read_end_ && write_closed_); }
  // Reads on after a read limit.
  void LiftReadLimit();
  void ResetNow();
  link::ByteStream& stream() { return *stream_; }

 private:
  void OnReadable() override { Read(); }
  void OnWritable() override { Write(); }
  void OnStreamError(const Status& why) override;

  void Read();
  void Write();
  void EndIfDue();

  StreamUserPlan plan_;
  std::unique_ptr<link::ByteStream> stream_;
  const uint64_t send_seed_;
  const uint64_t expect_seed_;
  std::unique_ptr<link::Alarm> start_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  bool intact_ = true;
  bool read_end_ = false;
  bool write_closed_ = false;
  bool reset_ = false;
  std::optional<Status> error_;
};

}  // namespace ming::support

#endif  // MING_SUPPORT_STREAM_USER_H_
