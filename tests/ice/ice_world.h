// What tests of ICE share: a loop with its engines, two agents that exchange candidates inside the
// process, and a check that no descriptor is left.
#ifndef MING_TESTS_ICE_ICE_WORLD_H_
#define MING_TESTS_ICE_ICE_WORLD_H_

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "ming/ice/ice_agent.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"

namespace ming::ice {

inline size_t OpenDescriptors() {
  const std::filesystem::directory_iterator fds("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(fds), end(fds)));
}

struct Loop {
  net::Reactor reactor;
  net::GlibBridge glib{reactor};
  net::Resolver resolver{reactor};

  IceServices services() { return {reactor, glib, resolver}; }
  bool RunUntil(const std::function<bool()>& done, Duration timeout = std::chrono::seconds(10)) {
    return reactor.RunUntil(done, timeout);
  }
};

// An agent that notes what it is told, and hands its candidates to a peer.
class TestAgent final : public IceAgent::Observer {
 public:
  TestAgent(Loop& loop, const IceOptions& options, IceRole role)
      : agent(std::make_unique<IceAgent>(loop.services(), options, role, *this)) {}

  void OnIceState(IceState s) override { states.push_back(s); }
  void OnLocalCandidate(const codec::IceCandidate& candidate) override {
    trickled.push_back(candidate);
    if (peer != nullptr) last_added = peer->agent->AddRemoteCandidate(candidate);
  }
  void OnLocalCandidatesDone() override {
    done = true;
    if (peer != nullptr) peer->agent->SetRemoteCandidatesDone();
  }
  void OnSelectedPair(const SelectedPair& pair) override { pairs.push_back(pair); }
  void OnDatagram(ByteSpan datagram) override {
    received.emplace_back(datagram.begin(), datagram.end());
  }
  void OnDatagramsDone() override { ++done_count; }
  void OnIceClosed() override { closed = true; }

  // What a description carries.
  void TellPeer() {
    peer->agent->SetRemoteCredentials(agent->local_credentials());
    for (const codec::IceCandidate& candidate : agent->local_candidates()) {
      last_added = peer->agent->AddRemoteCandidate(candidate);
    }
    if (agent->local_candidates_done()) peer->agent->SetRemoteCandidatesDone();
  }
  bool Reached(IceState state) const {
    return std::find(states.begin(), states.end(), state) != states.end();
  }

  TestAgent* peer = nullptr;
  std::vector<IceState> states;
  std::vector<codec::IceCandidate> trickled;
  bool done = false;
  bool closed = false;
  int done_count = 0;
  Status last_added;
  std::vector<SelectedPair> pairs;
  std::vector<std::vector<uint8_t>> received;
  std::unique_ptr<IceAgent> agent;
};

struct AgentPair {
  AgentPair(Loop& loop, const IceOptions& options)
      : a(loop, options, IceRole::kControlling), b(loop, options, IceRole::kControlled) {
    a.peer = &b;
    b.peer = &a;
  }

  void Start() {
    ASSERT_TRUE(a.agent->Start().ok());
    ASSERT_TRUE(b.agent->Start().ok());
  }
  void Exchange() {
    a.TellPeer();
    b.TellPeer();
  }
  // From the start.
  bool Connect(Loop& loop) {
    Start();
    Exchange();
    return loop.RunUntil([this] { return connected(); });
  }
  bool connected() const {
    return a.Reached(IceState::kCompleted) && b.Reached(IceState::kCompleted);
  }
  void Close(Loop& loop) {
    a.agent->Close();
    b.agent->Close();
    EXPECT_TRUE(loop.RunUntil([this] { return a.closed && b.closed; }));
  }

  TestAgent a;
  TestAgent b;
};

inline IceOptions Loopback() {
  IceOptions options;
  options.interfaces = {"lo"};
  return options;
}

// A TURN server that does not answer.
inline codec::IceServer SilentTurnServer() {
  codec::IceServer server;
  server.kind = codec::IceServerKind::kTurn;
  server.address = {"127.0.0.1", Port(9)};
  server.username = "nobody";
  server.password = Secret("nothing");
  return server;
}

// GLib and libnice keep some descriptors for the life of the process.
class WarmUp : public ::testing::Environment {
 public:
  void SetUp() override {
    Loop loop;
    IceOptions options = Loopback();
    options.servers = {SilentTurnServer()};
    AgentPair pair(loop, options);
    pair.Start();
    pair.Exchange();
    EXPECT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
    pair.Close(loop);
  }
};
// Fails the test that leaves a descriptor open. Members of the test are gone by then.
class DescriptorCheck : public ::testing::Test {
 public:
  ~DescriptorCheck() override { EXPECT_EQ(OpenDescriptors(), before_) << "descriptors leaked"; }

 protected:
  DescriptorCheck() : before_(OpenDescriptors()) {}

 private:
  size_t before_;
};

}  // namespace ming::ice

#endif  // MING_TESTS_ICE_ICE_WORLD_H_
