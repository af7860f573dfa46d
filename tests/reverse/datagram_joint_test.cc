#include "ming/reverse/datagram_joint.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/support/fake_byte_stream.h"
#include "ming/support/fake_timer_service.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

// One end: what came, and how it ended.
struct End {
  std::unique_ptr<DatagramJoint> joint;
  std::vector<std::string> received;
  std::optional<ReverseReason> done;
};

class DatagramJointTest : public testing::Test {
 protected:
  void Join(const UdpOptions& options = {}, const support::FakeByteStreamOptions& stream = {}) {
    auto [a, b] = support::FakeByteStream::CreatePair(timers_, stream);
    Make(a_, std::move(a), options);
    Make(b_, std::move(b), options);
    timers_.Advance(Duration::zero());
  }
  // Only one end is ours; the other is `raw_`.
  void JoinRaw(const UdpOptions& options = {}, const support::FakeByteStreamOptions& stream = {}) {
    auto [a, b] = support::FakeByteStream::CreatePair(timers_, stream);
    raw_ = std::move(b);
    Make(a_, std::move(a), options);
    timers_.Advance(Duration::zero());
  }
  void Make(End& end, std::unique_ptr<link::ByteStream> stream, const UdpOptions& options) {
    end.joint = std::make_unique<DatagramJoint>(
        timers_, std::move(stream), options,
        [&end](ByteSpan datagram) { end.received.emplace_back(datagram.AsText()); },
        [&end](ReverseReason why) {
          EXPECT_FALSE(end.done.has_value());
          end.done = why;
        });
  }
  static bool Send(End& end, const std::string& datagram) {
    return end.joint->Send(ByteSpan(datagram));
  }

  support::FakeTimerService timers_;
  std::unique_ptr<support::FakeByteStream> raw_;
  End a_;
  End b_;
};

TEST_F(DatagramJointTest, CarriesDatagramsBothWays) {
  Join();
  const std::string longest(codec::kMaxFramedDatagram, 'x');
  for (const std::string& datagram : {std::string("one"), std::string(), longest}) {
    EXPECT_TRUE(Send(a_, datagram));
  }
  EXPECT_TRUE(Send(b_, "back"));
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(b_.received, (std::vector<std::string>{"one", "", longest}));
  EXPECT_EQ(a_.received, std::vector<std::string>{"back"});
  EXPECT_EQ(a_.joint->counts().a_to_b, 3 + codec::kMaxFramedDatagram);
  EXPECT_EQ(a_.joint->counts().b_to_a, 4u);
}

TEST_F(DatagramJointTest, KeepsDatagramsWholeHoweverTheStreamIsCut) {
  support::FakeByteStreamOptions stream;
  stream.read_chunk = 1;
  stream.write_chunk = 3;
  stream.capacity = 7;
  Join({}, stream);
  for (const char* datagram : {"first", "", "a longer one that does not fit", "last"}) {
    EXPECT_TRUE(Send(a_, datagram));
  }
  timers_.Advance(seconds(1));
  EXPECT_EQ(b_.received,
            (std::vector<std::string>{"first", "", "a longer one that does not fit", "last"}));
}

TEST_F(DatagramJointTest, DropsTheNewestWhileTheConnectionStalls) {
  UdpOptions options;
  options.max_queued_bytes = 1000;
  support::FakeByteStreamOptions stream;
  stream.capacity = 100;
  JoinRaw(options, stream);
  size_t taken = 0;
  while (taken < 1000 && Send(a_, "0123456789")) ++taken;
  EXPECT_GE(taken, 80u);
  EXPECT_LE(taken, 95u);
  for (int i = 0; i < 1000; ++i) {
    raw_->Consume(raw_->Peek(1000).bytes.size());
    timers_.Advance(milliseconds(1));
  }
  EXPECT_TRUE(Send(a_, "room again"));
  EXPECT_EQ(a_.done, std::nullopt);
}

TEST_F(DatagramJointTest, AnIdleFlowEndsInOrder) {
  UdpOptions options;
  options.idle_timeout = seconds(10);
  Join(options);
  timers_.Advance(seconds(9));
  EXPECT_TRUE(Send(a_, "x"));
  timers_.Advance(seconds(9));
  EXPECT_EQ(a_.done, std::nullopt);
  timers_.Advance(seconds(2));
  EXPECT_EQ(a_.done, ReverseReason::kDone);
  EXPECT_EQ(b_.done, ReverseReason::kDone);
  EXPECT_FALSE(Send(a_, "late"));
}

TEST_F(DatagramJointTest, WhatIsNoFrameEndsIt) {
  JoinRaw();
  raw_->Write(ByteSpan(std::vector<uint8_t>{0xff, 0xff}));
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(a_.done, ReverseReason::kReset);
}

TEST_F(DatagramJointTest, AnEndInsideAFrameIsAProtocolError) {
  JoinRaw();
  raw_->Write(ByteSpan(std::vector<uint8_t>{0x00, 0x05, 'a'}));
  raw_->CloseWrite();
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(a_.done, ReverseReason::kProtocol);
  EXPECT_TRUE(a_.received.empty());
}

TEST_F(DatagramJointTest, AResetOfEitherSideEndsIt) {
  Join();
  a_.joint->Abort(Status(StatusCode::kClosed, "control-lost"));
  a_.joint->Abort(Status(StatusCode::kClosed, "again"));
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(a_.done, ReverseReason::kReset);
  EXPECT_EQ(b_.done, ReverseReason::kReset);
}

}  // namespace
}  // namespace ming::reverse
