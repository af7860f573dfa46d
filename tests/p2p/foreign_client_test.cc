// A host and a client that is no ming: built on a bare peer connection, as a program on another
// WebRTC library would be.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/codec/signaling_message.h"
#include "ming/signaling/signaling_client.h"

#include "tunnel_world.h"

namespace ming::p2p {
namespace {

// Counts what one channel carries.
class ChannelProbe final : public link::MessageChannel::Observer {
 public:
  explicit ChannelProbe(std::unique_ptr<link::MessageChannel> c) : channel(std::move(c)) {
    channel->SetObserver(this);
  }
  void OnMessage(link::MessageKind kind, ByteBuffer message) override {
    (kind == link::MessageKind::kBinary ? binary_bytes : text_bytes) += message.size();
  }
  void OnSendReady() override {}
  void OnChannelClosed(const Status& /*why*/) override { closed = true; }

  std::unique_ptr<link::MessageChannel> channel;
  size_t binary_bytes = 0;
  size_t text_bytes = 0;
  bool closed = false;
};

class ForeignClient final : private signaling::SignalingClient::Observer,
                            private webrtc::PeerConnection::Observer {
 public:
  ForeignClient(TunnelServices& services, const SignalingAccess& access)
      : connection_(services.peers(), Options(), *this),
        signaling_(signaling::SignalingClient::Start(
            services.websockets(), services.resolver(), services.random(),
            MakeSignalingOptions(access, signaling::SignalingRole::kClient, "foreign"), *this)) {}

  ChannelProbe& Open(const std::string& label, const link::ChannelTraits& traits = {}) {
    auto channel = connection_.OpenChannel(label, traits);
    CHECK(channel.ok()) << channel.status().ToString();
    channels_.push_back(std::make_unique<ChannelProbe>(std::move(*channel)));
    return *channels_.back();
  }
  const std::vector<std::string>& errors() const { return errors_; }
  void SendOffer(const std::string& sdp) {
    const Status sent = signaling_->Send(
        codec::MakeDescription({codec::SdpKind::kOffer, sdp}, "myhost", "foreign"));
    EXPECT_TRUE(sent.ok()) << sent.ToString();
  }
  bool signaling_connected() const { return signaling_->connected(); }
  void Offer() {
    auto offer = connection_.CreateOffer(webrtc::PeerConnection::OfferKind::kFirst);
    CHECK(offer.ok()) << offer.status().ToString();
    SendOffer(*offer);
  }

 private:
  static webrtc::PeerConnectionOptions Options() {
    webrtc::PeerConnectionOptions options;
    options.ice.loopback = ice::LoopbackUse::kAlways;
    options.ice.interfaces = {"lo"};
    return options;
  }

  void OnSignalingConnected() override {}
  void OnSignalingMessage(const codec::SignalingMessage& message) override {
    EXPECT_EQ(message.sender_id, "myhost");
    if (message.type == codec::SignalingType::kAnswer) {
      const auto answer = codec::ParseDescriptionPayload(message.payload);
      ASSERT_TRUE(answer.ok());
      EXPECT_TRUE(connection_.SetAnswer(answer->sdp).ok());
    } else {
      const auto candidate = codec::ParseCandidatePayload(message.payload);
      ASSERT_TRUE(candidate.ok());
      EXPECT_EQ(candidate->mid, "0");
      EXPECT_TRUE(connection_.AddRemoteCandidate(candidate->candidate).ok());
    }
  }
  void OnSignalingDisconnected(const Status& why, signaling::SignalingLoss /*loss*/) override {
    ADD_FAILURE() << why.ToString();
  }
  void OnSignalingError(const signaling::SignalingErrorText& error) override {
    errors_.push_back(error.text);
  }
  void OnConnectionState(webrtc::ConnectionState /*state*/) override {}
  void OnLocalCandidate(const std::string& candidate) override {
    codec::CandidatePayload payload;  // neither mid nor user name fragment, as some peers write it
    payload.candidate = candidate;
    payload.mline_index = 0;
    EXPECT_TRUE(signaling_->Send(codec::MakeCandidate(payload, "myhost", "foreign")).ok());
  }
  void OnRemoteChannel(std::unique_ptr<link::MessageChannel> /*channel*/,
                       const std::string& label) override {
    ADD_FAILURE() << label;
  }
  void OnConnectionClosed(const Status& /*why*/) override {}

  std::vector<std::string> errors_;
  webrtc::PeerConnection connection_;
  std::vector<std::unique_ptr<ChannelProbe>> channels_;
  std::unique_ptr<signaling::SignalingClient> signaling_;
};

class ForeignClientTest : public TunnelWorld {
 protected:
  void StartForeignClient() {
    StartServer();
    StartHost();
    ASSERT_TRUE(RunUntil([this] { return host_->registered > 0; }));
    foreign_ = std::make_unique<ForeignClient>(*services_, HostOptions().signaling);
    ASSERT_TRUE(RunUntil([this] { return foreign_->signaling_connected(); }));
  }

