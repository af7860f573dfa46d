#include "ming/net/tcp_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/random.h"
#include "ming/net/pipe_pool.h"

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using link::ReadChunk;
using link::ReadState;
using std::chrono::milliseconds;

constexpr size_t kEverything = size_t{1} << 20;

// One end of a stream: reads what comes unless it is paused, and writes what it is given.
class End final : public link::ByteStream::Observer {
 public:
  End(Reactor& reactor, UniqueFd fd)
      : reactor_(reactor), stream_(TcpStream::Adopt(reactor, std::move(fd))) {
    stream_->SetObserver(this);
  }

  void OnReadable() override {
    ++readable_calls;
    if (before_reading) before_reading();
    if (!paused) ReadAll();
  }
  void OnWritable() override {
    ++writable_calls;
    if (on_writable) return on_writable();
    Flush();
  }
  void OnStreamError(const Status& why) override {
    EXPECT_FALSE(error.has_value()) << "two errors";
    error = why;
  }

  void ReadAll() {
    for (;;) {
      const ReadChunk chunk = stream_->Peek(read_size);
      if (chunk.state == ReadState::kEnd) ended = true;
      if (chunk.state != ReadState::kData) return;
      if (keeps) received.append(chunk.bytes.AsText());
      received_in_turn[reactor_.turn()] += chunk.bytes.size();
      stream_->Consume(chunk.bytes.size());
    }
  }
  void Send(const std::string& text) {
    unsent_ += text;
    Flush();
  }
  void Flush() {
    const size_t taken = stream_->Write(ByteSpan(unsent_));
    unsent_.erase(0, taken);
    if (unsent_.empty() && close_when_sent) stream_->CloseWrite();
  }

  TcpStream& stream() { return *stream_; }
  std::unique_ptr<TcpStream> Release() { return std::move(stream_); }
  const std::string& unsent() const { return unsent_; }

  std::function<void()> before_reading;
  std::function<void()> on_writable;  // in place of Flush
  bool paused = false;
  bool keeps = true;  // what it reads
  bool close_when_sent = false;
  size_t read_size = kEverything;
  std::string received;
  std::map<uint64_t, size_t> received_in_turn;
  bool ended = false;
  std::optional<Status> error;
  int readable_calls = 0;
  int writable_calls = 0;

 private:
  Reactor& reactor_;
  std::unique_ptr<TcpStream> stream_;
  std::string unsent_;
};

// What the peer of a process sees that is killed after `last` was done with its stream: everything
// received, and how it ended (0 or an errno).
struct LastWords {
  std::string received;
  int error_number = 0;
};
LastWords SeenOfKilledProcess(const std::function<void(TcpStream&)>& last) {
  FdPair pair = ConnectedTcpPair();
  const pid_t child = ::fork();
  if (child == 0) {
    pair.second.Close();
    Reactor reactor;
    const auto stream = TcpStream::Adopt(reactor, std::move(pair.first));
    last(*stream);
    ::kill(::getpid(), SIGKILL);
  }
  pair.first.Close();
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  LastWords seen;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t count = ::recv(pair.second.get(), block.data(), block.size(), 0);
    if (count < 0) seen.error_number = errno;
    if (count <= 0) return seen;
    seen.received.append(block.data(), static_cast<size_t>(count));
  }
}

class TcpStreamTest : public ReactorFixture {
 protected:
  TcpStreamTest() : TcpStreamTest(ConnectedTcpPair()) {}
  explicit TcpStreamTest(FdPair pair)
      : near_(std::make_unique<End>(reactor_, std::move(pair.first))),
        far_(std::make_unique<End>(reactor_, std::move(pair.second))) {}

  void SetUp() override {
    near_->ReadAll();
    far_->ReadAll();
  }

  // Loopback delivers at once: after this everything sent so far has arrived.
  void Settle() { TurnsWithin(milliseconds(10)); }

  std::unique_ptr<End> near_;
  std::unique_ptr<End> far_;
};

