// ForwarderFixture: real sockets over loopback on both sides, simulated channels between them.
#ifndef MING_TESTS_TUNNEL_FORWARDER_FIXTURE_H_
#define MING_TESTS_TUNNEL_FORWARDER_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "ming/base/ip_address.h"
#include "ming/base/time.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/socket_address.h"
#include "ming/support/fake_channels.h"
#include "ming/support/fd_leak_check.h"
#include "ming/tunnel/forwarder.h"

namespace ming::tunnel {

// Long beyond any need: a test that waits so long fails.
inline constexpr Duration kLimit = std::chrono::seconds(20);

inline ChannelTerms MingTerms(uint32_t credit = kDefaultReceiveWindowBytes) {
  ChannelTerms terms;
  terms.half_close = true;
  terms.credit = CreditTerms{credit, credit};
  return terms;
}

class ForwarderFixture : public ::testing::Test {
 public:
  ForwarderFixture()
      : resolver_(reactor_),
        channels_(reactor_, 1),
        opener_(reactor_, channels_,
                [this](std::unique_ptr<link::MessageChannel> channel, const std::string& label) {
                  last_label_ = label;
                  if (host_ != nullptr) host_->HandleChannel(std::move(channel), terms_, label);
                }) {}

  ~ForwarderFixture() override {
    client_.reset();
    host_.reset();
    // What the last turn left to be destroyed.
    reactor_.RunUntil([this] { return channels_.pair_count() == 0; }, kLimit);
    EXPECT_EQ(channels_.pair_count(), 0U);
  }

 protected:
  void SetPath() { client_->SetPath(opener_, terms_); }
  [[nodiscard]] bool RunUntil(const std::function<bool()>& done) {
    return reactor_.RunUntil(done, kLimit);
  }
  // Runs for a while in which `never` must not come true.
  [[nodiscard]] bool HoldsOff(const std::function<bool()>& never) {
    return !reactor_.RunUntil(never, std::chrono::milliseconds(300));
  }
  // Where applications go: the first of the client's addresses.
  net::SocketAddress ClientAddress() const {
    return *net::SocketAddress::Parse(client_->local_addresses().front());
  }

  support::FdLeakCheck fd_leak_check_;
  net::Reactor reactor_;
  net::Resolver resolver_;
  support::FakeChannels channels_;
  support::FakeChannelOpener opener_;
  ChannelTerms terms_ = MingTerms();
  std::string last_label_;
  std::unique_ptr<ClientForwarder> client_;
  std::unique_ptr<HostForwarder> host_;
};

}  // namespace ming::tunnel

#endif  // MING_TESTS_TUNNEL_FORWARDER_FIXTURE_H_
