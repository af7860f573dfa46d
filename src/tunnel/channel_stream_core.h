// ChannelStreamCore: the rules by which one message channel carries one byte stream. It decides
// what may be sent, what a message means, when the channel closes and how the stream ends; it
// neither sends nor reads a clock. ChannelStream is its shell.
//
// Between two ming (ChannelTerms) each direction ends by itself (`end`), a refusal and a reset have
// their own messages, and credit bounds what is under way. Toward any other peer a channel can only
// be closed, which ends both directions.
#ifndef MING_TUNNEL_CHANNEL_STREAM_CORE_H_
#define MING_TUNNEL_CHANNEL_STREAM_CORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/tunnel_control.h"
#include "ming/link/byte_stream.h"
#include "ming/link/message_channel.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/receive_queue.h"
#include "ming/tunnel/window_budget.h"

namespace ming::tunnel {

// Which side of a channel we are. Only the acceptor says `open` and `refuse`.
enum class ChannelSide : uint8_t { kOpener, kAcceptor };

struct ChannelStreamOptions {
  ChannelSide side = ChannelSide::kOpener;
  ChannelTerms terms;
  // Without credit: the channel is paused while more than `receive_high_water` bytes wait for the
  // application and resumed at `receive_low_water`. The limit is what a peer may make us hold when
  // messages were under way; beyond it the stream is reset. low < high <= limit.
  size_t receive_high_water = size_t{256} << 10;
  size_t receive_low_water = size_t{64} << 10;
  size_t receive_limit = kDefaultReceiveWindowBytes;
  // With credit: what the window may grow from, up to kMostGrowth times what was announced, while
  // the application takes a whole window in less than the round trip of a very long path. Null: it
  // stays as announced.
  std::shared_ptr<WindowBudget> window_budget;
  // Without half-close: how long after our end the channel stays open for the peer's bytes, counted
  // from the last one that was consumed. Long enough for an answer, short because such a peer does
  // not learn of our end before. Positive.
  Duration close_grace = std::chrono::seconds(5);
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const ChannelStreamOptions& options);

// What the observer of the stream is told, in the order in which PollEvent names it.
enum class ChannelStreamEvent : uint8_t {
  kReadable,  // after a Peek said kWouldBlock: there are bytes, or the end
  kWritable,  // after SendAllowance said 0
  kFailed,    // once and last: failure() says why
};

// What the channel has to do, in the order in which NextAction names it.
enum class ChannelAction : uint8_t {
  kPause,
  kResume,
  kSendControl,  // control() as a text message; stays the next action until HandleControlSent
  kClose,        // once and last
};

class ChannelStreamCore {
 public:
  static constexpr uint32_t kMostGrowth = 16;

  // CHECKs that `options` validates.
  explicit ChannelStreamCore(const ChannelStreamOptions& options);

  // Hostile input: cannot fail, may end in kFailed.
  void HandleMessage(Timestamp now, link::MessageKind kind, ByteBuffer message);
  // The channel is gone; ok means in order. Repeated calls are harmless.
  void HandleChannelClosed(const Status& why);
  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when there is nothing to wait for.
  Timestamp NextTimeout() const { return grace_deadline_; }
  // Both are drained after every call, actions first.
  std::optional<ChannelAction> NextAction();
  std::optional<ChannelStreamEvent> PollEvent();
  bool has_events() const { return events_ != 0; }

  // What kSendControl sends.
  codec::TunnelControl control() const;
  void HandleControlSent();

  // Reading, as in link::ByteStream.
  link::ReadChunk Peek(size_t max);
  void Consume(Timestamp now, size_t count);

  // The most bytes the next binary message may have, at most terms.max_message_bytes. 0: none now,
  // and kWritable follows unless the stream is over.
  size_t SendAllowance();
  // One binary message of `count` bytes, within the allowance, was accepted by the channel.
  void HandleSent(size_t count);
  // The channel took nothing; HandleChannelReady follows.
  void HandleChannelBlocked() { wants_writable_ = true; }
  void HandleChannelReady();
  // A foreign peer closed the channel and everything it had sent was read: what is written now
  // reaches nobody. HandleVoidWrite ends the stream for that (kClosed).
  bool write_is_void() const;
  void HandleVoidWrite();

  // As in link::ByteStream.
  void CloseWrite(Timestamp now);
  void Reset(const Status& why);
  // Acceptor: the target is connected. Before the first byte is sent and before CloseWrite; toward
  // a foreign peer nothing is said.
  void ConfirmOpen();
  // Acceptor: there is no connection to the target, in place of ConfirmOpen. Ends the stream.
  void Refuse(const Status& why);

  // Why the stream failed; ok while it has not.
  const Status& failure() const { return failure_; }
  // Bytes received and not consumed.
  size_t buffered_bytes() const { return received_.size(); }
  // True while every invariant holds; for tests and fuzzers.
  bool IsConsistent() const;

 private:
  // kEnding: we have to say `end` yet.
  enum class Direction : uint8_t { kOpen, kEnding, kEnded };
  enum class Channel : uint8_t { kOpen, kClosing, kClosed };
  // The control message that ends everything, if there is one to send.
  enum class Farewell : uint8_t { kNone, kReset, kRefuse };

  void HandleData(Timestamp now, ByteBuffer message);
  void HandleControl(ByteSpan message);
  void HandleOpened();
  void HandleRefused(const std::string& reason);
  void HandleEnd();
  void HandleCredit(uint32_t bytes);
  void EndInbound();
  // The peer broke a rule: it is told, and the stream fails.
  void FailAndReset(StatusCode code, std::string reason);
  void Fail(Status why);
  void SetFarewell(Farewell farewell, const std::string& reason);
  // Nothing more is read, written or waited for; the channel closes behind the farewell.
  void EndStream();
  void CloseWhenBothEnded();
  void UpdatePause();
  void RearmGrace(Timestamp now);
  void Raise(ChannelStreamEvent event);
  bool credit_is_due() const;
  void GrowWindow(Timestamp now, size_t consumed);
  bool has_control() const;
  bool uses_credit() const { return options_.terms.credit.has_value(); }
  bool half_close() const { return options_.terms.half_close; }
  bool is_opener() const { return options_.side == ChannelSide::kOpener; }

  const ChannelStreamOptions options_;
  WindowShare growth_;
  size_t window_consumed_ = 0;  // of the window that began then
  Timestamp window_began_;
  ReceiveQueue received_;
  Status failure_;
  std::string farewell_reason_;
  Timestamp grace_deadline_ = Timestamp::Max();
  uint64_t send_credit_ = 0;     // what we may send yet
  uint32_t receive_credit_ = 0;  // what the peer may send yet
  uint32_t owed_credit_ = 0;     // consumed and not granted again
  uint8_t events_ = 0;           // bits by ChannelStreamEvent
  Direction in_ = Direction::kOpen;
  Direction out_ = Direction::kOpen;
  Channel channel_ = Channel::kOpen;
  Farewell farewell_ = Farewell::kNone;
  bool over_ = false;          // failed, reset or refused
  bool opened_ = false;        // `open` was said
  bool owes_open_ = false;     // `open` has to be said
  bool any_received_ = false;  // at least one byte
  bool end_shown_ = false;     // Peek said kEnd
  bool close_due_ = false;     // kClose has to be named
  bool paused_ = false;        // as the channel knows
  bool pause_wanted_ = false;
  bool wants_readable_ = false;
  bool wants_writable_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_CHANNEL_STREAM_CORE_H_