std::string RandomText(size_t size) {
  SeededRandom random(7);
  std::string text(size, '\0');
  random.Fill({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return text;
}

TEST_F(TcpStreamTest, CarriesBytesBothWaysAtOnce) {
  const std::string text = RandomText(size_t{16} << 20);
  near_->close_when_sent = true;
  far_->close_when_sent = true;
  near_->Send(text);
  far_->Send(text);
  ASSERT_TRUE(RunUntil([&] { return near_->ended && far_->ended; }));
  EXPECT_TRUE(near_->received == text);
  EXPECT_TRUE(far_->received == text);
  reactor_.Run();  // two finished streams keep nothing waiting
  EXPECT_EQ(reactor_.watch_count(), 0u);
  EXPECT_FALSE(near_->error.has_value());
  EXPECT_FALSE(far_->error.has_value());
}

TEST_F(TcpStreamTest, OneDirectionGoesOnAfterTheOtherEnded) {
  near_->Send("question");
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  EXPECT_EQ(far_->received, "question");
  EXPECT_FALSE(near_->ended);
  far_->close_when_sent = true;
  far_->Send("answer");
  ASSERT_TRUE(RunUntil([&] { return near_->ended; }));
  EXPECT_EQ(near_->received, "answer");
}

TEST_F(TcpStreamTest, EndIsSaidAgain) {
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  EXPECT_EQ(far_->stream().Peek(1).state, ReadState::kEnd);
}

TEST_F(TcpStreamTest, NothingIsTakenAfterCloseWrite) {
  near_->stream().CloseWrite();
  EXPECT_EQ(near_->stream().WritableBytes(), 0u);
  EXPECT_EQ(near_->stream().Write(ByteSpan(std::string_view("x"))), 0u);
  Settle();
  EXPECT_EQ(near_->writable_calls, 0);
}

TEST_F(TcpStreamTest, ResetReachesThePeerAndOnlyThePeer) {
  near_->stream().Reset(Status(StatusCode::kUnavailable, "the tunnel is gone"));
  ASSERT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
  EXPECT_EQ(far_->error->code(), StatusCode::kClosed);
  EXPECT_EQ(far_->error->detail(), ECONNRESET);
  EXPECT_FALSE(far_->ended);
  EXPECT_FALSE(near_->error.has_value());
}

TEST_F(TcpStreamTest, StreamIsInertAfterResetAndFailure) {
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  ASSERT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
  for (End* end : {near_.get(), far_.get()}) {
    EXPECT_EQ(end->stream().Peek(1).state, ReadState::kWouldBlock);
    EXPECT_EQ(end->stream().Write(ByteSpan(std::string_view("x"))), 0u);
    end->stream().CloseWrite();
    end->stream().Reset(Status(StatusCode::kClosed, "again"));
  }
  reactor_.Run();
  EXPECT_EQ(near_->readable_calls, 0);
}

TEST_F(TcpStreamTest, ResetReachesAReaderThatPauses) {
  far_->paused = true;
  near_->Send("never read");
  ASSERT_TRUE(RunUntil([&] { return far_->readable_calls == 1; }));
  Settle();
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  ASSERT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
  EXPECT_EQ(far_->received, "");
}

TEST_F(TcpStreamTest, ResetReachesAWriterWhosePeerEnded) {
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  EXPECT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
}

TEST_F(TcpStreamTest, FailureWaitsForAnObserver) {
  far_->stream().SetObserver(nullptr);
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  Settle();
  far_->stream().SetObserver(far_.get());
  EXPECT_FALSE(far_->error.has_value()) << "inside the call";
  EXPECT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
}

// The peer answers, closes while our bytes are under way, and so resets the connection.
TEST_F(TcpStreamTest, WaitingReaderGetsWhatCameBeforeTheReset) {
  FdPair pair = ConnectedTcpPair();
  End end(reactor_, std::move(pair.first));
  end.ReadAll();
  ASSERT_EQ(::send(pair.second.get(), "no", 2, MSG_NOSIGNAL), 2);
  end.Send("unwanted");
  pair.second.Close();  // with unread bytes: a reset
  ASSERT_TRUE(RunUntil([&] { return end.error.has_value(); }));
  EXPECT_EQ(end.received, "no");
}

TEST_F(TcpStreamTest, FailingWriteLeavesAWaitingReaderItsBytes) {
  FdPair pair = ConnectedTcpPair();
  End end(reactor_, std::move(pair.first));
  end.ReadAll();
  ASSERT_EQ(::send(pair.second.get(), "no", 2, MSG_NOSIGNAL), 2);
  ASSERT_EQ(end.stream().Write(ByteSpan(std::string_view("unwanted"))), 8u);
  pair.second.Close();
  EXPECT_EQ(end.stream().Write(ByteSpan(std::string_view("more"))), 0u);
  EXPECT_FALSE(end.error.has_value()) << "inside the call";
  ASSERT_TRUE(RunUntil([&] { return end.error.has_value(); }));
  EXPECT_EQ(end.received, "no");
  EXPECT_FALSE(end.ended);
}

TEST_F(TcpStreamTest, FullBufferStopsTheWriterUntilThePeerReads) {
  far_->paused = true;
  const std::string text = RandomText(size_t{32} << 20);
  near_->Send(text);
  ASSERT_FALSE(near_->unsent().empty());
  EXPECT_EQ(near_->stream().WritableBytes(), 0u);
  Settle();
  const size_t stuck = near_->unsent().size();
  ASSERT_GT(stuck, 0u);
  EXPECT_LE(TurnsWithin(milliseconds(20)), 3u);
  EXPECT_EQ(near_->unsent().size(), stuck);
  far_->paused = false;
  far_->ReadAll();
  ASSERT_TRUE(RunUntil([&] { return far_->received.size() == text.size(); }));
  EXPECT_TRUE(far_->received == text);
  EXPECT_GT(near_->writable_calls, 0);
  EXPECT_GT(near_->stream().WritableBytes(), 0u);
}

TEST_F(TcpStreamTest, WhatIsNotConsumedIsShownAgain) {
  far_->paused = true;
  near_->Send("abcdef");
  ASSERT_TRUE(RunUntil([&] { return far_->readable_calls == 1; }));
  TcpStream& stream = far_->stream();
  EXPECT_EQ(stream.Peek(3).bytes.AsText(), "abc");
  EXPECT_EQ(stream.Peek(2).bytes.AsText(), "ab");
  stream.Consume(1);
  EXPECT_EQ(stream.Peek(100).bytes.AsText(), "bc");
  // What is kept does not live in the buffer that all streams share.
  near_->stream().Peek(1);
  EXPECT_EQ(stream.Peek(100).bytes.AsText(), "bc");
  stream.Consume(1);
  EXPECT_EQ(stream.Peek(100).bytes.AsText(), "c");
  stream.Consume(0);
  stream.Consume(1);
  EXPECT_EQ(stream.Peek(100).bytes.AsText(), "def");
  stream.Consume(3);
  EXPECT_EQ(stream.Peek(100).state, ReadState::kWouldBlock);
}

TEST_F(TcpStreamTest, ReaderOfSingleBytesGetsAll) {
  far_->read_size = 1;
  const std::string text = RandomText(2000);
  near_->Send(text);
  ASSERT_TRUE(RunUntil([&] { return far_->received.size() == text.size(); }));
  EXPECT_TRUE(far_->received == text);
}

TEST_F(TcpStreamTest, ReadsAtMostTheBudgetOfATurn) {
  far_->paused = true;
  near_->Send(RandomText(300000));
  Settle();
  far_->paused = false;
  far_->read_size = 1000;
  far_->ReadAll();
  ASSERT_TRUE(RunUntil([&] { return far_->received.size() == 300000; }));
  EXPECT_GE(far_->received_in_turn.size(), 5u);
  for (const auto& [turn, size] : far_->received_in_turn) EXPECT_LE(size, kReadBytesPerTurn);
}

// A small message would be made of it.
TEST_F(TcpStreamTest, LeavesASmallRestOfTheBudget) {
  constexpr size_t kRead = kReadBytesPerTurn - 1000;
  far_->paused = true;
  near_->Send(RandomText(300000));
  Settle();
  far_->paused = false;
  far_->read_size = kRead;
  far_->ReadAll();
  ASSERT_TRUE(RunUntil([&] { return far_->received.size() == 300000; }));
  for (const auto& [turn, size] : far_->received_in_turn) EXPECT_LE(size, kRead);
}

// Both came before the loop looked: the reader learns of the end together with the bytes.
TEST_F(TcpStreamTest, EndRightBehindTheBytesIsSaidWithThem) {
  far_->paused = true;
  near_->Send("last");
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->readable_calls == 1; }));
  const ReadChunk part = far_->stream().Peek(2);
  EXPECT_EQ(part.bytes.AsText(), "la");
  EXPECT_FALSE(part.end_follows) << "two bytes are between";
  far_->stream().Consume(2);
  const ReadChunk rest = far_->stream().Peek(100);
  EXPECT_EQ(rest.bytes.AsText(), "st");
  EXPECT_TRUE(rest.end_follows);
  far_->stream().Consume(2);
  EXPECT_EQ(far_->stream().Peek(100).state, ReadState::kEnd);
}

