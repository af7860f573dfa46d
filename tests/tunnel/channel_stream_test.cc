// The shell alone: what it promises its observer, and what it does when the channel takes nothing.
#include "ming/tunnel/channel_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/support/fake_channels.h"
#include "ming/support/fake_timer_service.h"
#include "ming/support/settle.h"

namespace ming::tunnel {
namespace {

using support::SettleOrFail;

class ChannelStreamTest : public ::testing::Test,
                          protected link::ByteStream::Observer,
                          protected link::MessageChannel::Observer,
                          protected ChannelStream::CloseObserver {
 public:
  ChannelStreamTest() : channels_(timers_, 1) {}
  ~ChannelStreamTest() override {
    stream_.reset();
    peer_.reset();
    SettleOrFail(timers_);
    EXPECT_EQ(channels_.pair_count(), 0U);
    EXPECT_EQ(timers_.alarm_count(), 0U);
  }

 protected:
  void Build(ChannelSide side, bool ming) {
    ChannelStreamOptions options;
    options.side = side;
    options.terms.half_close = ming;
    if (ming) options.terms.credit = CreditTerms{1 << 20, 1 << 20};
    options.terms.max_message_bytes = 100;
    auto pair = channels_.CreatePair();
    ChannelStream::CloseObserver* const close_observer = this;
    stream_ =
        std::make_unique<ChannelStream>(timers_, std::move(pair.first), options, close_observer);
    peer_ = std::move(pair.second);
    stream_->SetObserver(this);
  }
  void Narrow(size_t queue_bytes) {
    support::FakeChannelOptions options;
    options.queue_bytes = queue_bytes;
    channels_.set_options(options);
  }
  void StartPeer() {
    peer_->SetObserver(this);
    SettleOrFail(timers_);
  }
  void FromPeer(link::MessageKind kind, const std::string& message) {
    EXPECT_EQ(peer_->Send(kind, ByteSpan(message)), link::SendResult::kAccepted);
    SettleOrFail(timers_);
  }
  // Runs a call during which the observer must hear nothing.
  template <typename Call>
  void Quietly(const Call& call) {
    in_call_ = true;
    call();
    in_call_ = false;
  }

  // link::ByteStream::Observer.
  void OnReadable() override {
    EXPECT_FALSE(in_call_);
    ++readable_;
  }
  void OnWritable() override {
    EXPECT_FALSE(in_call_);
    ++writable_;
  }
  void OnStreamError(const Status& why) override {
    EXPECT_FALSE(in_call_);
    EXPECT_FALSE(error_) << "failed twice";
    EXPECT_FALSE(closed_) << "behind the close";
    error_ = why;
  }
  // ChannelStream::CloseObserver.
  void OnChannelStreamClosed(const Status& why) override {
    EXPECT_FALSE(closed_) << "closed twice";
    closed_ = why;
  }
  // link::MessageChannel::Observer, of the peer.
  void OnMessage(link::MessageKind kind, ByteBuffer message) override {
    if (kind == link::MessageKind::kText) {
      texts_.emplace_back(message.AsText());
    } else {
      data_ += message.AsText();
      largest_ = std::max(largest_, message.size());
    }
  }
  void OnSendReady() override {}
  void OnChannelClosed(const Status& /*why*/) override { peer_closed_ = true; }

  support::FakeTimerService timers_;
  support::FakeChannels channels_;
  std::unique_ptr<ChannelStream> stream_;
  std::unique_ptr<link::MessageChannel> peer_;
  bool in_call_ = false;
  int readable_ = 0;
  int writable_ = 0;
  std::optional<Status> error_;
  std::optional<Status> closed_;
  std::string data_;
  size_t largest_ = 0;
  std::vector<std::string> texts_;
  bool peer_closed_ = false;
};

TEST_F(ChannelStreamTest, CutsWhatIsWrittenIntoMessages) {
  Build(ChannelSide::kOpener, true);
  const std::string bytes(1050, 'x');
  EXPECT_EQ(stream_->Write(ByteSpan(bytes)), 1050U);
  StartPeer();
  EXPECT_EQ(data_, bytes);
  EXPECT_EQ(largest_, 100U);
}

TEST_F(ChannelStreamTest, PartialWritePromisesWritable) {
  Narrow(250);
  Build(ChannelSide::kOpener, true);
  const std::string bytes(1000, 'x');
  Quietly([&] { EXPECT_EQ(stream_->Write(ByteSpan(bytes)), 300U); });
  SettleOrFail(timers_);
  EXPECT_EQ(writable_, 0);
  StartPeer();
  EXPECT_EQ(writable_, 1);
  EXPECT_GT(stream_->WritableBytes(), 0U);
}

TEST_F(ChannelStreamTest, NoRoomPromisesWritable) {
  Narrow(50);
  Build(ChannelSide::kOpener, true);
  EXPECT_EQ(stream_->Write(ByteSpan(std::string(60, 'x'))), 60U);
  Quietly([&] { EXPECT_EQ(stream_->WritableBytes(), 0U); });
  EXPECT_EQ(stream_->Write(ByteSpan(std::string("y"))), 0U);
  StartPeer();
  EXPECT_EQ(writable_, 1);
}

TEST_F(ChannelStreamTest, AsksForWhatFillsPackets) {
  support::FakeChannelOptions options;
  options.message_step = 30;
  options.queue_bytes = 120;
  channels_.set_options(options);
  Build(ChannelSide::kOpener, true);
  EXPECT_EQ(stream_->WritableBytes(), 90U);
  EXPECT_EQ(stream_->Write(ByteSpan(std::string(90, 'x'))), 90U);
  // Less than one step is offered as it is, not kept back.
  EXPECT_EQ(stream_->WritableBytes(), 29U);
  StartPeer();
  EXPECT_EQ(largest_, 90U);
}

TEST_F(ChannelStreamTest, ControlGoesOutAsSoonAsTheChannelTakesIt) {
  Narrow(50);
  Build(ChannelSide::kOpener, true);
  const std::string bytes(60, 'x');
  EXPECT_EQ(stream_->Write(ByteSpan(bytes)), 60U);
  stream_->CloseWrite();
  StartPeer();
  EXPECT_EQ(data_, bytes);
  EXPECT_EQ(texts_, std::vector<std::string>{"end"});
}

TEST_F(ChannelStreamTest, ResetSendsItsReasonAndCloses) {
  Build(ChannelSide::kOpener, true);
  Quietly([&] { stream_->Reset(Status(StatusCode::kUnavailable, "gone")); });
  StartPeer();
  EXPECT_EQ(texts_, std::vector<std::string>{"reset gone"});
  EXPECT_TRUE(peer_closed_);
  EXPECT_FALSE(error_) << "no call of the observer follows";
  ASSERT_TRUE(closed_);
  EXPECT_TRUE(closed_->ok());
  EXPECT_TRUE(stream_->channel_closed());
}

TEST_F(ChannelStreamTest, FailureIsToldBeforeTheClose) {
  Build(ChannelSide::kOpener, true);
  StartPeer();
  channels_.FailAll(Status(StatusCode::kTimeout, "path lost"));
  SettleOrFail(timers_);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code(), StatusCode::kTimeout);
  ASSERT_TRUE(closed_);
  EXPECT_EQ(stream_->Write(ByteSpan(std::string("x"))), 0U);
  EXPECT_EQ(stream_->Peek(10).state, link::ReadState::kWouldBlock);
}

TEST_F(ChannelStreamTest, VoidWriteFailsFromTheLoop) {
  Build(ChannelSide::kOpener, false);
  StartPeer();
  FromPeer(link::MessageKind::kBinary, "bytes");
  peer_->Close();
  SettleOrFail(timers_);
  EXPECT_EQ(stream_->Peek(10).bytes.AsText(), "bytes");
  stream_->Consume(5);
  EXPECT_EQ(stream_->Peek(10).state, link::ReadState::kEnd);
  EXPECT_EQ(stream_->WritableBytes(), 1U);
  Quietly([&] { EXPECT_EQ(stream_->Write(ByteSpan(std::string("x"))), 0U); });
  EXPECT_FALSE(error_);
  error_.reset();
  closed_.reset();  // the channel closed before the write failed
  SettleOrFail(timers_);
  EXPECT_TRUE(error_);
}

TEST_F(ChannelStreamTest, MessageThatThePeerCannotTakeFailsTheStream) {
  support::FakeChannelOptions tiny;
  tiny.max_message_size = 2;
  channels_.set_options(tiny);
  Build(ChannelSide::kOpener, true);
  Quietly([&] { stream_->CloseWrite(); });  // "end" has three
  SettleOrFail(timers_);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code(), StatusCode::kUnsupported);
}

TEST_F(ChannelStreamTest, DestroyedOpenItLooksLikeAResetToAMingPeer) {
  Build(ChannelSide::kOpener, true);
  StartPeer();
  stream_.reset();
  SettleOrFail(timers_);
  EXPECT_TRUE(peer_closed_);
  EXPECT_TRUE(texts_.empty()) << "no end was said";
}

TEST_F(ChannelStreamTest, WithoutAnObserverNothingIsTold) {
  Build(ChannelSide::kOpener, true);
  EXPECT_EQ(stream_->Peek(10).state, link::ReadState::kWouldBlock);
  stream_->SetObserver(nullptr);
  FromPeer(link::MessageKind::kText, "open");
  FromPeer(link::MessageKind::kBinary, "bytes");
  EXPECT_EQ(readable_, 0);
  stream_->SetObserver(this);
  EXPECT_EQ(stream_->Peek(10).bytes.AsText(), "bytes");
}

}  // namespace
}  // namespace ming::tunnel
