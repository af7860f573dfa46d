#include "ming/p2p/host_sessions_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "ming/base/option_problems.h"

namespace ming::p2p {

Status HostSessionsOptions::Validate() const {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  OptionProblems problems;
  problems.Range("wait", wait, milliseconds(100), hours(24));
  problems.Range("max_sessions", max_sessions, size_t{1}, size_t{100'000});
  problems.Range("connect_timeout", connect_timeout, seconds(1), minutes(5));
  problems.Range("patience", patience, seconds(1), minutes(5));
  problems.Range("session_timeout", session_timeout, seconds(1), hours(1));
  problems.Range("refused_pause", refused_pause, seconds(1), hours(1));
  problems.Range("max_candidates", max_candidates, size_t{1}, size_t{1024});
  problems.Range("max_early_clients", max_early_clients, size_t{1}, size_t{10'000});
  problems.Range("early_lifetime", early_lifetime, seconds(1), minutes(5));
  problems.Require(new_sessions.per_second > 0 && new_sessions.burst >= 1,
                   "new_sessions is no rate");
  problems.Require(session_offers.per_second > 0 && session_offers.burst >= 1,
                   "session_offers is no rate");
  return problems.ToStatus();
}

HostSessionsCore::HostSessionsCore(const HostSessionsOptions& options)
    : options_(options),
      last_failure_(StatusCode::kTimeout, "the signaling server does not answer"),
      new_sessions_(options.new_sessions, Timestamp()) {
  const Status valid = options_.Validate();
  CHECK(valid.ok()) << valid.ToString();
}

void HostSessionsCore::Start(Timestamp now) { start_deadline_ = now + options_.wait; }

void HostSessionsCore::StopAccepting() { accepting_ = false; }

void HostSessionsCore::Close() { End(TunnelEnd::kStopped, Status(StatusCode::kClosed, "stopped")); }

void HostSessionsCore::End(TunnelEnd end, const Status& why) {
  if (std::exchange(closed_, true)) return;
  while (!sessions_.empty()) EndOne(sessions_.begin()->first, why);
  early_.clear();
  start_deadline_ = Timestamp::Max();
  reconnect_at_ = Timestamp::Max();
  events_.Push(HostEnded{end, why});
}

void HostSessionsCore::HandleSignalingUp() {
  if (closed_) return;
  signaling_up_ = true;
  ever_up_ = true;
  start_deadline_ = Timestamp::Max();
  // What was sent just before the loss may not have arrived. A copy of what did arrive could pass
  // for the answer to a later offer.
  for (const auto& [id, session] : sessions_) {
    if (!session.answer_arrived) SendAnswerAndCandidates(session);
    const bool silent = session.ever_connected && !session.connected;
    if (silent || session.restart_wanted) AskForRestart(session);
  }
}

// By the protocol only the client offers. Its own clocks would make it do so, seconds later.
void HostSessionsCore::AskForRestart(const Session& session) {
  if (signaling_up_ && session.remote.TakesRestartRequests()) {
    events_.Push(RequestRestart{session.client_id});
  }
}

void HostSessionsCore::HandleNetworkChanged() {
  for (auto& [id, session] : sessions_) {
    if (!session.ever_connected || !session.remote.TakesRestartRequests()) continue;
    session.restart_wanted = true;
    AskForRestart(session);
  }
}

bool HostSessionsCore::needs_signaling() const {
  return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& entry) {
    const Session& session = entry.second;
    return session.restart_wanted || (session.ever_connected && !session.connected);
  });
}

void HostSessionsCore::HandleSignalingDown(const Status& why) {
  signaling_up_ = false;
  last_failure_ = why;
}

void HostSessionsCore::HandleIdTaken(const Status& why) { End(TunnelEnd::kIdTaken, why); }

void HostSessionsCore::HandleRegistrationRefused(const Status& why) {
  End(TunnelEnd::kRefused, why);
}

void HostSessionsCore::HandleSignalingRefused(Timestamp now, const Status& why) {
  if (closed_) return;
  signaling_up_ = false;
  if (ever_up_) {
    reconnect_at_ = now + options_.refused_pause;
  } else {
    End(TunnelEnd::kRefused, why);
  }
}

void HostSessionsCore::HandleOffer(Timestamp now, const std::string& client_id,
                                   const std::string& sdp) {
  if (closed_) return;
  Session* const running = FindByClient(client_id);
  if (running != nullptr && !running->offers.TryTake(now)) {
    VLOG(1) << "too many offers of one client";
    return;
  }
  if (running != nullptr && running->offer == sdp) {
    SendAnswerAndCandidates(*running);  // the client saw no answer
    return;
  }
  Result<DescriptionFacts> facts = ReadDescription(sdp, codec::SdpKind::kOffer);
  if (!facts.ok()) {
    if (running != nullptr) return;
    if (!new_sessions_.TryTake(now)) return;
    events_.Push(SendRefusal{client_id, "the offer cannot be used: " + facts.status().message()});
    return;
  }
  if (running != nullptr && running->remote.SamePeerConnection(*facts)) {
    HandleOfferOfRunning(now, *running, *facts, sdp);
  } else {
    CreateSessionFor(now, client_id, std::move(*facts), sdp);
  }
}

void HostSessionsCore::HandleOfferOfRunning(Timestamp now, Session& session,
                                            const DescriptionFacts& facts, const std::string& sdp) {
  if (facts.session_version < session.remote.session_version) {
    return;  // it was overtaken by a later one on another connection to the server
  }
  session.restart_wanted = false;
  session.answer_arrived = false;
  if (facts.ice_ufrag == session.remote.ice_ufrag) {
    SendAnswerAndCandidates(session);  // nothing of the transport changes
    return;
  }
  session.remote = facts;
  session.offer = sdp;
  session.answer.clear();
  session.local_candidates.clear();
  session.remote_candidates = 0;
  events_.Push(AcceptRestart{session.id, sdp});
  ApplyEarlyCandidates(now, session);
}

void HostSessionsCore::CreateSessionFor(Timestamp now, const std::string& client_id,
                                        DescriptionFacts facts, const std::string& sdp) {
  if (!accepting_) {
    events_.Push(SendRefusal{client_id, "the host is going away"});
    return;
  }
  if (!new_sessions_.TryTake(now)) {
    VLOG(1) << "too many new sessions";
    return;  // without a word: a flood is not answered; a client offers again
  }
  if (facts.TunnelsOtherThan(options_.protocol)) {
    events_.Push(
        SendRefusal{client_id, DescribeProtocolMismatch(options_.protocol, *facts.ming->protocol)});
    return;
  }
  const Session* const old = FindByClient(client_id);
  if (old == nullptr && sessions_.size() >= options_.max_sessions && !MakeRoom(now)) {
    events_.Push(SendRefusal{client_id, "the host has as many sessions as it takes"});
    return;
  }
  if (old != nullptr) EndOne(old->id, Status(StatusCode::kClosed, "the client has started anew"));
  const SessionId id(++last_session_id_);
  Session session{id,
                  client_id,
                  std::move(facts),
                  sdp,
                  {},
                  {},
                  0,
                  false,
                  false,
                  false,
                  false,
                  Timestamp::Max(),
                  TokenBucket(options_.session_offers, now)};
  Session& stored = sessions_.emplace(id, std::move(session)).first->second;
  by_client_[client_id] = id;
  SetDeadline(stored, now + options_.connect_timeout);
  events_.Push(CreateSession{id, client_id, sdp});
  ApplyEarlyCandidates(now, stored);
}

bool HostSessionsCore::MakeRoom(Timestamp now) {
  const auto oldest = std::find_if(deadlines_.begin(), deadlines_.end(), [this](const auto& entry) {
    return !Find(entry.second)->ever_connected;
  });
  if (oldest == deadlines_.end()) return false;
  // All of them began connect_timeout before their deadline.
  if (now < oldest->first - options_.connect_timeout + options_.patience) return false;
  EndOne(oldest->second,
         Status(StatusCode::kResourceExhausted, "the client did not connect, others wait"));
  return true;
}

void HostSessionsCore::SendAnswerAndCandidates(const Session& session) {
  if (!signaling_up_ || session.answer.empty()) return;
  events_.Push(SendAnswer{session.client_id, session.answer});
  for (const Candidate& candidate : session.local_candidates) {
    events_.Push(SendCandidateTo{session.client_id, session.id, candidate});
  }
}

void HostSessionsCore::HandleRemoteCandidate(Timestamp now, const std::string& client_id,
                                             const Candidate& candidate) {
  if (closed_) return;
  Session* const session = FindByClient(client_id);
  if (session == nullptr || (candidate.ufrag && *candidate.ufrag != session->remote.ice_ufrag)) {
    KeepEarlyCandidate(now, client_id, candidate);
    return;
  }
  if (session->remote_candidates >= options_.max_candidates) return;
  ++session->remote_candidates;
  events_.Push(ApplyCandidate{session->id, candidate});
}

void HostSessionsCore::KeepEarlyCandidate(Timestamp now, const std::string& client_id,
                                          const Candidate& candidate) {
  auto found = early_.find(client_id);
  if (found == early_.end()) {
    if (early_.size() >= options_.max_early_clients) {
      for (auto it = early_.begin(); it != early_.end();) {
        it = it->second.expires <= now ? early_.erase(it) : std::next(it);
      }
    }
    if (early_.size() >= options_.max_early_clients) return;
    found = early_.emplace(client_id, EarlyCandidates{}).first;
  }
  EarlyCandidates& early = found->second;
  if (early.expires <= now) early.candidates.clear();
  early.expires = now + options_.early_lifetime;
  if (early.candidates.size() < options_.max_candidates) early.candidates.push_back(candidate);
}

void HostSessionsCore::ApplyEarlyCandidates(Timestamp now, Session& session) {
  const auto found = early_.find(session.client_id);
  if (found == early_.end()) return;
  if (found->second.expires > now) {
    for (Candidate& candidate : found->second.candidates) {
      if (candidate.ufrag && *candidate.ufrag != session.remote.ice_ufrag) continue;
      ++session.remote_candidates;
      events_.Push(ApplyCandidate{session.id, std::move(candidate)});
    }
  }
  early_.erase(found);
}

void HostSessionsCore::HandleLocalAnswer(SessionId id, std::string sdp) {
  Session* const session = Find(id);
  if (session == nullptr) return;
  session->answer = std::move(sdp);
  SendAnswerAndCandidates(*session);
}

void HostSessionsCore::HandleLocalCandidate(SessionId id, const Candidate& candidate) {
  Session* const session = Find(id);
  if (session == nullptr || session->local_candidates.size() >= options_.max_candidates) return;
  session->local_candidates.push_back(candidate);
  if (signaling_up_ && !session->answer.empty()) {
    events_.Push(SendCandidateTo{session->client_id, id, candidate});
  }
}

void HostSessionsCore::HandlePathState(Timestamp now, SessionId id, PathState state,
                                       const Status& why) {
  Session* const session = Find(id);
  if (session == nullptr) return;
  switch (state) {
    case PathState::kConnected:
      session->connected = true;
      session->ever_connected = true;
      session->answer_arrived = true;
      SetDeadline(*session, Timestamp::Max());
      break;
    case PathState::kDisconnected:
      if (!std::exchange(session->connected, false)) break;
      SetDeadline(*session, now + options_.session_timeout);
      break;
    case PathState::kEnded:
      EndOne(id, why);
      break;
  }
}

void HostSessionsCore::HandleSessionFailed(SessionId id, const Status& why) {
  const Session* const session = Find(id);
  if (session == nullptr) return;
  if (session->ever_connected) return;  // the client will offer again
  events_.Push(SendRefusal{session->client_id, "the offer cannot be used: " + why.message()});
  EndOne(id, why);
}

void HostSessionsCore::SetDeadline(Session& session, Timestamp deadline) {
  if (session.deadline != Timestamp::Max()) deadlines_.erase({session.deadline, session.id});
  session.deadline = deadline;
  if (deadline != Timestamp::Max()) deadlines_.insert({deadline, session.id});
}

void HostSessionsCore::EndOne(SessionId id, const Status& why) {
  const auto found = sessions_.find(id);
  SetDeadline(found->second, Timestamp::Max());
  by_client_.erase(found->second.client_id);
  sessions_.erase(found);
  events_.Push(EndSession{id, why});
}

void HostSessionsCore::HandleTimeout(Timestamp now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    EndOne(deadlines_.begin()->second,
           Status(StatusCode::kTimeout, "nothing of the client for too long"));
  }
  if (now >= start_deadline_) End(TunnelEnd::kServerLost, last_failure_);
  if (now >= reconnect_at_) {
    reconnect_at_ = Timestamp::Max();
    events_.Push(ReconnectSignaling{});
  }
}

Timestamp HostSessionsCore::NextTimeout() const {
  const Timestamp sessions = deadlines_.empty() ? Timestamp::Max() : deadlines_.begin()->first;
  return std::min({sessions, start_deadline_, reconnect_at_});
}

std::optional<HostEvent> HostSessionsCore::PollEvent() { return events_.Poll(); }

size_t HostSessionsCore::connected_count() const {
  return static_cast<size_t>(
      std::count_if(sessions_.begin(), sessions_.end(),
                    [](const auto& entry) { return entry.second.connected; }));
}

HostSessionsCore::Session* HostSessionsCore::Find(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

HostSessionsCore::Session* HostSessionsCore::FindByClient(const std::string& client_id) {
  const auto found = by_client_.find(client_id);
  return found == by_client_.end() ? nullptr : Find(found->second);
}

bool HostSessionsCore::IsConsistent(const Session& session) const {
  const auto by_client = by_client_.find(session.client_id);
  if (by_client == by_client_.end() || by_client->second != session.id) return false;
  const bool timed = session.deadline != Timestamp::Max();
  if (timed == session.connected) return false;
  if (timed && deadlines_.count({session.deadline, session.id}) == 0) return false;
  return session.remote_candidates <= 2 * options_.max_candidates &&
         session.local_candidates.size() <= options_.max_candidates;
}

bool HostSessionsCore::IsConsistent() const {
  if (sessions_.size() != by_client_.size() || sessions_.size() > options_.max_sessions) {
    return false;
  }
  if (early_.size() > options_.max_early_clients) return false;
  if (deadlines_.size() != sessions_.size() - connected_count()) return false;
  if (closed_ && NextTimeout() != Timestamp::Max()) return false;
  return std::all_of(sessions_.begin(), sessions_.end(),
                     [this](const auto& entry) { return IsConsistent(entry.second); }) &&
         std::all_of(early_.begin(), early_.end(), [this](const auto& entry) {
           return entry.second.candidates.size() <= options_.max_candidates;
         });
}

}  // namespace ming::p2p