// One segment carries both, so that the reader has both at its first look.
TEST_F(TcpStreamTest, LastBytesAndTheEndGoTogether) {
  FdPair pair = ConnectedTcpPair();
  const auto segments = [&pair] {
    tcp_info info{};
    socklen_t size = sizeof(info);
    EXPECT_EQ(::getsockopt(pair.second.get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_segs_in;
  };
  End end(reactor_, std::move(pair.first));
  const auto before = segments();
  ASSERT_EQ(end.stream().WriteLast(ByteSpan(std::string_view("last"))), 4u);
  EXPECT_EQ(end.stream().Write(ByteSpan(std::string_view("more"))), 0u);
  EXPECT_EQ(segments(), before + 1);
  std::array<char, 16> block{};
  EXPECT_EQ(::recv(pair.second.get(), block.data(), block.size(), 0), 4);
  EXPECT_EQ(::recv(pair.second.get(), block.data(), block.size(), MSG_DONTWAIT), 0);
}

TEST_F(TcpStreamTest, LastBytesThatDoNotFitDoNotEndTheStream) {
  far_->paused = true;
  const std::string text = RandomText(size_t{32} << 20);
  const size_t taken = near_->stream().WriteLast(ByteSpan(text));
  ASSERT_LT(taken, text.size());
  near_->close_when_sent = true;
  near_->Send(text.substr(taken));
  far_->paused = false;
  far_->ReadAll();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  EXPECT_TRUE(far_->received == text);
}

// recv(2) stops before an urgent byte, which is no sign that nothing is behind it.
TEST_F(TcpStreamTest, UrgentByteStopsNoReader) {
  FdPair pair = ConnectedTcpPair();
  End end(reactor_, std::move(pair.first));
  end.ReadAll();
  ASSERT_EQ(::send(pair.second.get(), "before", 6, MSG_NOSIGNAL), 6);
  ASSERT_EQ(::send(pair.second.get(), "!", 1, MSG_NOSIGNAL | MSG_OOB), 1);
  ASSERT_EQ(::send(pair.second.get(), "behind", 6, MSG_NOSIGNAL), 6);
  pair.second.Close();
  ASSERT_TRUE(RunUntil([&] { return end.ended; }));
  EXPECT_EQ(end.received, "beforebehind");
}

// splice(2) stops there for good, and behind it says that the stream has ended.
TEST_F(TcpStreamTest, UrgentByteHidesNothingFromASplice) {
  FdPair pair = ConnectedTcpPair();
  const auto stream = TcpStream::Adopt(reactor_, std::move(pair.first));
  ASSERT_EQ(::send(pair.second.get(), "before", 6, MSG_NOSIGNAL), 6);
  ASSERT_EQ(::send(pair.second.get(), "!", 1, MSG_NOSIGNAL | MSG_OOB), 1);
  ASSERT_EQ(::send(pair.second.get(), "behind", 6, MSG_NOSIGNAL), 6);
  pair.second.Close();
  PipePool pool(reactor_);
  const auto pipe = pool.Borrow();
  std::array<char, 16> block{};
  const auto spliced = stream->splice_end()->SpliceTo(*pipe, block.size());
  ASSERT_EQ(spliced.bytes, 6u);
  ASSERT_EQ(::read(pipe->read_end(), block.data(), block.size()), 6);
  EXPECT_EQ(stream->splice_end()->SpliceTo(*pipe, block.size()).state,
            link::SpliceEnd::State::kRefused);
  const ReadChunk rest = stream->Peek(block.size());
  EXPECT_EQ(rest.bytes.AsText(), "behind");
  stream->Consume(rest.bytes.size());
  EXPECT_TRUE(RunUntil([&] { return stream->Peek(block.size()).state == ReadState::kEnd; }));
}

// An urgent byte in the middle of a stream that goes on.
TEST_F(TcpStreamTest, SpliceIsRefusedBehindAnUrgentByte) {
  FdPair pair = ConnectedTcpPair();
  End end(reactor_, std::move(pair.first));
  end.paused = true;
  end.ReadAll();
  ASSERT_EQ(::send(pair.second.get(), "!", 1, MSG_NOSIGNAL | MSG_OOB), 1);
  ASSERT_EQ(::send(pair.second.get(), "behind", 6, MSG_NOSIGNAL), 6);
  ASSERT_TRUE(RunUntil([&] { return end.readable_calls > 0; }));
  PipePool pool(reactor_);
  const auto pipe = pool.Borrow();
  EXPECT_EQ(end.stream().splice_end()->SpliceTo(*pipe, 6).state, link::SpliceEnd::State::kRefused);
}

// A signal ends splice(2) before the socket is full; no event would follow.
TEST_F(TcpStreamTest, SignalsStopNoSplice) {
  constexpr size_t kBytes = size_t{100} << 20;
  const std::string block(size_t{256} << 10, 'x');
  PipePool pool(reactor_);
  const auto pipe = pool.Borrow();
  size_t inside = 0;
  size_t sent = 0;
  const auto splice_on = [&] {
    while (sent < kBytes) {
      if (inside == 0) {
        const ssize_t filled = ::write(pipe->write_end(), block.data(), block.size());
        ASSERT_GT(filled, 0);
        inside = static_cast<size_t>(filled);
      }
      const size_t taken = near_->stream().splice_end()->SpliceFrom(*pipe, inside);
      inside -= taken;
      sent += taken;
      if (inside > 0) return;  // OnWritable follows
    }
  };
  near_->on_writable = splice_on;
  far_->keeps = false;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  const itimerval often{{0, 30}, {0, 30}};
  const itimerval never{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
  splice_on();
  const bool done = RunUntil([&] { return sent >= kBytes; });
  ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
  ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
  EXPECT_TRUE(done) << "stands still at " << sent;
}

TEST_F(TcpStreamTest, ClosesItsSocketWhenBothDirectionsEnded) {
  near_->stream().CloseWrite();
  far_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return near_->ended && far_->ended; }));
  EXPECT_EQ(near_->stream().local_address(), SocketAddress());
  EXPECT_EQ(near_->stream().Peek(1).state, ReadState::kEnd);
  EXPECT_EQ(near_->stream().Write(ByteSpan(std::string_view("x"))), 0u);
  near_->stream().Reset(Status(StatusCode::kClosed, "harmless"));
  EXPECT_FALSE(near_->error.has_value());
}

