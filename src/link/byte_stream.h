// ByteStream: the one notion of a reliable, ordered stream of bytes with back-pressure and
// half-close. A TCP socket, a TLS session and a tunnel channel all satisfy it, and a relay joins
// any two.
#ifndef MING_LINK_BYTE_STREAM_H_
#define MING_LINK_BYTE_STREAM_H_

#include <cstddef>

#include "ming/base/bytes.h"
#include "ming/base/status.h"

namespace ming::link {

class SpliceEnd;

enum class ReadState {
  kData,        // `bytes` is not empty
  kWouldBlock,  // nothing now; OnReadable follows
  kEnd,         // the peer ended its direction in order; every byte before it was consumed
};

struct ReadChunk {
  ReadState state = ReadState::kWouldBlock;
  ByteSpan bytes;
  // The peer's end is known to be right behind `bytes`. Not every stream can tell.
  bool end_follows = false;
};

class ByteStream {
 public:
  // Called from the loop, never inside a call to the stream. Every method may call back into the
  // stream, and may destroy it through TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // Once after a Peek said kWouldBlock: there are bytes, or the end.
    virtual void OnReadable() = 0;
    // Once after a Write took less than it was given, or WritableBytes said 0: there is room again.
    virtual void OnWritable() = 0;
    // The stream failed or was reset by the peer (never ok): bytes not yet consumed are lost.
    // Nothing follows. A stream whose two directions ended in order does not report it: both sides
    // know.
    virtual void OnStreamError(const Status& why) = 0;
  };

  virtual ~ByteStream() = default;

  // The observer outlives the stream, or is replaced by another one or by null (no more calls).
  virtual void SetObserver(Observer* observer) = 0;

  // Shows up to `max` (at least 1) bytes that are ready, without taking them. The view is valid
  // until the next call to this stream or the next Peek on any other stream of the same loop.
  // Follow it by Consume before the callback returns. May say kWouldBlock although there is more,
  // so that one busy stream does not starve the loop.
  virtual ReadChunk Peek(size_t max) = 0;
  // Takes the first `count` bytes of what Peek showed; the rest is shown again.
  virtual void Consume(size_t count) = 0;

  // A hint: how many bytes a Write would take now. 0 promises OnWritable.
  virtual size_t WritableBytes() = 0;
  // Takes the first n bytes, in order, and returns n; the stream owns their delivery from there on.
  // n < bytes.size() promises OnWritable. After CloseWrite: 0 for ever.
  virtual size_t Write(ByteSpan bytes) = 0;
  // Write and, where every byte was taken, CloseWrite: a stream may carry both in one packet.
  virtual size_t WriteLast(ByteSpan bytes) {
    const size_t taken = Write(bytes);
    if (taken == bytes.size()) CloseWrite();
    return taken;
  }
  // Ends our direction: the peer sees the end behind every byte taken before. Reading goes on.
  virtual void CloseWrite() = 0;
  // Whether what was written needs this stream no more: after CloseWrite it may be destroyed, and
  // all of it is delivered. If not, OnWritable follows.
  virtual bool IsFlushed() { return true; }
  // Gives the stream up at once, both ways: what was not delivered is dropped and the peer sees a
  // reset. No call to the observer follows.
  virtual void Reset(const Status& why) = 0;

  // How the kernel can move this stream's bytes by itself; null: it cannot. Valid as long as the
  // stream.
  virtual SpliceEnd* splice_end() { return nullptr; }
};

}  // namespace ming::link

#endif  // MING_LINK_BYTE_STREAM_H_
