#include "session_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <variant>

#include "descriptions.h"

namespace ming::p2p {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(10);
constexpr Duration kLossNoticedAfter = std::chrono::seconds(3);
constexpr Duration kCheckLimit = std::chrono::milliseconds(750);
const char kHostId[] = "myhost";

// The ICE user name fragment of a description.
std::string UfragOf(const std::string& sdp, codec::SdpKind kind) {
  const Result<DescriptionFacts> facts = ReadDescription(sdp, kind);
  return facts.ok() ? facts->ice_ufrag : std::string();
}

codec::MingFeatures Features() {
  codec::MingFeatures features;
  features.protocol = TunnelProtocol::kTcp;
  features.restart_requests = true;
  return features;
}

}  // namespace

SessionWorld::Client::Client(uint64_t number, Random& random)
    : id("client-" + std::to_string(number)),
      certificate(static_cast<uint8_t>(number)),
      core(ClientSessionOptions(), kHostId, random) {}

SessionWorld::Host::Host(uint64_t number)
    : certificate(static_cast<uint8_t>(number)), core(HostSessionsOptions()) {}

SessionWorld::SessionWorld(uint64_t seed, const SignalingConditions& conditions, bool ming)
    : random_(seed), conditions_(conditions), ming_(ming) {}

SessionWorld::~SessionWorld() = default;

std::string SessionWorld::NewUfrag() {
  const std::string digits = std::to_string(++ufrags_);
  return "u" + std::string(digits.size() < 7 ? 7 - digits.size() : 0, '0') + digits;
}

void SessionWorld::Schedule(Duration delay, std::function<void()> action) {
  actions_.emplace(now_ + delay, std::move(action));
}

void SessionWorld::StartServer() {
  server_ = true;
  ++server_epoch_;
}

void SessionWorld::KillServer() {
  server_ = false;
  LoseClientSignaling();
  LoseHostSignaling();
}

void SessionWorld::LoseClientSignaling() {
  if (!client_ || !std::exchange(client_->signaling, false)) return;
  client_->core.HandleSignalingDown(now_, Status(StatusCode::kUnavailable, "connection lost"));
  PumpClient();
}

void SessionWorld::LoseHostSignaling() {
  if (!host_ || !std::exchange(host_->signaling, false)) return;
  host_->core.HandleSignalingDown(Status(StatusCode::kUnavailable, "connection lost"));
  PumpHost();
}

void SessionWorld::StartHost() {
  host_ = std::make_unique<Host>(++processes_);
  host_->core.Start(now_);
}

void SessionWorld::KillHost() { host_.reset(); }

void SessionWorld::StartClient() {
  ++client_epoch_;
  client_end_.reset();
  sessions_made_ = 0;
  client_ = std::make_unique<Client>(++processes_, random_);
  client_->core.Start(now_);
}

void SessionWorld::KillClient() {
  ++client_epoch_;
  client_.reset();
}

void SessionWorld::SetNetwork(bool up) { network_ = up; }

void SessionWorld::SetBlackOut(bool dark) { dark_ = dark; }

void SessionWorld::RoamClient() {
  for (auto& [session, peer] : client_->peers) peer.void_candidates = true;
  LoseClientSignaling();
  client_->core.HandleNetworkChanged(now_);
  PumpClient();
}

void SessionWorld::RoamHost() {
  if (!host_) return;
  for (auto& [session, peer] : host_->peers) peer.void_candidates = true;
  LoseHostSignaling();
  host_->core.HandleNetworkChanged();
  PumpHost();
}

// As the signaling client does it: a ping at once, and so long for its answer.
bool SessionWorld::FailsItsCheck(bool wants_to_know, Timestamp& unheard_since) const {
  if (!dark_ || !wants_to_know) unheard_since = now_;
  return now_ - unheard_since >= kCheckLimit;
}

void SessionWorld::NoticeSilentSignaling() {
  if (client_ && FailsItsCheck(client_->core.NeedsSignaling(now_), client_->unheard_since)) {
    LoseClientSignaling();
  }
  if (host_ && FailsItsCheck(host_->core.needs_signaling(), host_->unheard_since)) {
    LoseHostSignaling();
  }
}

void SessionWorld::Carry(bool to_host, const std::function<void()>& deliver) {
  if (dark_ || random_.Fraction() < conditions_.loss) return;
  const int copies = random_.Fraction() < conditions_.duplication ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const Duration delay = std::chrono::milliseconds(5 + random_.Below(50));
    Timestamp& last = to_host ? last_to_host_ : last_to_client_;
    Timestamp when = now_ + delay;
    if (!conditions_.reordered) when = last = std::max(last, when);
    actions_.emplace(when, [this, deliver, server = server_epoch_, client = client_epoch_] {
      // A message dies with the server and with its client; the server looks for the host late.
      if (server != server_epoch_ || !server_) return;
      if (client != client_epoch_ || dark_) return;
      deliver();
    });
  }
}

bool SessionWorld::TriesSignaling(Timestamp& next_try) {
  if (now_ < next_try) return false;
  next_try = now_ + std::chrono::milliseconds(200 + random_.Below(800));
  return server_ && !dark_;
}