TEST_F(TcpStreamTest, TheEndIsSeenThoughAnotherCallbackReadWhatCameBeforeIt) {
  FdPair one = ConnectedTcpPair();
  FdPair two = ConnectedTcpPair();
  End first(reactor_, std::move(one.first));
  End second(reactor_, std::move(two.first));
  first.ReadAll();
  second.ReadAll();
  first.before_reading = [&] { second.ReadAll(); };
  // Both are in the news of one turn.
  ASSERT_EQ(::send(one.second.get(), "x", 1, 0), 1);
  ASSERT_EQ(::send(two.second.get(), "last", 4, 0), 4);
  ASSERT_EQ(::shutdown(two.second.get(), SHUT_WR), 0);
  ASSERT_TRUE(RunUntil([&] { return second.ended; }));
  EXPECT_EQ(second.received, "last");
}

TEST_F(TcpStreamTest, PausedReaderCostsNoTurns) {
  far_->paused = true;
  near_->Send(RandomText(100000));
  ASSERT_TRUE(RunUntil([&] { return far_->readable_calls == 1; }));
  EXPECT_LE(TurnsWithin(milliseconds(30)), 5u);
  EXPECT_EQ(far_->readable_calls, 1);
}

TEST_F(TcpStreamTest, PausedReaderCostsNoTurnsWhenBothDirectionsEnded) {
  far_->paused = true;
  far_->stream().CloseWrite();
  near_->Send("unread");
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return near_->ended && far_->readable_calls == 1; }));
  EXPECT_LE(TurnsWithin(milliseconds(30)), 5u);
  far_->paused = false;
  far_->ReadAll();
  EXPECT_EQ(far_->received, "unread");
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
}

