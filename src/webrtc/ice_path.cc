#include "ming/webrtc/ice_path.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "ming/link/timer_service.h"
#include "ming/webrtc/bridged_servers.h"

namespace ming::webrtc {
namespace {

// What the peer sent over the old path before it used the new one still arrives. It changes over
// within a round trip of ours.
constexpr Duration kOverlap = std::chrono::seconds(1);
// How long giving back TURN allocations may take.
constexpr Duration kCloseLimit = std::chrono::seconds(2);
// IceOptions::relay_head_start of a restart from a relayed path.
constexpr Duration kHeadStartAfterRelay = std::chrono::milliseconds(100);

}  // namespace

// One agent, what it stands on, and where it stands in its life.
class IcePath::Leg final : public ice::IceAgent::Observer {
 public:
  Leg(IcePath& path, BridgedServers servers)
      : path_(path),
        bridges_(std::move(servers.bridges)),
        agent_(path.services_, servers.options, path.role_, *this),
        alarm_(path.services_.reactor.CreateAlarm([this] { OnAlarm(); })) {}

  ice::IceAgent& agent() { return agent_; }

  // Closes the agent after `overlap`, then tells the path, which destroys this. May be repeated.
  void Retire(Duration overlap) {
    retired_ = true;
    if (overlap == Duration::zero()) return Close();
    alarm_->ArmAt(path_.services_.reactor.Now() + overlap);
  }

  Status AddRemoteCandidate(const codec::IceCandidate& candidate) {
    Status added = agent_.AddRemoteCandidate(candidate);
    if (added.ok()) ++remote_candidates;
    return added;
  }

  size_t remote_candidates = 0;
  bool failed = false;
  bool has_pair = false;
  bool knows_remote = false;

 private:
  void OnAlarm() {
    if (closing_) return path_.OnLegClosed(*this);
    Close();
  }
  void Close() {
    if (std::exchange(closing_, true)) return;
    agent_.Close();
    alarm_->ArmAt(path_.services_.reactor.Now() + kCloseLimit);
  }

  void OnIceState(ice::IceState state) override {
    if (!retired_) path_.OnLegState(*this, state);
  }
  void OnLocalCandidate(const codec::IceCandidate& candidate) override {
    if (!retired_) path_.OnLegCandidate(*this, candidate);
  }
  void OnLocalCandidatesDone() override {
    if (!retired_) path_.OnLegCandidatesDone(*this);
  }
  void OnSelectedPair(const ice::SelectedPair& pair) override {
    if (!retired_) path_.OnLegPair(*this, pair);
  }
  void OnDatagram(ByteSpan datagram) override { path_.OnLegDatagram(datagram); }
  void OnDatagramsDone() override { path_.OnLegDatagramsDone(); }
  void OnIceClosed() override { path_.OnLegClosed(*this); }

  IcePath& path_;
  std::vector<std::unique_ptr<TurnTlsBridge>> bridges_;  // outlive the agent
  ice::IceAgent agent_;
  std::unique_ptr<link::Alarm> alarm_;
  bool retired_ = false;
  bool closing_ = false;
};

Status Validate(const IcePathOptions& options) {
  ice::IceOptions plain = options.ice;
  for (codec::IceServer& server : plain.servers) {
    if (server.transport == codec::IceServerTransport::kTls) {
      server.transport = codec::IceServerTransport::kTcp;
    }
  }
  return ice::Validate(plain);
}

IcePath::IcePath(const ice::IceServices& services, const IcePathOptions& options,
                 Observer& observer)
    : services_(services), options_(options), observer_(observer) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.ToString();
}

IcePath::~IcePath() = default;

Status IcePath::Start(ice::IceRole role) {
  if (!current_) {
    role_ = role;
    return StartLeg(current_);
  }
  std::unique_ptr<Leg> next;
  Status started = StartLeg(next);
  if (!started.ok() && options_.ice.ports) {
    LOG(WARNING) << "ICE restart: the port range has no port for a second agent: the old path is "
                    "given up first";
    if (next_) past_ += next_->agent().stats();
    past_ += current_->agent().stats();
    next_.reset();
    current_.reset();
    return StartLeg(current_);
  }
  if (!started.ok()) return started;
  if (next_) Retire(std::move(next_), Duration::zero());
  next_ = std::move(next);
  return Status::Ok();
}

Status IcePath::StartLeg(std::unique_ptr<Leg>& leg) {
  BridgedServers servers = BridgeTlsServers(services_, options_.ice, options_.turn_trust);
  // Where a relay had to help, it most likely has to again, and soon.
  if (current_ && selected_pair() && selected_pair()->relayed()) {
    servers.options.relay_head_start =
        std::min<Duration>(servers.options.relay_head_start, kHeadStartAfterRelay);
  }
  // Without its bridge a server may be missing that the rest relies on.
  Status usable = ice::Validate(servers.options);
  if (!usable.ok()) return usable;
  auto made = std::make_unique<Leg>(*this, std::move(servers));
  Status started = made->agent().Start();
  if (started.ok()) leg = std::move(made);
  return started;
}