void SessionWorld::ConnectSignaling() {
  if (client_ && !client_->signaling && TriesSignaling(client_->next_try)) {
    client_->signaling = true;
    client_->core.HandleSignalingUp(now_);
    PumpClient();
  }
  if (host_ && !host_->signaling && TriesSignaling(host_->next_try)) {
    host_->signaling = true;
    host_->core.HandleSignalingUp();
    PumpHost();
  }
}

void SessionWorld::PumpClient() {
  while (client_) {
    std::optional<ClientEvent> event = client_->core.PollEvent();
    if (!event) return;
    ASSERT_TRUE(client_->core.IsConsistent());
    Apply(*event);
  }
}

void SessionWorld::PumpHost() {
  while (host_) {
    std::optional<HostEvent> event = host_->core.PollEvent();
    if (!event) return;
    ASSERT_TRUE(host_->core.IsConsistent());
    Apply(*event);
  }
}

void SessionWorld::ToHost(const ClientEvent& event) {
  const std::string id = client_->id;
  Carry(true, [this, id, event] {
    if (!host_ || !host_->signaling) {
      Carry(false, [this] {
        client_->core.HandleHostNotFound(now_, "target host 'myhost' not found");
        PumpClient();
      });
      return;
    }
    if (const auto* offer = std::get_if<SendOffer>(&event)) {
      host_->core.HandleOffer(now_, id, offer->sdp);
    } else {
      host_->core.HandleRemoteCandidate(now_, id, std::get<SendCandidate>(event).candidate);
    }
    PumpHost();
  });
}

void SessionWorld::Apply(const ClientEvent& event) {
  const auto offer = [this](SessionId session) {
    Peer& peer = client_->peers.at(session);
    peer.local_ufrag = NewUfrag();
    peer.void_candidates = dark_;
    client_->core.HandleLocalOffer(
        now_, session,
        MakeSdp({codec::SdpKind::kOffer, peer.sdp_session, client_->certificate, peer.local_ufrag,
                 ming_, ++peer.version, Features()}));
    client_->core.HandleLocalCandidate(now_, session, {"candidate:c", peer.local_ufrag});
  };
  if (const auto* start = std::get_if<StartSession>(&event)) {
    ++sessions_made_;
    client_->peers[start->session].sdp_session = ++sdp_sessions_;
    offer(start->session);
  } else if (const auto* restart = std::get_if<RestartIce>(&event)) {
    offer(restart->session);
  } else if (const auto* end = std::get_if<EndSession>(&event)) {
    EXPECT_EQ(client_->peers.erase(end->session), 1U);
  } else if (const auto* answer = std::get_if<ApplyAnswer>(&event)) {
    client_->peers.at(answer->session).remote_ufrag = UfragOf(answer->sdp, codec::SdpKind::kAnswer);
  } else if (std::holds_alternative<SendOffer>(event) ||
             std::holds_alternative<SendCandidate>(event)) {
    EXPECT_TRUE(client_->signaling);
    ToHost(event);
  } else if (const auto* candidate = std::get_if<ApplyCandidate>(&event)) {
    EXPECT_EQ(client_->peers.count(candidate->session), 1U);
  } else if (const auto* ended = std::get_if<ClientEnded>(&event)) {
    EXPECT_FALSE(client_end_.has_value());
    client_end_ = ended->end;
  }
}

void SessionWorld::HostTakesOffer(SessionId session, const std::string& sdp) {
  Peer& peer = host_->peers.at(session);
  peer.remote_ufrag = UfragOf(sdp, codec::SdpKind::kOffer);
  peer.local_ufrag = NewUfrag();
  peer.void_candidates = dark_;
  codec::MingFeatures features = Features();
  features.answers = peer.remote_ufrag;
  host_->core.HandleLocalAnswer(
      session, MakeSdp({codec::SdpKind::kAnswer, peer.sdp_session, host_->certificate,
                        peer.local_ufrag, ming_, ++peer.version, features}));
  host_->core.HandleLocalCandidate(session, {"candidate:h", peer.local_ufrag});
}

void SessionWorld::Apply(const HostEvent& event) {
  const auto to_client = [this](const std::string& id, const std::function<void()>& deliver) {
    EXPECT_TRUE(host_->signaling);
    Carry(false, [this, id, deliver] {
      if (!client_ || client_->id != id || !client_->signaling) return;
      deliver();
      PumpClient();
    });
  };
  if (const auto* create = std::get_if<CreateSession>(&event)) {
    host_->peers[create->session].sdp_session = ++sdp_sessions_;
    host_->clients[create->session] = create->client_id;
    HostTakesOffer(create->session, create->offer);
  } else if (const auto* restart = std::get_if<AcceptRestart>(&event)) {
    HostTakesOffer(restart->session, restart->offer);
  } else if (const auto* end = std::get_if<EndSession>(&event)) {
    EXPECT_EQ(host_->peers.erase(end->session), 1U);
    host_->clients.erase(end->session);
  } else if (const auto* answer = std::get_if<SendAnswer>(&event)) {
    to_client(answer->client_id,
              [this, sdp = answer->sdp] { client_->core.HandleAnswer(now_, sdp); });
  } else if (const auto* candidate = std::get_if<SendCandidateTo>(&event)) {
    to_client(candidate->client_id, [this, line = candidate->candidate] {
      client_->core.HandleRemoteCandidate(now_, line);
    });
  } else if (const auto* request = std::get_if<RequestRestart>(&event)) {
    to_client(request->client_id, [this] { client_->core.HandleRestartRequest(now_); });
  } else if (const auto* refusal = std::get_if<SendRefusal>(&event)) {
    to_client(refusal->client_id,
              [this, text = refusal->text] { client_->core.HandleSignalingError(now_, text); });
  }
}

