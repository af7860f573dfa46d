#include "ming/reverse/piece_stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ming/support/fake_byte_stream.h"
#include "ming/support/fake_timer_service.h"
#include "ming/support/settle.h"

namespace ming::reverse {
namespace {

using link::ReadState;
using support::FakeByteStream;
using support::FakeByteStreamOptions;
using support::FakeTimerService;

// Reads what comes, and counts.
class Reader final : public link::ByteStream::Observer {
 public:
  explicit Reader(link::ByteStream& stream) : stream_(stream) {
    stream_.SetObserver(this);
    Read();
  }
  ~Reader() override { stream_.SetObserver(nullptr); }

  void Read() {
    while (true) {
      const link::ReadChunk chunk = stream_.Peek(65536);
      if (chunk.state == ReadState::kWouldBlock) return;
      if (chunk.state == ReadState::kEnd) {
        ended = true;
        return;
      }
      text += chunk.bytes.AsText();
      stream_.Consume(chunk.bytes.size());
    }
  }
  std::string text;
  bool ended = false;
  int writables = 0;
  std::optional<Status> error;

 private:
  void OnReadable() override { Read(); }
  void OnWritable() override { ++writables; }
  void OnStreamError(const Status& why) override {
    EXPECT_FALSE(error.has_value()) << "told twice";
    error = why;
  }
  link::ByteStream& stream_;
};

class PieceStreamTest : public testing::Test {
 public:
  ~PieceStreamTest() override {
    near_.reset();
    wire_.reset();
    EXPECT_EQ(timers_.alarm_count(), 0U);
  }

 protected:
  PieceStreamTest() { Connect({}); }
  // `wire_` is the raw other end.
  void Connect(const FakeByteStreamOptions& options) {
    near_.reset();
    auto [near, far] = FakeByteStream::CreatePair(timers_, options);
    lower_ = near.get();
    near_ = std::make_unique<PieceStream>(timers_, std::move(near), PieceStream::Begun());
    wire_ = std::move(far);
  }
  void Settle() { support::SettleOrFail(timers_, 1000000); }
  std::string OnWire() {
    std::string text;
    while (true) {
      Settle();
      const link::ReadChunk chunk = wire_->Peek(65536);
      if (chunk.state != ReadState::kData) return text;
      text += chunk.bytes.AsText();
      wire_->Consume(chunk.bytes.size());
    }
  }
  void Come(const std::string& bytes) {
    ASSERT_EQ(wire_->Write(ByteSpan(std::string_view(bytes))), bytes.size());
    Settle();
  }

  FakeTimerService timers_;
  FakeByteStream* lower_ = nullptr;
  std::unique_ptr<PieceStream> near_;
  std::unique_ptr<FakeByteStream> wire_;
};

const std::string kEnd("\0\0", 2);
const std::string kRaw("\xff\xff", 2);

TEST_F(PieceStreamTest, PutsTheLengthInFront) {
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view("GET /"))), 5u);
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view("!"))), 1u);
  near_->CloseWrite();
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view("late"))), 0u);
  EXPECT_EQ(OnWire(), std::string("\0\x05GET /\0\x01!", 10) + kEnd);
}

TEST_F(PieceStreamTest, TheEndRidesOnTheLastPiece) {
  EXPECT_EQ(near_->WriteLast(ByteSpan(std::string_view("200"))), 3u);
  EXPECT_EQ(OnWire(), std::string("\0\x03"
                                  "200",
                                  5) +
                          kEnd);
}

TEST_F(PieceStreamTest, ShowsPiecesHoweverTheyAreCut) {
  const std::string pieces = std::string("\0\x05GET /\0\x01!", 10) + kEnd;
  for (size_t chunk = 1; chunk <= pieces.size(); ++chunk) {
    FakeByteStreamOptions options;
    options.read_chunk = chunk;
    Connect(options);
    Reader reader(*near_);
    Come(pieces);
    EXPECT_EQ(reader.text, "GET /!") << chunk;
    EXPECT_TRUE(reader.ended) << chunk;
  }
}

TEST_F(PieceStreamTest, ShowsPiecesThatComeByteByByte) {
  Reader reader(*near_);
  for (const char byte : std::string("\0\x02"
                                     "ab\0\x01"
                                     "c",
                                     7) +
                             kEnd) {
    EXPECT_FALSE(reader.ended);
    Come(std::string(1, byte));
  }
  EXPECT_EQ(reader.text, "abc");
  EXPECT_TRUE(reader.ended);
}

TEST_F(PieceStreamTest, TellsTheEndThatFollows) {
  Come(std::string("\0\x03"
                   "abc",
                   5) +
       kEnd);
  const link::ReadChunk chunk = near_->Peek(100);
  EXPECT_EQ(chunk.bytes.AsText(), "abc");
  EXPECT_TRUE(chunk.end_follows);
  near_->Consume(1);
  EXPECT_EQ(near_->Peek(1).bytes.AsText(), "b");
  EXPECT_FALSE(near_->Peek(1).end_follows);
  EXPECT_EQ(near_->Peek(100).bytes.AsText(), "bc");
  near_->Consume(2);
  EXPECT_EQ(near_->Peek(100).state, ReadState::kEnd);
}

