#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "ming/net/tcp_stream.h"

#include "tcp_ends.h"

namespace ming::net {
namespace {

using link::ReadChunk;
using link::ReadState;
using std::chrono::milliseconds;

using TcpStreamEndTest = TcpPairFixture;

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

TEST_F(TcpStreamEndTest, OneDirectionGoesOnAfterTheOtherEnded) {
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

TEST_F(TcpStreamEndTest, EndIsSaidAgain) {
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  EXPECT_EQ(far_->stream().Peek(1).state, ReadState::kEnd);
}

TEST_F(TcpStreamEndTest, NothingIsTakenAfterCloseWrite) {
  near_->stream().CloseWrite();
  EXPECT_EQ(near_->stream().WritableBytes(), 0u);
  EXPECT_EQ(near_->stream().Write(ByteSpan(std::string_view("x"))), 0u);
  Settle();
  EXPECT_EQ(near_->writable_calls, 0);
}

TEST_F(TcpStreamEndTest, ResetReachesThePeerAndOnlyThePeer) {
  near_->stream().Reset(Status(StatusCode::kUnavailable, "the tunnel is gone"));
  ASSERT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
  EXPECT_EQ(far_->error->code(), StatusCode::kClosed);
  EXPECT_EQ(far_->error->detail(), ECONNRESET);
  EXPECT_FALSE(far_->ended);
  EXPECT_FALSE(near_->error.has_value());
}

TEST_F(TcpStreamEndTest, StreamIsInertAfterResetAndFailure) {
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  ASSERT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
  for (TcpEnd* end : {near_.get(), far_.get()}) {
    EXPECT_EQ(end->stream().Peek(1).state, ReadState::kWouldBlock);
    EXPECT_EQ(end->stream().Write(ByteSpan(std::string_view("x"))), 0u);
    end->stream().CloseWrite();
    end->stream().Reset(Status(StatusCode::kClosed, "again"));
  }
  reactor_.Run();
  EXPECT_EQ(near_->readable_calls, 0);
}

TEST_F(TcpStreamEndTest, ResetReachesAReaderThatPauses) {
  far_->paused = true;
  near_->Send("never read");
  ASSERT_TRUE(RunUntil([&] { return far_->readable_calls == 1; }));
  Settle();
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  ASSERT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
  EXPECT_EQ(far_->received, "");
}

TEST_F(TcpStreamEndTest, ResetReachesAWriterWhosePeerEnded) {
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  EXPECT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
}

TEST_F(TcpStreamEndTest, FailureWaitsForAnObserver) {
  far_->stream().SetObserver(nullptr);
  near_->stream().Reset(Status(StatusCode::kClosed, "done"));
  Settle();
  far_->stream().SetObserver(far_.get());
  EXPECT_FALSE(far_->error.has_value()) << "inside the call";
  EXPECT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
}

// The peer answers, closes while our bytes are under way, and so resets the connection.
TEST_F(TcpStreamEndTest, WaitingReaderGetsWhatCameBeforeTheReset) {
  FdPair pair = ConnectedTcpPair();
  TcpEnd end(reactor_, std::move(pair.first));
  end.ReadAll();
  ASSERT_EQ(::send(pair.second.get(), "no", 2, MSG_NOSIGNAL), 2);
  end.Send("unwanted");
  pair.second.Close();  // with unread bytes: a reset
  ASSERT_TRUE(RunUntil([&] { return end.error.has_value(); }));
  EXPECT_EQ(end.received, "no");
}

TEST_F(TcpStreamEndTest, FailingWriteLeavesAWaitingReaderItsBytes) {
  FdPair pair = ConnectedTcpPair();
  TcpEnd end(reactor_, std::move(pair.first));
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

// Both came before the loop looked: the reader learns of the end together with the bytes.
TEST_F(TcpStreamEndTest, EndRightBehindTheBytesIsSaidWithThem) {
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
TEST_F(TcpStreamEndTest, LastBytesAndTheEndGoTogether) {
  FdPair pair = ConnectedTcpPair();
  const auto segments = [&pair] {
    tcp_info info{};
    socklen_t size = sizeof(info);
    EXPECT_EQ(::getsockopt(pair.second.get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_segs_in;
  };
  TcpEnd end(reactor_, std::move(pair.first));
  const auto before = segments();
  ASSERT_EQ(end.stream().WriteLast(ByteSpan(std::string_view("last"))), 4u);
  EXPECT_EQ(end.stream().Write(ByteSpan(std::string_view("more"))), 0u);
  EXPECT_EQ(segments(), before + 1);
  std::array<char, 16> block{};
  EXPECT_EQ(::recv(pair.second.get(), block.data(), block.size(), 0), 4);
  EXPECT_EQ(::recv(pair.second.get(), block.data(), block.size(), MSG_DONTWAIT), 0);
}

TEST_F(TcpStreamEndTest, LastBytesThatDoNotFitDoNotEndTheStream) {
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

TEST_F(TcpStreamEndTest, ClosesItsSocketWhenBothDirectionsEnded) {
  near_->stream().CloseWrite();
  far_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return near_->ended && far_->ended; }));
  EXPECT_EQ(near_->stream().local_address(), SocketAddress());
  EXPECT_EQ(near_->stream().Peek(1).state, ReadState::kEnd);
  EXPECT_EQ(near_->stream().Write(ByteSpan(std::string_view("x"))), 0u);
  near_->stream().Reset(Status(StatusCode::kClosed, "harmless"));
  EXPECT_FALSE(near_->error.has_value());
}

TEST_F(TcpStreamEndTest, TheEndIsSeenThoughAnotherCallbackReadWhatCameBeforeIt) {
  FdPair one = ConnectedTcpPair();
  FdPair two = ConnectedTcpPair();
  TcpEnd first(reactor_, std::move(one.first));
  TcpEnd second(reactor_, std::move(two.first));
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

TEST_F(TcpStreamEndTest, PausedReaderCostsNoTurnsWhenBothDirectionsEnded) {
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

TEST_F(TcpStreamEndTest, EndedReaderCostsNoTurns) {
  near_->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return far_->ended; }));
  EXPECT_LE(TurnsWithin(milliseconds(30)), 5u);
}

TEST_F(TcpStreamEndTest, DestroyedBeforeItsEndItIsReset) {
  near_->Send("half of the da");
  near_.reset();
  EXPECT_TRUE(RunUntil([&] { return far_->error.has_value(); }));
}

TEST_F(TcpStreamEndTest, DestroyedAfterItsEndItIsNotReset) {
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

TEST_F(TcpStreamEndTest, MayBeHandedAwayInItsOwnCallback) {
  Quitter quitter(reactor_, far_->Release());
  near_->Send("stop");
  EXPECT_TRUE(RunUntil([&] { return near_->ended; }));
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
