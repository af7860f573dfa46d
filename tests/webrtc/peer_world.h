// What tests of peer connections share: a loop with its engines, two connections that signal inside
// the process, channels that note what they are told, and a check that no descriptor is left.
#ifndef MING_TESTS_WEBRTC_PEER_WORLD_H_
#define MING_TESTS_WEBRTC_PEER_WORLD_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"
#include "ming/sctp/sctp_stack.h"
#include "ming/tls/certificate.h"
#include "ming/webrtc/peer_connection.h"

namespace ming::webrtc {

inline size_t OpenDescriptors() {
  const std::filesystem::directory_iterator fds("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(fds), end(fds)));
}

struct Loop {
  net::Reactor reactor;
  net::GlibBridge glib{reactor};
  net::Resolver resolver{reactor};
  sctp::SctpStack sctp{reactor};
  net::SystemRandom random;
  std::shared_ptr<const tls::Certificate> certificate =
      tls::Certificate::SelfSigned("test").value();

  PeerServices services() { return {reactor, glib, resolver, sctp, *certificate, random}; }
  bool RunUntil(const std::function<bool()>& done, Duration timeout = std::chrono::seconds(20)) {
    return reactor.RunUntil(done, timeout);
  }
  // Some turns, so that what must not happen could have.
  void RunFor(Duration duration) {
    EXPECT_FALSE(reactor.RunUntil([] { return false; }, duration));
  }
};

// Notes everything a channel says.
class TestChannel final : public link::MessageChannel::Observer {
 public:
  struct Message {
    link::MessageKind kind;
    std::string text;
  };

  explicit TestChannel(std::unique_ptr<link::MessageChannel> c, std::string l = "")
      : channel(std::move(c)), label(std::move(l)) {
    channel->SetObserver(this);
  }

  void OnMessage(link::MessageKind kind, ByteBuffer message) override {
    EXPECT_TRUE(closed.empty()) << "a message after the end";
    ++count;
    bytes += message.size();
    if (on_message) return on_message(message);
    messages.push_back({kind, std::string(message.AsText())});
  }
  void OnSendReady() override {
    ++send_ready;
    if (on_send_ready) on_send_ready();
  }
  void OnChannelClosed(const Status& why) override { closed.push_back(why); }

  link::SendResult SendText(const std::string& text) {
    ++messages_sent;
    const std::string_view view = text;
    return channel->Send(link::MessageKind::kText, ByteSpan(view));
  }

  std::unique_ptr<link::MessageChannel> channel;
  std::string label;
  std::vector<Message> messages;  // where on_message is not set
  size_t count = 0;
  size_t bytes = 0;
  size_t messages_sent = 0;  // by SendText
  size_t send_ready = 0;
  std::vector<Status> closed;
  std::function<void(const ByteBuffer&)> on_message;
  std::function<void()> on_send_ready;
};

class TestPeer final : public PeerConnection::Observer {
 public:
  TestPeer(Loop& l, const PeerConnectionOptions& options) : TestPeer(l.services(), options) {}
  TestPeer(const PeerServices& services, const PeerConnectionOptions& options)
      : connection(std::make_unique<PeerConnection>(services, options, *this)) {}

  void OnConnectionState(ConnectionState state) override { states.push_back(state); }
  void OnLocalCandidate(const std::string& candidate) override {
    candidates.push_back(candidate);
    if (peer == nullptr || !peer->connection) return;
    EXPECT_TRUE(peer->connection->AddRemoteCandidate(candidate).ok());
  }
  void OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                       const std::string& label) override {
    if (ignore_channels) return unobserved.push_back(std::move(channel));
    channels.push_back(std::make_unique<TestChannel>(std::move(channel), label));
    if (on_channel) on_channel(*channels.back());
  }
  void OnConnectionClosed(const Status& why) override { closed.push_back(why); }

  TestChannel& Open(const std::string& label, const link::ChannelTraits& traits = {}) {
    auto channel = connection->OpenChannel(label, traits);
    CHECK(channel.ok()) << channel.status().ToString();
    channels.push_back(std::make_unique<TestChannel>(std::move(channel).value(), label));
    return *channels.back();
  }
  TestChannel* Find(const std::string& label) {
    for (const auto& channel : channels) {
      if (channel->label == label) return channel.get();
    }
    return nullptr;
  }
  bool Reached(ConnectionState state) const {
    return std::find(states.begin(), states.end(), state) != states.end();
  }

  TestPeer* peer = nullptr;
  bool ignore_channels = false;
  std::vector<ConnectionState> states;
  std::vector<std::string> candidates;  // trickled
  std::vector<Status> closed;
  std::vector<std::unique_ptr<TestChannel>> channels;
  std::vector<std::unique_ptr<link::MessageChannel>> unobserved;
  std::function<void(TestChannel&)> on_channel;
  std::unique_ptr<PeerConnection> connection;
};

inline PeerConnectionOptions LoopbackOptions() {
  PeerConnectionOptions options;
  options.ice.interfaces = {"lo"};
  return options;
}

// Removes the lines that begin with `prefix`.
inline std::string WithoutLines(const std::string& sdp, const std::string& prefix) {
  std::string out;
  for (size_t at = 0; at < sdp.size();) {
    const size_t end = std::min(sdp.find('\n', at), sdp.size() - 1) + 1;
    if (sdp.compare(at, prefix.size(), prefix) != 0) out.append(sdp, at, end - at);
    at = end;
  }
  return out;
}

struct PeerPair {
  // Changes a description on its way.
  using Edit = std::function<std::string(std::string)>;