// A sink may take nothing: the bytes below, shown from a buffer of the loop, are kept then.
TEST_F(PieceStreamTest, PassesOnThatNothingWasTaken) {
  Come(
      std::string("\0\x03"
                  "abc",
                  5));
  EXPECT_EQ(near_->Peek(100).bytes.AsText(), "abc");
  near_->Consume(0);
  EXPECT_FALSE(lower_->owes_consume());
  EXPECT_EQ(near_->Peek(1).bytes.AsText(), "a");
  near_->Consume(1);
  EXPECT_EQ(near_->Peek(100).bytes.AsText(), "bc");
  near_->Consume(0);
  EXPECT_FALSE(lower_->owes_consume());
}

TEST_F(PieceStreamTest, GivesTheConnectionBackForTheNextCaller) {
  Reader reader(*near_);
  Come(std::string("\0\x01"
                   "a",
                   3) +
       kEnd);
  near_->WriteLast(ByteSpan(std::string_view("b")));
  EXPECT_TRUE(near_->IsFlushed());
  std::unique_ptr<link::ByteStream> lower = near_->Release();
  ASSERT_EQ(lower.get(), lower_);
  EXPECT_EQ(OnWire(), std::string("\0\x01"
                                  "b",
                                  3) +
                          kEnd);
  EXPECT_EQ(lower->Write(ByteSpan(std::string_view("OK\n"))), 3u);
  EXPECT_EQ(OnWire(), "OK\n");
}

// But what was sent arrives.
TEST_F(PieceStreamTest, AConnectionThatWentRawServesNobodyElse) {
  const std::string much(kMostInPieces + 1, 'm');
  Reader reader(*near_);
  Come(kEnd);
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view(much))), much.size());
  near_->CloseWrite();
  EXPECT_EQ(near_->Release(), nullptr);
  EXPECT_EQ(OnWire(), kRaw + much);
  EXPECT_EQ(wire_->Peek(1).state, ReadState::kEnd);
}

TEST_F(PieceStreamTest, NorDoesOneWhoseOtherEndWentRaw) {
  Reader reader(*near_);
  Come(kRaw + "raw" + kEnd);
  wire_->CloseWrite();
  Settle();
  EXPECT_EQ(reader.text, "raw" + kEnd);
  EXPECT_TRUE(reader.ended);
  near_->CloseWrite();
  EXPECT_EQ(near_->Release(), nullptr);
  EXPECT_EQ(OnWire(), kEnd);
  EXPECT_EQ(wire_->Peek(1).state, ReadState::kEnd) << "not a reset";
}

TEST_F(PieceStreamTest, ALongDirectionGoesRaw) {
  const std::string half(kMostInPieces / 2, 'h');
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view(half))), half.size());
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view(half))), half.size());
  EXPECT_EQ(OnWire(), (std::string("\x60\0", 2) + half) + std::string("\x60\0", 2) + half);
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view("1"))), 1u);
  EXPECT_EQ(OnWire(), kRaw + "1");
}

TEST_F(PieceStreamTest, KeepsWhatTheConnectionDoesNotTake) {
  FakeByteStreamOptions options;
  options.capacity = 4;
  Connect(options);
  Reader reader(*near_);
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view("abcdef"))), 6u);
  EXPECT_EQ(near_->WritableBytes(), 0u);
  EXPECT_EQ(near_->Write(ByteSpan(std::string_view("g"))), 0u);
  EXPECT_FALSE(near_->IsFlushed());
  EXPECT_EQ(OnWire(), std::string("\0\x06"
                                  "abcdef",
                                  8));
  EXPECT_TRUE(near_->IsFlushed());
  EXPECT_GE(reader.writables, 1);
  near_->CloseWrite();
  EXPECT_EQ(OnWire(), kEnd);
}

TEST_F(PieceStreamTest, GoesOnWithWhatWasSentBefore) {
  auto [near, far] = FakeByteStream::CreatePair(timers_, {});
  PieceStream::Begun begun;
  begun.bytes = kMostInPieces;
  begun.unsent = ByteBuffer::CopyOf("rest");
  PieceStream stream(timers_, std::move(near), std::move(begun));
  near_.reset();
  wire_ = std::move(far);
  EXPECT_EQ(stream.WritableBytes(), 0u);
}

TEST_F(PieceStreamTest, AConnectionThatEndsBetweenPiecesHasFailed) {
  Reader reader(*near_);
  Come(
      std::string("\0\x03"
                  "ab",
                  4));
  wire_->CloseWrite();
  Settle();
  EXPECT_EQ(reader.text, "ab");
  EXPECT_FALSE(reader.ended);
  ASSERT_TRUE(reader.error.has_value());
  EXPECT_EQ(reader.error->code(), StatusCode::kProtocolViolation);
  EXPECT_TRUE(lower_->reset_by_us());
  EXPECT_EQ(near_->Release(), nullptr);
}

TEST_F(PieceStreamTest, CarriesAResetOver) {
  Reader reader(*near_);
  wire_->Reset(Status(StatusCode::kClosed, "gone"));
  Settle();
  EXPECT_TRUE(reader.error.has_value());
  EXPECT_EQ(near_->WritableBytes(), 0u);
}

}  // namespace
}  // namespace ming::reverse
