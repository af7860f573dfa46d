// ChannelStreamCore: the rules by which one message channel carries one byte stream. It decides
// what may be sent, what a message means, when the channel closes and how the stream ends; it
// neither sends nor reads a clock. ChannelStream is its shell.
//
// Between two ming (ChannelTerms) each direction ends by itself (`end`), a refusal and a reset have
// their own messages, and credit bounds what is under way. Toward any other peer a channel can only
// be closed: closing ends both directions.
#ifndef MING_TUNNEL_CHANNEL_STREAM_CORE_H_
#define MING_TUNNEL_CHANNEL_STREAM_CORE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/message_channel.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/receive_queue.h"

namespace ming::tunnel {

// Which side of a channel we are. Only the acceptor says `open` and `refuse`.
enum class ChannelSide { kOpener, kAcceptor };

struct ChannelStreamOptions {
  ChannelSide side = ChannelSide::kOpener;
  ChannelTerms terms;
  // Without credit: the channel is paused while more than `receive_high_water` bytes wait for the
  // application and resumed at `receive_low_water`. The limit is what a peer may make us hold when
  // messages were under way; beyond it the stream is reset. low < high <= limit.
  size_t receive_high_water = size_t{256} << 10;
  size_t receive_low_water = size_t{64} << 10;
  size_t receive_limit = kDefaultReceiveWindowBytes;
  // Without half-close: how long after our end the channel stays open for the peer's bytes, counted
  // from the last of them. Long enough for an answer, short because nobody else ends the channel.
  Duration close_grace = std::chrono::seconds(5);
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const ChannelStreamOptions& options);

// What the shell has to do, in the order in which PollEvent names it.
enum class ChannelStreamEvent {
  kPauseChannel,
  kResumeChannel,
  kReadable,      // after a Peek said kWouldBlock: there are bytes, or the end
  kWritable,      // after SendAllowance said 0: it is not 0 any more
  kFailed,        // once; failure() says why; reading and writing are over
  kCloseChannel,  // once, when nothing remains to be sent
};

class ChannelStreamCore {
 public:
  // CHECKs that `options` validates.
  explicit ChannelStreamCore(const ChannelStreamOptions& options);

  // Hostile input: cannot fail, may end in kFailed.
  void HandleMessage(Timestamp now, link::MessageKind kind, ByteBuffer message);
  // The channel is gone; ok means in order. Last input from the channel.
  void HandleChannelClosed(const Status& why);
  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when there is nothing to wait for.
  Timestamp NextTimeout() const;
  std::optional<ChannelStreamEvent> PollEvent();

  // Reading, as in link::ByteStream.
  link::ReadChunk Peek(size_t max);
  void Consume(size_t count);

  // The most bytes the next binary message may have: at most terms.max_message_bytes; 0: nothing
  // now (kWritable follows, unless the stream ended or failed).
  size_t SendAllowance();
  // One binary message of `count` bytes, within the allowance, was accepted by the channel.
  void HandleSent(size_t count);
  // As in link::ByteStream.
  void CloseWrite(Timestamp now);
  void Reset(const Status& why);
  // Acceptor: the target is connected. Before the first byte; does nothing toward a foreign peer.
  void ConfirmOpen();
  // Acceptor: the target refused. Instead of ConfirmOpen; the opener's application sees a reset.
  void Refuse(const Status& why);

  // The control message to send next, as text; empty: none. It stays until HandleControlSent. Data
  // must not overtake it: SendAllowance is 0 meanwhile.
  const std::string& NextControl();
  void HandleControlSent();

  // Why the stream failed; ok while it has not.
  const Status& failure() const { return failure_; }
  // Bytes received and not consumed.
  size_t buffered_bytes() const { return received_.size(); }
  // The acceptor said `open` (or we did).
  bool opened() const { return opened_; }
  // True while every invariant holds; for tests and fuzzers.
  bool IsConsistent() const;

 private:
  enum class Direction : uint8_t { kOpen, kEnding, kEnded };

  ChannelStreamOptions options_;
  ReceiveQueue received_;
  Status failure_;
  std::string control_;
  bool opened_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_CHANNEL_STREAM_CORE_H_
