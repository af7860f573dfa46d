// What a joint leaves behind at its end: nothing that was taken and not sent.
#include "ming/reverse/joint.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ming/support/fake_byte_stream.h"
#include "ming/support/fake_timer_service.h"
#include "ming/support/settle.h"
#include "ming/support/stream_user.h"
#include "ming/tls/certificate.h"
#include "ming/tls/tls_session.h"
#include "ming/tls/tls_trust.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using support::FakeByteStream;
using support::FakeByteStreamOptions;
using support::StreamUser;
using support::StreamUserPlan;

// A caller on the left, and on the right TLS through a wire that holds less than a record.
class JointTest : public testing::Test {
 public:
  ~JointTest() override {
    joint_.reset();
    released_.reset();
    peer_.reset();
    caller_.reset();
  }

 protected:
  static constexpr size_t kWire = 4096;

  void Join(const StreamUserPlan& caller, const StreamUserPlan& peer, bool in_pieces) {
    FakeByteStreamOptions narrow;
    narrow.capacity = kWire;
    auto [left, far_left] = FakeByteStream::CreatePair(timers_);
    auto [right, far_right] = FakeByteStream::CreatePair(timers_, narrow);
    const auto certificate = *tls::Certificate::SelfSigned("server.test");
    tls::TlsServerOptions server;
    server.certificate = certificate;
    tls::TlsClientOptions client;
    client.trust = *tls::TlsTrust::FromPem(ByteSpan(std::string_view{certificate->pem()}));
    client.server_name = "server.test";
    Joint::Ends ends{std::move(left),
                     std::make_unique<tls::TlsSession>(server, timers_, std::move(right))};
    std::unique_ptr<link::ByteStream> far =
        std::make_unique<tls::TlsSession>(client, timers_, std::move(far_right));
    if (in_pieces) {
      auto pieces = std::make_unique<PieceStream>(timers_, std::move(ends.b), PieceStream::Begun());
      ends.pieces = pieces.get();
      ends.b = std::move(pieces);
      far = std::make_unique<PieceStream>(timers_, std::move(far), PieceStream::Begun());
    }
    caller_ = std::make_unique<StreamUser>(timers_, std::move(far_left), caller, 1, 2);
    peer_ = std::make_unique<StreamUser>(timers_, std::move(far), peer, 2, 1);
    joint_ = std::make_unique<Joint>(timers_, std::move(ends), tunnel::RelayOptions(),
                                     [this](ReverseReason why) {
                                       end_ = why;
                                       released_ = joint_->ReleaseConnection();
                                       timers_.DeferDelete(std::move(joint_));
                                     });
    support::SettleOrFail(timers_, 1000000);
  }
  void ExpectAllOf(uint64_t bytes) {
    EXPECT_EQ(end_, ReverseReason::kDone);
    EXPECT_FALSE(peer_->error().has_value()) << peer_->error()->ToString();
    EXPECT_EQ(peer_->received(), bytes);
    EXPECT_TRUE(peer_->read_end());
    EXPECT_TRUE(peer_->intact());
  }
  static StreamUserPlan Sends(uint64_t bytes) {
    StreamUserPlan plan;
    plan.send_bytes = bytes;
    return plan;
  }
  static StreamUserPlan AnswersAfterEnd(uint64_t bytes) {
    StreamUserPlan plan = Sends(bytes);
    plan.answer_after_end = true;
    return plan;
  }

  support::FakeTimerService timers_;
  std::unique_ptr<StreamUser> caller_;
  std::unique_ptr<StreamUser> peer_;
  std::unique_ptr<Joint> joint_;
  std::optional<ReverseReason> end_;
  std::unique_ptr<link::ByteStream> released_;  // waits for the next caller
};

// The end comes with the last bytes, of which the session keeps what the wire does not take.
TEST_F(JointTest, EndsWhenTheLastRecordHasLeft) {
  for (const uint64_t bytes : {1u, 4096u, 5000u, 16000u, 40000u, 300000u}) {
    Join(AnswersAfterEnd(bytes), Sends(10), false);
    ExpectAllOf(bytes);
  }
}

TEST_F(JointTest, ThatOfPiecesAsWell) {
  for (const uint64_t bytes : {1u, 4096u, 5000u, 16000u, 40000u, 300000u}) {
    Join(AnswersAfterEnd(bytes), Sends(10), true);
    ExpectAllOf(bytes);
  }
}

}  // namespace
}  // namespace ming::reverse