TEST_F(TcpStreamTest, EndedReaderCostsNoTurns) {
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  EXPECT_LE(TurnsWithin(milliseconds(30)), 5u);
}

TEST_F(TcpStreamTest, PausedReaderGoesOnWithAPeek) {
  far_->paused = true;
  near_->Send("first");
  ASSERT_TRUE(RunUntil([&] { return far_->readable_calls == 1; }));
  Settle();
  far_->paused = false;
  far_->ReadAll();
  near_->Send(" second");
  EXPECT_TRUE(RunUntil([&] { return far_->received == "first second"; }));
}

TEST_F(TcpStreamTest, DestroyedBeforeItsEndItIsReset) {
  near_->Send("half of the da");
  near_.reset();
  EXPECT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
}

TEST_F(TcpStreamTest, DestroyedAfterItsEndItIsNotReset) {
  near_->paused = true;
  far_->Send("nobody reads this");
  Settle();
  near_->Send("all of the data");
  near_->stream().CloseWrite();
  near_.reset();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  EXPECT_EQ(far_->received, "all of the data");
  Settle();
  EXPECT_FALSE(far_->error.has_value());
}

// Ends its stream for good at the first sign of data.
class Quitter final : public link::ByteStream::Observer {
 public:
  Quitter(Reactor& reactor, std::unique_ptr<TcpStream> stream)
      : reactor_(reactor), stream_(std::move(stream)) {
    stream_->SetObserver(this);
    EXPECT_EQ(stream_->Peek(1).state, ReadState::kWouldBlock);
  }
  void OnReadable() override {
    stream_->CloseWrite();
    stream_->SetObserver(nullptr);
    reactor_.DeferDelete(std::move(stream_));
  }
  void OnWritable() override { FAIL(); }
  void OnStreamError(const Status& why) override { FAIL() << why.ToString(); }

