#include "ming/reverse/piece_stream.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ming::reverse {
namespace {

using link::ReadChunk;
using link::ReadState;

constexpr size_t kHeaderBytes = 2;
constexpr size_t kEndOfPieces = 0;
constexpr size_t kRawFollows = 65535;
static_assert(kMostInPieces < kRawFollows);

void AppendHeader(size_t value, ByteBuffer& to) {
  to.Append(static_cast<uint8_t>(value >> 8));
  to.Append(static_cast<uint8_t>(value & 0xff));
}

}  // namespace

void AppendPiece(ByteSpan bytes, ByteBuffer& to) {
  DCHECK(!bytes.empty() && bytes.size() <= kMostInPieces);
  AppendHeader(bytes.size(), to);
  to.Append(bytes);
}

PieceStream::PieceStream(link::TimerService& timers, std::unique_ptr<link::ByteStream> lower,
                         Begun begun)
    : timers_(timers),
      lower_(std::move(lower)),
      written_(begun.bytes),
      unsent_(std::move(begun.unsent)) {
  lower_->SetObserver(this);
}

PieceStream::~PieceStream() {
  if (lower_ != nullptr) lower_->SetObserver(nullptr);
}

std::unique_ptr<link::ByteStream> PieceStream::Release() {
  const bool is_free =
      !failed_ && reading_ == Reading::kEnded && write_ended_ && !raw_ && unsent_.empty();
  if (!is_free) {
    if (!failed_) lower_->CloseWrite();  // no next one: it ends in order
    return nullptr;
  }
  lower_->SetObserver(nullptr);
  return std::move(lower_);
}

void PieceStream::SetObserver(link::ByteStream::Observer* observer) {
  observer_ = observer;
  if (observer_ != nullptr && failure_) ReportLater();
}

ReadChunk PieceStream::Peek(size_t max) {
  while (!failed_) {
    if (reading_ == Reading::kEnded) return {ReadState::kEnd, {}};
    if (reading_ == Reading::kRaw) return lower_->Peek(max);
    const ReadChunk chunk = lower_->Peek(max + 2 * kHeaderBytes);
    if (chunk.state == ReadState::kWouldBlock) return chunk;
    if (chunk.state == ReadState::kEnd) {
      Fail(Status(StatusCode::kProtocolViolation, "the connection ended before its pieces did"));
      break;
    }
    if (const auto shown = Show(chunk.bytes, max)) return *shown;
  }
  return {ReadState::kWouldBlock, {}};
}

// None: a header was taken, or a part of one; look again.
std::optional<ReadChunk> PieceStream::Show(ByteSpan bytes, size_t max) {
  if (left_ > 0) {
    shown_ = {0, left_, false};
    return ShowPiece(bytes, max);
  }
  const size_t missing = half_header_ ? 1 : kHeaderBytes;
  if (bytes.size() < missing) {
    half_header_ = bytes[0];
    lower_->Consume(1);
    return std::nullopt;
  }
  const uint8_t high = half_header_.value_or(bytes[0]);
  const size_t value = (size_t{high} << 8) | bytes[missing - 1];
  if (value == kEndOfPieces || value == kRawFollows) {
    TakeHeader(missing);
    reading_ = value == kEndOfPieces ? Reading::kEnded : Reading::kRaw;
    return std::nullopt;
  }
  if (bytes.size() == missing) {
    TakeHeader(missing);
    left_ = value;
    return std::nullopt;
  }
  shown_ = {missing, value, false};
  return ShowPiece(bytes.Skip(missing), max);
}

// `bytes` begin within the piece.
std::optional<ReadChunk> PieceStream::ShowPiece(ByteSpan bytes, size_t max) {
  const ByteSpan of_piece = bytes.First(std::min(shown_.piece, max));
  const ByteSpan behind = bytes.Skip(of_piece.size());
  shown_.end_behind = of_piece.size() == shown_.piece && behind.size() >= kHeaderBytes &&
                      behind[0] == 0 && behind[1] == 0;
  return ReadChunk{ReadState::kData, of_piece, shown_.end_behind};
}

void PieceStream::TakeHeader(size_t size) {
  half_header_.reset();
  lower_->Consume(size);
}

void PieceStream::Consume(size_t count) {
  if (failed_) return;
  if (reading_ == Reading::kRaw) return lower_->Consume(count);
  if (reading_ == Reading::kEnded) return;
  if (count == 0) return lower_->Consume(0);  // the header is shown again, too
  const Shown shown = std::exchange(shown_, Shown());
  DCHECK_LE(count, shown.piece);
  left_ = shown.piece - count;
  half_header_.reset();
  const bool to_the_end = left_ == 0 && shown.end_behind;
  if (to_the_end) reading_ = Reading::kEnded;
  lower_->Consume(shown.in_front + count + (to_the_end ? kHeaderBytes : 0));
}