bool SessionWorld::Matches(const Peer& client_peer, const Peer& host_peer) const {
  const bool ice = !client_peer.remote_ufrag.empty() &&
                   client_peer.remote_ufrag == host_peer.local_ufrag &&
                   client_peer.local_ufrag == host_peer.remote_ufrag;
  const bool partners = (client_peer.partner == 0 && host_peer.partner == 0) ||
                        (client_peer.partner == host_peer.sdp_session &&
                         host_peer.partner == client_peer.sdp_session);
  const bool usable = !client_peer.void_candidates && !host_peer.void_candidates;
  return network_ && !dark_ && usable && ice && partners;
}

void SessionWorld::TurnPath(Peer& peer, bool alive, const std::function<void(PathState)>& report) {
  if (alive) peer.heard = now_;
  if (alive && !peer.reported_connected) {
    peer.reported_connected = true;
    report(PathState::kConnected);
  } else if (peer.reported_connected && now_ - peer.heard >= kLossNoticedAfter) {
    peer.reported_connected = false;
    report(PathState::kDisconnected);
  }
}

std::set<uint64_t> SessionWorld::JoinPeers() {
  std::set<uint64_t> alive;
  if (!client_ || !host_) return alive;
  for (auto& [client_session, client_peer] : client_->peers) {
    for (auto& [host_session, host_peer] : host_->peers) {
      if (!Matches(client_peer, host_peer)) continue;
      client_peer.partner = host_peer.sdp_session;
      host_peer.partner = client_peer.sdp_session;
      alive.insert({client_peer.sdp_session, host_peer.sdp_session});
    }
  }
  return alive;
}

void SessionWorld::TurnPathsOf(
    std::map<SessionId, Peer>& peers, const std::set<uint64_t>& alive,
    const std::function<void(SessionId session, PathState state)>& report) {
  std::vector<SessionId> sessions;  // reports end some of them
  sessions.reserve(peers.size());
  for (const auto& [session, peer] : peers) sessions.push_back(session);
  for (const SessionId session : sessions) {
    const auto found = peers.find(session);
    if (found == peers.end()) continue;
    TurnPath(found->second, alive.count(found->second.sdp_session) != 0,
             [&](PathState state) { report(session, state); });
  }
}

void SessionWorld::TurnPaths() {
  const std::set<uint64_t> alive = JoinPeers();
  const Status why(StatusCode::kTimeout, "nothing heard");
  if (client_) {
    TurnPathsOf(client_->peers, alive, [&](SessionId session, PathState state) {
      client_->core.HandlePathState(now_, session, state, why);
      PumpClient();
    });
  }
  if (host_) {
    TurnPathsOf(host_->peers, alive, [&](SessionId session, PathState state) {
      host_->core.HandlePathState(now_, session, state, why);
      PumpHost();
    });
  }
}

void SessionWorld::Step() {
  now_ = now_ + kTick;
  NoticeSilentSignaling();
  ConnectSignaling();
  while (!actions_.empty() && actions_.begin()->first <= now_) {
    const std::function<void()> action = std::move(actions_.begin()->second);
    actions_.erase(actions_.begin());
    action();
  }
  if (client_ && client_->core.NextTimeout() <= now_) {
    client_->core.HandleTimeout(now_);
    ASSERT_TRUE(client_->core.IsConsistent());
    PumpClient();
  }
  if (host_ && host_->core.NextTimeout() <= now_) {
    host_->core.HandleTimeout(now_);
    ASSERT_TRUE(host_->core.IsConsistent());
    PumpHost();
  }
  TurnPaths();
}

void SessionWorld::Run(Duration time) {
  for (const Timestamp end = now_ + time; now_ < end && !::testing::Test::HasFatalFailure();)
    Step();
}

std::optional<Duration> SessionWorld::RunUntilConnected(Duration limit) {
  const Timestamp start = now_;
  while (!connected()) {
    if (now_ - start >= limit || ::testing::Test::HasFatalFailure()) return std::nullopt;
    Step();
  }
  return now_ - start;
}

bool SessionWorld::connected() const {
  if (!client_ || !host_ || client_->core.state() != ClientState::kConnected) return false;
  for (const auto& [client_session, client_peer] : client_->peers) {
    for (const auto& [host_session, host_peer] : host_->peers) {
      if (Matches(client_peer, host_peer)) return true;
    }
  }
  return false;
}

}  // namespace ming::p2p