 private:
  Reactor& reactor_;
  std::unique_ptr<TcpStream> stream_;
};

TEST_F(TcpStreamTest, MayBeHandedAwayInItsOwnCallback) {
  Quitter quitter(reactor_, far_->Release());
  near_->Send("stop");
  EXPECT_TRUE(RunUntil([&] { return near_->ended; }));
}

TEST_F(TcpStreamTest, KnowsItsAddresses) {
  EXPECT_EQ(near_->stream().local_address(), far_->stream().peer_address());
  EXPECT_NE(near_->stream().local_address(), SocketAddress());
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  EXPECT_EQ(near_->stream().local_address(), SocketAddress());
}

TEST_F(TcpStreamTest, ManyStreamsMoveBytesTogether) {
  struct Couple {
    std::unique_ptr<End> near;
    std::unique_ptr<End> far;
  };
  std::vector<Couple> couples;
  for (int i = 0; i < 200; ++i) {
    FdPair pair = ConnectedTcpPair();
    couples.push_back({std::make_unique<End>(reactor_, std::move(pair.first)),
                       std::make_unique<End>(reactor_, std::move(pair.second))});
    couples.back().far->ReadAll();
    couples.back().near->close_when_sent = true;
    couples.back().near->Send(RandomText(100000));
  }
  ASSERT_TRUE(RunUntil([&] {
    return std::all_of(couples.begin(), couples.end(),
                       [](const Couple& couple) { return couple.far->ended; });
  }));
  for (const auto& couple : couples) EXPECT_EQ(couple.far->received.size(), 100000u);
}

TEST(TcpStreamOfKilledProcess, IsReset) {
  const LastWords seen = SeenOfKilledProcess(
      [](TcpStream& stream) { EXPECT_EQ(stream.Write(ByteSpan("half of it")), 10u); });
  EXPECT_EQ(seen.error_number, ECONNRESET);
}

TEST(TcpStreamOfKilledProcess, StaysEndedWhereItHadEnded) {
  const LastWords seen = SeenOfKilledProcess([](TcpStream& stream) {
    EXPECT_EQ(stream.Write(ByteSpan("all of it")), 9u);
    stream.CloseWrite();
  });
  EXPECT_EQ(seen.received, "all of it");
  EXPECT_EQ(seen.error_number, 0);
}

}  // namespace
}  // namespace ming::net
