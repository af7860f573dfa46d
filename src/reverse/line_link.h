// LineLink: a connection that begins with lines: sends them, shows what comes, and is given up for
// its stream when the rest of it is raw.
#ifndef MING_REVERSE_LINE_LINK_H_
#define MING_REVERSE_LINE_LINK_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"

namespace ming::reverse {

// What may wait to be sent on one connection, bytes: lines are small and the peer reads them.
inline constexpr size_t kMaxQueuedLines = size_t{1} << 20;

class LineLink final : private link::ByteStream::Observer {
 public:
  // Called from the loop, never inside a call to the link. May destroy it through DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // There is something to Read.
    virtual void OnLinkReadable() = 0;
    // The stream failed, or more than kMaxQueuedLines wait. Nothing follows.
    virtual void OnLinkFailed(const Status& why) = 0;
    // Once after End: nothing is under way any more.
    virtual void OnLinkClosed() = 0;
  };

  enum class ReadResult {
    kTaken,    // call again
    kBlocked,  // OnLinkReadable follows
    kRefused,  // `take` wanted nothing
    kEnded,    // the peer sends no more
  };

  // `timers` and `observer` outlive the link.
  LineLink(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
           Observer& observer);
  // Resets the stream, unless it was released or has ended.
  ~LineLink() override;

  // Shows what has come to `take`, which says how many bytes it takes; it makes no call to the
  // link.
  ReadResult Read(const std::function<size_t(ByteSpan)>& take);

  // OnLinkReadable follows, though nothing new may have come: after kRefused no other does.
  void ReadAgain();

  void Send(std::string_view text);
  // In the next turn of the loop, together with what else is to be sent by then.
  void SendLater(std::string_view text);
  // Sends what waits, ends our direction, and reads on for a moment so that the peer gets it all.
  // OnLinkClosed follows, and nothing else.
  void End();

  // The stream, for what comes behind the lines. Null: what waits could not be sent.
  std::unique_ptr<link::ByteStream> Release();

 private:
  void OnReadable() override;
  void OnWritable() override;
  void OnStreamError(const Status& why) override;

  bool Enqueue(std::string_view text);
  void Flush();
  void Discard();
  void OnAlarm();

  link::TimerService& timers_;
  std::unique_ptr<link::ByteStream> stream_;
  Observer& observer_;
  const std::unique_ptr<link::Alarm> alarm_;  // a look; later lines; overflow; end of lingering
  ByteBuffer queue_;
  bool looks_ = true;  // at the alarm
  bool overflown_ = false;
  bool ending_ = false;
  bool closed_ = false;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_LINE_LINK_H_
