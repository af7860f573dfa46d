#include "ming/reverse/line_link.h"

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

using support::FakeByteStream;
using support::FakeTimerService;

class LineLinkTest : public testing::Test, private LineLink::Observer {
 public:
  ~LineLinkTest() override {
    link_.reset();  // resets the wire
    peer_.reset();
    EXPECT_EQ(timers_.alarm_count(), 0U);
  }

 protected:
  LineLinkTest() {
    auto [near, far] = FakeByteStream::CreatePair(timers_);
    wire_ = near.get();
    peer_ = std::move(far);
    link_.reset(new LineLink(timers_, std::move(near), *this));
    Settle();
  }
  void Settle() { support::SettleOrFail(timers_, 1000000); }
  // What the peer reads until nothing comes any more.
  std::string ReadAll() {
    std::string text;
    while (true) {
      const link::ReadChunk chunk = peer_->Peek(65536);
      if (chunk.state == link::ReadState::kData) {
        text += chunk.bytes.AsText();
        peer_->Consume(chunk.bytes.size());
        continue;
      }
      const size_t before = text.size();
      Settle();
      const link::ReadChunk more = peer_->Peek(65536);
      if (more.state != link::ReadState::kData && text.size() == before) return text;
    }
  }

  FakeTimerService timers_;
  FakeByteStream* wire_ = nullptr;
  std::unique_ptr<FakeByteStream> peer_;
  std::unique_ptr<LineLink> link_;
  std::optional<Status> failure_;
  int readables_ = 0;

 private:
  void OnLinkReadable() override { ++readables_; }
  void OnLinkFailed(const Status& why) override {
    EXPECT_FALSE(failure_.has_value()) << "told twice";
    failure_ = why;
  }
  void OnLinkClosed() override {}
};

// As a control connection whose client never reads while callers come.
TEST_F(LineLinkTest, GivesUpAPeerThatNeverReads) {
  const std::string line =
      "NEW_CONN 0123456789abcdef0123456789abcdef src=203.0.113.9:4000 ttl=10000 proto=udp\n";
  while (wire_->WritableBytes() > 0) link_->Send(line);
  size_t queued = 0;
  while (queued + line.size() <= kMaxQueuedLines - line.size()) {
    link_->Send(line);
    queued += line.size();
  }
  Settle();
  EXPECT_FALSE(failure_.has_value());
  for (int number = 0; number < 1000; ++number) link_->Send(line);  // none but the first is kept
  EXPECT_FALSE(failure_.has_value()) << "told inside a call";
  Settle();
  ASSERT_TRUE(failure_.has_value());
  EXPECT_EQ(failure_->code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(failure_->message(), "the peer does not read its lines");
}

TEST_F(LineLinkTest, ShowsAgainWhatWasRefusedWhenAsked) {
  const auto refuse = [](ByteSpan /*bytes*/) { return size_t{0}; };
  EXPECT_EQ(link_->Read(refuse), LineLink::ReadResult::kBlocked);
  peer_->Write(ByteSpan("PING 1\n"));
  Settle();
  EXPECT_EQ(readables_, 2);  // the first look, and this
  EXPECT_EQ(link_->Read(refuse), LineLink::ReadResult::kRefused);
  Settle();
  EXPECT_EQ(readables_, 2);
  link_->ReadAgain();
  EXPECT_EQ(readables_, 2) << "told inside a call";
  Settle();
  EXPECT_EQ(readables_, 3);
}

TEST_F(LineLinkTest, TakesExactlyItsBound) {
  while (wire_->WritableBytes() > 0) link_->Send(std::string(1024, 'x'));
  link_->Send(std::string(kMaxQueuedLines, 'y'));
  Settle();
  EXPECT_FALSE(failure_.has_value());
  link_->Send("z");
  Settle();
  EXPECT_TRUE(failure_.has_value());
}

TEST_F(LineLinkTest, DeliversAllToAPeerThatReadsLate) {
  std::string want;
  for (int number = 0; number < 20000; ++number) {
    const std::string line = "PING " + std::to_string(number) + "\n";
    want += line;
    link_->Send(line);
  }
  link_->End();
  EXPECT_EQ(ReadAll(), want);
  EXPECT_FALSE(failure_.has_value());
}

}  // namespace
}  // namespace ming::reverse
