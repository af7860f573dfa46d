// TunnelWorld: an application, one TunnelConnection at each end of a simulated channel, and a
// target: everything of a tunnelled TCP connection but the sockets.
#ifndef MING_TESTS_TUNNEL_TUNNEL_WORLD_H_
#define MING_TESTS_TUNNEL_TUNNEL_WORLD_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "ming/support/fake_byte_stream.h"
#include "ming/support/fake_channels.h"
#include "ming/support/fake_timer_service.h"
#include "ming/support/settle.h"
#include "ming/support/stream_user.h"
#include "ming/tunnel/tunnel_connection.h"

namespace ming::tunnel {

struct TunnelWorldOptions {
  support::StreamUserPlan app;
  support::StreamUserPlan target;
  support::FakeByteStreamOptions streams;
  support::FakeChannelOptions channel;
  ChannelTerms opener_terms;
  ChannelTerms acceptor_terms;
  Duration close_grace = std::chrono::seconds(5);
  uint64_t seed = 1;
};

// Both ends speak everything; each grants `credit`.
inline void UseMingTerms(TunnelWorldOptions& options, uint32_t credit) {
  options.opener_terms.half_close = true;
  options.opener_terms.credit = CreditTerms{credit, credit};
  options.acceptor_terms = options.opener_terms;
}

class TunnelWorld final : private TunnelConnection::Observer {
 public:
  explicit TunnelWorld(const TunnelWorldOptions& options)
      : options_(options), channels_(timers_, options.seed, options.channel) {
    auto app_pair = support::FakeByteStream::CreatePair(timers_, options.streams);
    auto channel_pair = channels_.CreatePair();
    app_ = std::make_unique<support::StreamUser>(timers_, std::move(app_pair.first), options.app, 1,
                                                 2);
    TunnelConnection::Observer& observer = *this;
    client_ = std::make_unique<TunnelConnection>(timers_, kClientId, observer);
    host_ = std::make_unique<TunnelConnection>(timers_, kHostId, observer);
    client_->AttachLocal(std::move(app_pair.second), RelayOptions());
    client_->AttachChannel(std::move(channel_pair.first),
                           StreamOptions(ChannelSide::kOpener, options.opener_terms));
    host_->AttachChannel(std::move(channel_pair.second),
                         StreamOptions(ChannelSide::kAcceptor, options.acceptor_terms));
  }

  // The dial succeeded.
  void ConnectTarget() {
    auto pair = support::FakeByteStream::CreatePair(timers_, options_.streams);
    target_ = std::make_unique<support::StreamUser>(timers_, std::move(pair.first), options_.target,
                                                    2, 1);
    host_->AttachLocal(std::move(pair.second), RelayOptions());
  }
  void FailPath() { channels_.FailAll(Status(StatusCode::kTimeout, "path lost")); }

  void ExpectNothingLeft() {
    support::SettleOrFail(timers_, 2000000);
    EXPECT_EQ(client_, nullptr) << "the client's connection is still there";
    EXPECT_EQ(host_, nullptr) << "the host's connection is still there";
    EXPECT_EQ(channels_.pair_count(), 0U);
    EXPECT_EQ(channels_.queued_bytes(), 0U);
    app_.reset();
    target_.reset();
    EXPECT_EQ(timers_.alarm_count(), 0U);
  }

  support::FakeTimerService& timers() { return timers_; }
  support::FakeChannels& channels() { return channels_; }
  support::StreamUser& app() { return *app_; }
  // Null before ConnectTarget.
  support::StreamUser* target() { return target_.get(); }
  TunnelConnection* client() { return client_.get(); }
  TunnelConnection* host() { return host_.get(); }
  const std::optional<Status>& client_ended() const { return client_ended_; }
  const std::optional<Status>& host_ended() const { return host_ended_; }

 private:
  static constexpr ConnectionId kClientId{1};
  static constexpr ConnectionId kHostId{2};

  ChannelStreamOptions StreamOptions(ChannelSide side, const ChannelTerms& terms) const {
    ChannelStreamOptions options;
    options.side = side;
    options.terms = terms;
    options.close_grace = options_.close_grace;
    return options;
  }

  void OnConnectionEnded(ConnectionId id, const Status& why) override {
    std::optional<Status>& ended = id == kClientId ? client_ended_ : host_ended_;
    EXPECT_FALSE(ended) << "ended twice";
    ended = why;
  }
  void OnConnectionGone(ConnectionId id) override {
    std::unique_ptr<TunnelConnection>& connection = id == kClientId ? client_ : host_;
    ASSERT_NE(connection, nullptr) << "gone twice";
    timers_.DeferDelete(std::move(connection));
  }

  const TunnelWorldOptions options_;
  support::FakeTimerService timers_;
  support::FakeChannels channels_;
  std::unique_ptr<support::StreamUser> app_;
  std::unique_ptr<support::StreamUser> target_;
  std::unique_ptr<TunnelConnection> client_;
  std::unique_ptr<TunnelConnection> host_;
  std::optional<Status> client_ended_;
  std::optional<Status> host_ended_;
};

}  // namespace ming::tunnel

#endif  // MING_TESTS_TUNNEL_TUNNEL_WORLD_H_