  std::unique_ptr<ForeignClient> foreign_;
};

TEST_F(ForeignClientTest, ReachesTheTargetUnderEveryLabel) {
  StartTarget(Sends(100, support::StreamUserPlan::End::kNever));
  StartForeignClient();
  std::vector<ChannelProbe*> channels;
  for (const char* label : {"tunnel-tcp", "tcp-192.0.2.1:5", "tunnel-udp", "", "x\n\x1b[31m"}) {
    channels.push_back(&foreign_->Open(label));
  }
  foreign_->Offer();
  for (ChannelProbe* channel : channels) {
    ASSERT_TRUE(RunUntil([&] { return channel->binary_bytes == 100; }));
    EXPECT_EQ(channel->text_bytes, 0U);
  }
  ASSERT_EQ(targets_.size(), channels.size());
  channels.front()->channel->Close();
  ASSERT_TRUE(RunUntil([&] { return channels.front()->closed; }));
  EXPECT_TRUE(RunUntil([&] {
    return std::count_if(targets_.begin(), targets_.end(), [](const auto& target) {
             return target->read_end() || target->error();
           }) == 1;
  }));
}

TEST_F(ForeignClientTest, SeesAChannelCloseWhenTheTargetEnds) {
  StartTarget(Sends(100));
  StartForeignClient();
  ChannelProbe& channel = foreign_->Open("tunnel-tcp");
  foreign_->Offer();
  ASSERT_TRUE(RunUntil([&] { return channel.closed; }));
  EXPECT_EQ(channel.binary_bytes, 100U);
}

TEST_F(ForeignClientTest, SeesAChannelCloseWhenTheTargetIsDead) {
  StartForeignClient();
  ChannelProbe& channel = foreign_->Open("tunnel-tcp");
  foreign_->Offer();
  ASSERT_TRUE(RunUntil([&] { return channel.closed; }));
  EXPECT_EQ(channel.binary_bytes + channel.text_bytes, 0U);
}

TEST_F(ForeignClientTest, ExchangesDatagramsThroughAnUnreliableChannel) {
  protocol_ = TunnelProtocol::kUdp;
  auto echo = std::make_unique<UdpEcho>(reactor_);
  target_port_ = echo->port();
  StartForeignClient();
  link::ChannelTraits traits;
  traits.ordering = link::Ordering::kUnordered;
  traits.max_retransmits = 0;
  ChannelProbe& channel = foreign_->Open("tunnel-udp", traits);
  foreign_->Offer();
  const std::string datagram(1200, 'x');
  EXPECT_EQ(channel.channel->Send(link::MessageKind::kBinary, ByteSpan(std::string_view(datagram))),
            link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return channel.binary_bytes == 1200; }));
}

TEST_F(ForeignClientTest, IsToldWhenItsOfferCannotBeUsed) {
  StartForeignClient();
  foreign_->SendOffer("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
  ASSERT_TRUE(RunUntil([&] { return !foreign_->errors().empty(); }));
  EXPECT_NE(foreign_->errors().front().find("the offer cannot be used"), std::string::npos);
  EXPECT_EQ(host_->tunnel->GetStatus().sessions, 0U);
}

}  // namespace
}  // namespace ming::p2p
