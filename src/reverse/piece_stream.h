// PieceStream: what one caller sends and gets over a data connection that may serve another one
// after it: each direction goes in pieces with their length in front, and has an end of its own.
//
// On the wire a piece is 16 bits of length, big-endian, then so many bytes. Length 0: the end of
// this direction, for this caller. Length 65535: no more pieces; what follows is raw, up to the end
// of the connection's direction. A direction that proves long is sent so, for the kernel to move
// it, and the connection serves nobody after it. docs/reverse.md, "Used again".
#ifndef MING_REVERSE_PIECE_STREAM_H_
#define MING_REVERSE_PIECE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/byte_stream.h"
#include "ming/link/splice.h"
#include "ming/link/timer_service.h"

namespace ming::reverse {

// A direction with more bytes than this is sent raw: most have fewer, and a copy of so many costs
// less than a new connection. Below the largest piece, 65534 bytes.
inline constexpr size_t kMostInPieces = size_t{48} << 10;

// Adds one piece of `bytes`, 1 to kMostInPieces of them.
void AppendPiece(ByteSpan bytes, ByteBuffer& to);

class PieceStream final : public link::ByteStream,
                          private link::ByteStream::Observer,
                          private link::SpliceEnd {
 public:
  // What was sent on the connection for this caller before there was a PieceStream.
  struct Begun {
    uint64_t bytes = 0;  // of the caller's, in pieces
    ByteBuffer unsent;   // what the connection did not take of those
  };

  // `timers` outlives the stream.
  PieceStream(link::TimerService& timers, std::unique_ptr<link::ByteStream> lower, Begun begun);
  // The connection is reset unless it was released, or its own directions have ended.
  ~PieceStream() override;

  // When both directions have ended and the stream IsFlushed, which is not used after it: the
  // connection, for the next caller. Null: it cannot serve another one, and ends.
  std::unique_ptr<link::ByteStream> Release();

  // link::ByteStream. A connection that ends before its pieces do has failed, as has one that sends
  // none.
  void SetObserver(link::ByteStream::Observer* observer) override;
  link::ReadChunk Peek(size_t max) override;
  void Consume(size_t count) override;
  size_t WritableBytes() override;
  size_t Write(ByteSpan bytes) override;
  size_t WriteLast(ByteSpan bytes) override;
  void CloseWrite() override;
  bool IsFlushed() override;
  void Reset(const Status& why) override;
  link::SpliceEnd* splice_end() override;

 private:
  enum class Reading { kPieces, kRaw, kEnded };
  // How what Peek showed stands among the lower stream's bytes.
  struct Shown {
    size_t in_front = 0;  // bytes of its header
    size_t piece = 0;     // from its first byte to the end of the piece
    bool end_behind = false;
  };

  Moved SpliceTo(link::SplicePipe& pipe, size_t max) override;
  size_t SpliceFrom(link::SplicePipe& pipe, size_t count) override;

  void OnReadable() override;
  void OnWritable() override;
  void OnStreamError(const Status& why) override;

  std::optional<link::ReadChunk> Show(ByteSpan bytes, size_t max);
  std::optional<link::ReadChunk> ShowPiece(ByteSpan bytes, size_t max);
  void TakeHeader(size_t size);
  bool IsLong(size_t more) const { return written_ + more > kMostInPieces; }
  bool GoRaw();
  void Send(const ByteBuffer& bytes);
  void Fail(const Status& why);
  void Report();
  void ReportLater();

  link::TimerService& timers_;
  std::unique_ptr<link::ByteStream> lower_;
  link::ByteStream::Observer* observer_ = nullptr;

  Reading reading_ = Reading::kPieces;
  std::optional<uint8_t> half_header_;  // its first byte, consumed
  size_t left_ = 0;                     // bytes of the piece that was begun
  Shown shown_;

  uint64_t written_ = 0;
  ByteBuffer unsent_;
  bool raw_ = false;          // what is written from here on
  bool write_ended_ = false;  // our direction
  bool owes_room_ = false;    // OnWritable

  bool failed_ = false;
  std::optional<Status> failure_;       // not yet reported
  std::unique_ptr<link::Alarm> alarm_;  // to report it
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_PIECE_STREAM_H_
