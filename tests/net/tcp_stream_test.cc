#include "ming/net/tcp_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/net/pipe_pool.h"

#include "tcp_ends.h"

namespace ming::net {
namespace {

using link::ReadChunk;
using link::ReadState;
using std::chrono::milliseconds;

using TcpStreamTest = TcpPairFixture;

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

// Twice what a turn may read waits in the sockets.
class TcpStreamBudgetTest : public TcpPairFixture {
 protected:
  static constexpr size_t kText = 2 * kStreamBytesPerTurn;

  TcpStreamBudgetTest() : TcpPairFixture(LargePair()) {}
  static FdPair LargePair() {
    FdPair pair = ConnectedTcpPair();
    const int size = kText;
    EXPECT_EQ(::setsockopt(pair.first.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    EXPECT_EQ(::setsockopt(pair.second.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    return pair;
  }

  // Has everything read, `read_size` at a time; the most that one turn read.
  size_t MostInATurn(size_t read_size) {
    far_->paused = true;
    near_->Send(RandomText(kText));
    Settle();
    far_->paused = false;
    far_->read_size = read_size;
    far_->ReadAll();
    EXPECT_TRUE(RunUntil([&] { return far_->received.size() == kText; }));
    size_t most = 0;
    for (const auto& [turn, size] : far_->received_in_turn) most = std::max(most, size);
    return most;
  }
};

TEST_F(TcpStreamBudgetTest, ReadsAtMostTheBudgetOfATurn) {
  EXPECT_LE(MostInATurn(1000), kStreamBytesPerTurn);
}

// A small message would be made of it.
TEST_F(TcpStreamBudgetTest, LeavesASmallRestOfTheBudget) {
  constexpr size_t kRead = (kStreamBytesPerTurn - 1000) / 2;
  EXPECT_LE(MostInATurn(kRead), 2 * kRead);
}

// recv(2) stops before an urgent byte, which is no sign that nothing is behind it.
TEST_F(TcpStreamTest, UrgentByteStopsNoReader) {
  FdPair pair = ConnectedTcpPair();
  TcpEnd end(reactor_, std::move(pair.first));
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
  TcpEnd end(reactor_, std::move(pair.first));
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

TEST_F(TcpStreamTest, PausedReaderCostsNoTurns) {
  far_->paused = true;
  near_->Send(RandomText(100000));
  ASSERT_TRUE(RunUntil([&] { return far_->readable_calls == 1; }));
  EXPECT_LE(TurnsWithin(milliseconds(30)), 5u);
  EXPECT_EQ(far_->readable_calls, 1);
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

TEST_F(TcpStreamTest, KnowsItsAddresses) {
  EXPECT_EQ(near_->stream().local_address(), far_->stream().peer_address());
  EXPECT_NE(near_->stream().local_address(), SocketAddress());
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  EXPECT_EQ(near_->stream().local_address(), SocketAddress());
}

TEST_F(TcpStreamTest, ManyStreamsMoveBytesTogether) {
  struct Couple {
    std::unique_ptr<TcpEnd> near;
    std::unique_ptr<TcpEnd> far;
  };
  std::vector<Couple> couples;
  for (int i = 0; i < 200; ++i) {
    FdPair pair = ConnectedTcpPair();
    couples.push_back({std::make_unique<TcpEnd>(reactor_, std::move(pair.first)),
                       std::make_unique<TcpEnd>(reactor_, std::move(pair.second))});
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

}  // namespace
}  // namespace ming::net
