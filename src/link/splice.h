// Moving bytes from one stream to another inside the kernel (splice(2)): through a pipe, without a
// look at them. Interfaces only: a stream over a socket is a SpliceEnd, and somebody lends pipes.
#ifndef MING_LINK_SPLICE_H_
#define MING_LINK_SPLICE_H_

#include <cstddef>
#include <memory>

namespace ming::link {

// A pipe of the kernel. Destroying it drops what it holds.
class SplicePipe {
 public:
  virtual ~SplicePipe() = default;

  // Descriptors, non-blocking.
  virtual int read_end() const = 0;
  virtual int write_end() const = 0;
  // Bytes it can hold.
  virtual size_t capacity() const = 0;
};

class SplicePipes {
 public:
  virtual ~SplicePipes() = default;

  // An empty pipe; null: none can be had now, so copy. The lender outlives it.
  virtual std::unique_ptr<SplicePipe> Borrow() = 0;
  // Gives an empty one back. One that is not empty is destroyed instead.
  virtual void Return(std::unique_ptr<SplicePipe> pipe) = 0;
};

// What a stream can do besides link::ByteStream where its bytes come from, and go to, a socket.
class SpliceEnd {
 public:
  enum class State {
    kMoved,       // `bytes` is not 0
    kWouldBlock,  // nothing now; OnReadable follows
    kEnd,         // as ReadState::kEnd
    kHeld,        // the stream itself holds bytes that come first: Peek and Consume them
    kRefused,     // the kernel cannot do it with this socket: copy, for good
  };
  struct Moved {
    State state = State::kWouldBlock;
    size_t bytes = 0;
  };

  virtual ~SpliceEnd() = default;

  // As Peek and Consume: takes up to `max` bytes (at least 1) that are ready and puts them into
  // `pipe`, which has room for one byte at least. Not while Peek shows bytes that are not consumed.
  virtual Moved SpliceTo(SplicePipe& pipe, size_t max) = 0;
  // As Write: takes the first n of the `count` bytes in `pipe` and returns n; n < `count` promises
  // OnWritable.
  virtual size_t SpliceFrom(SplicePipe& pipe, size_t count) = 0;
};

}  // namespace ming::link

#endif  // MING_LINK_SPLICE_H_