IcePath::Leg& IcePath::newest() const {
  CHECK(current_ != nullptr) << "Start comes first";
  return next_ ? *next_ : *current_;
}

IcePath::Leg* IcePath::described() const {
  if (next_ && next_->knows_remote) return next_.get();
  return current_.get();
}

LocalSession IcePath::Describe() const {
  const ice::IceAgent& agent = newest().agent();
  return {agent.local_credentials(), agent.local_candidates(), agent.local_candidates_done()};
}

void IcePath::SetRemote(const RemoteSession& session) {
  Leg& leg = newest();
  leg.knows_remote = true;
  leg.agent().SetRemoteCredentials(session.ice);
  for (const codec::IceCandidate& candidate : session.candidates) {
    const Status added = leg.AddRemoteCandidate(candidate);
    if (!added.ok()) VLOG(1) << added.message();
  }
  if (session.end_of_candidates) leg.agent().SetRemoteCandidatesDone();
}

Status IcePath::AddRemoteCandidate(const codec::IceCandidate& candidate) {
  Leg* const leg = described();
  return leg == nullptr ? Status::Ok() : leg->AddRemoteCandidate(candidate);
}

void IcePath::SetRemoteCandidatesDone() {
  if (Leg* const leg = described()) leg->agent().SetRemoteCandidatesDone();
}

void IcePath::SendDatagram(ByteSpan datagram) {
  if (current_) current_->agent().SendDatagram(datagram);
}

const std::optional<ice::SelectedPair>& IcePath::selected_pair() const {
  static const std::optional<ice::SelectedPair> kNone;
  return current_ ? current_->agent().selected_pair() : kNone;
}

ice::IceStats IcePath::stats() const {
  ice::IceStats sum = past_;
  if (current_) sum += current_->agent().stats();
  if (next_) sum += next_->agent().stats();
  for (const auto& leg : retired_) sum += leg->agent().stats();
  return sum;
}

NoPathFacts IcePath::Facts() const {
  return {options_.ice.servers, newest().agent().local_candidates(), newest().remote_candidates};
}

void IcePath::Close() {
  if (std::exchange(closing_, true)) return;
  if (next_) Retire(std::move(next_), Duration::zero());
  if (current_) Retire(std::move(current_), Duration::zero());
  for (const auto& leg : retired_) leg->Retire(Duration::zero());
}

void IcePath::UseNext() {
  VLOG(1) << "ICE restart: the new path is in use";
  Retire(std::move(current_), kOverlap);
  current_ = std::move(next_);
}

void IcePath::Retire(std::unique_ptr<Leg> leg, Duration overlap) {
  retired_.push_back(std::move(leg));
  retired_.back()->Retire(overlap);
}

void IcePath::OnLegState(Leg& leg, ice::IceState state) {
  VLOG(1) << "ICE" << (&leg == next_.get() ? " (restart)" : "") << ": " << ice::IceStateName(state);
  switch (state) {
    case ice::IceState::kConnected:
    case ice::IceState::kCompleted:
      leg.failed = false;
      if (&leg == current_.get()) observer_.OnPathUp();
      return;
    case ice::IceState::kFailed: {
      leg.failed = true;
      // While the other agent works, or may soon do so, this one's end is no news.
      const Leg* const other = &leg == current_.get() ? next_.get() : current_.get();
      if (other == nullptr || other->failed) observer_.OnPathLost();
      return;
    }
    case ice::IceState::kNew:
    case ice::IceState::kChecking:
      return;
  }
}

void IcePath::OnLegCandidate(const Leg& leg, const codec::IceCandidate& candidate) {
  if (&leg == &newest()) observer_.OnLocalCandidate(candidate);
}

void IcePath::OnLegCandidatesDone(const Leg& leg) {
  if (&leg == &newest()) observer_.OnLocalCandidatesDone();
}

void IcePath::OnLegPair(Leg& leg, const ice::SelectedPair& pair) {
  Change change = leg.has_pair ? Change::kBetter : Change::kFirst;
  leg.has_pair = true;
  if (&leg == next_.get()) {
    UseNext();
    change = Change::kRestart;
  }
  observer_.OnPathChanged(pair, change);
}

void IcePath::OnLegDatagram(ByteSpan datagram) {
  if (!closing_) observer_.OnPathDatagram(datagram);
}

void IcePath::OnLegDatagramsDone() {
  if (!closing_) observer_.OnPathDatagramsDone();
}

void IcePath::OnLegClosed(Leg& leg) {
  const auto found = std::find_if(retired_.begin(), retired_.end(),
                                  [&leg](const auto& owned) { return owned.get() == &leg; });
  if (found == retired_.end()) return;
  past_ += leg.agent().stats();
  services_.reactor.DeferDelete(std::move(*found));
  retired_.erase(found);
  if (closing_ && retired_.empty()) observer_.OnPathClosed();
}

}  // namespace ming::webrtc