size_t PieceStream::WritableBytes() {
  if (failed_ || write_ended_) return 0;
  if (!unsent_.empty()) {
    owes_room_ = true;
    return 0;
  }
  const size_t room = lower_->WritableBytes();
  if (room == 0) owes_room_ = true;
  return room;
}

size_t PieceStream::Write(ByteSpan bytes) {
  if (bytes.empty() || WritableBytes() == 0) return 0;
  if (!raw_ && !IsLong(bytes.size())) {
    ByteBuffer piece = ByteBuffer::WithCapacity(kHeaderBytes + bytes.size());
    AppendPiece(bytes, piece);
    written_ += bytes.size();
    Send(piece);
    return bytes.size();
  }
  if (!GoRaw()) return 0;
  const size_t taken = lower_->Write(bytes);
  if (taken < bytes.size()) owes_room_ = true;
  return taken;
}

// The end rides on the last piece.
size_t PieceStream::WriteLast(ByteSpan bytes) {
  if (bytes.empty() || raw_ || IsLong(bytes.size())) return link::ByteStream::WriteLast(bytes);
  if (WritableBytes() == 0) return 0;
  ByteBuffer piece = ByteBuffer::WithCapacity(2 * kHeaderBytes + bytes.size());
  AppendPiece(bytes, piece);
  AppendHeader(kEndOfPieces, piece);
  written_ += bytes.size();
  write_ended_ = true;
  Send(piece);
  return bytes.size();
}

void PieceStream::CloseWrite() {
  if (failed_ || std::exchange(write_ended_, true)) return;
  if (raw_) {
    if (unsent_.empty()) lower_->CloseWrite();
    return;
  }
  ByteBuffer end;
  AppendHeader(kEndOfPieces, end);
  Send(end);
}

bool PieceStream::IsFlushed() {
  const bool flushed = failed_ || (unsent_.empty() && lower_->IsFlushed());
  if (!flushed) owes_room_ = true;
  return flushed;
}

// False: there is no room for the header that says so; OnWritable follows.
bool PieceStream::GoRaw() {
  if (raw_) return true;
  raw_ = true;
  ByteBuffer header;
  AppendHeader(kRawFollows, header);
  Send(header);
  if (!unsent_.empty()) owes_room_ = true;
  return unsent_.empty();
}

void PieceStream::Send(const ByteBuffer& bytes) {
  const size_t taken = unsent_.empty() ? lower_->Write(bytes) : 0;
  unsent_.Append(bytes.span().Skip(taken));
}

void PieceStream::Reset(const Status& why) {
  failed_ = true;
  failure_.reset();
  lower_->Reset(why);
}

link::SpliceEnd* PieceStream::splice_end() {
  return lower_ != nullptr && lower_->splice_end() != nullptr ? this : nullptr;
}

link::SpliceEnd::Moved PieceStream::SpliceTo(link::SplicePipe& pipe, size_t max) {
  if (reading_ == Reading::kRaw && !failed_) return lower_->splice_end()->SpliceTo(pipe, max);
  return {link::SpliceEnd::State::kHeld, 0};
}

size_t PieceStream::SpliceFrom(link::SplicePipe& pipe, size_t count) {
  if (WritableBytes() == 0 || !GoRaw()) return 0;
  const size_t taken = lower_->splice_end()->SpliceFrom(pipe, count);
  if (taken < count) owes_room_ = true;
  return taken;
}

void PieceStream::OnReadable() {
  if (observer_ != nullptr) observer_->OnReadable();
}

void PieceStream::OnWritable() {
  if (!unsent_.empty()) {
    unsent_.RemovePrefix(lower_->Write(unsent_));
    if (!unsent_.empty()) return;
    unsent_ = ByteBuffer();  // an idle stream holds no memory
    if (raw_ && write_ended_) lower_->CloseWrite();
    owes_room_ = true;
  }
  if (std::exchange(owes_room_, false) && observer_ != nullptr) observer_->OnWritable();
}

void PieceStream::OnStreamError(const Status& why) {
  if (std::exchange(failed_, true)) return;
  failure_ = why;
  Report();
}

void PieceStream::Fail(const Status& why) {
  failed_ = true;
  failure_ = why;
  lower_->Reset(why);
  ReportLater();
}

void PieceStream::Report() {
  if (observer_ == nullptr || !failure_) return;
  const Status why = *std::exchange(failure_, std::nullopt);
  observer_->OnStreamError(why);
}

void PieceStream::ReportLater() {
  if (alarm_ == nullptr) alarm_ = timers_.CreateAlarm([this] { Report(); });
  alarm_->ArmAt(timers_.Now());
}

}  // namespace ming::reverse