  PeerPair(Loop& l, const PeerConnectionOptions& options) : PeerPair(l, options, options) {}
  PeerPair(Loop& l, const PeerConnectionOptions& a_options, const PeerConnectionOptions& b_options)
      : loop(l), a(l, a_options), b(l, b_options) {
    a.peer = &b;
    b.peer = &a;
  }

  void Negotiate(PeerConnection::OfferKind kind = PeerConnection::OfferKind::kFirst,
                 const Edit& edit_offer = nullptr, const Edit& edit_answer = nullptr) {
    Result<std::string> offer = a.connection->CreateOffer(kind);
    ASSERT_TRUE(offer.ok()) << offer.status().ToString();
    Result<std::string> answer =
        b.connection->AcceptOffer(edit_offer ? edit_offer(*offer) : *offer);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    const Status set = a.connection->SetAnswer(edit_answer ? edit_answer(*answer) : *answer);
    ASSERT_TRUE(set.ok()) << set.ToString();
  }
  bool connected() const {
    return a.connection->state() == ConnectionState::kConnected &&
           b.connection->state() == ConnectionState::kConnected;
  }
  void Connect() {
    Negotiate();
    ASSERT_TRUE(loop.RunUntil([this] { return connected(); }));
  }
  // A channel of a's that is open at both ends.
  std::pair<TestChannel*, TestChannel*> OpenBoth(const std::string& label,
                                                 const link::ChannelTraits& traits = {}) {
    TestChannel& ours = a.Open(label, traits);
    EXPECT_TRUE(loop.RunUntil([&] { return b.Find(label) != nullptr; }));
    return {&ours, b.Find(label)};
  }
  void Close() {
    a.connection->Close();
    b.connection->Close();
    EXPECT_TRUE(loop.RunUntil([this] { return !a.closed.empty() && !b.closed.empty(); }));
    EXPECT_EQ(a.closed.size(), 1u);
    EXPECT_EQ(b.closed.size(), 1u);
  }

  Loop& loop;
  TestPeer a;
  TestPeer b;
};

// Fails the test that leaves a descriptor open. Members of the test body are gone by then.
class DescriptorCheck : public ::testing::Test {
 public:
  ~DescriptorCheck() override { EXPECT_EQ(OpenDescriptors(), before_) << "descriptors leaked"; }

 protected:
  // GLib and libnice keep some descriptors for the life of the process: they are opened here.
  static void SetUpTestSuite() {
    Loop loop;
    PeerConnectionOptions options = LoopbackOptions();
    codec::IceServer silent;
    silent.kind = codec::IceServerKind::kTurn;
    silent.address = {"127.0.0.1", Port(9)};
    silent.username = "nobody";
    silent.password = Secret("nothing");
    options.ice.servers = {silent};
    PeerPair pair(loop, options);
    pair.Connect();
    pair.Close();
  }
  DescriptorCheck() : before_(OpenDescriptors()) {}

 private:
  size_t before_;
};

}  // namespace ming::webrtc

#endif  // MING_TESTS_WEBRTC_PEER_WORLD_H_
