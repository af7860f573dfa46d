#include "ming/p2p/client_session_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "ming/base/option_problems.h"

namespace ming::p2p {
namespace {

// Between two copies of one offer that the host asks for. A host asks once, when it is back with
// the server: an offer that was sent before that, onto its old connection, is lost.
constexpr Duration kCopyInterval = std::chrono::milliseconds(100);

}  // namespace

Status ClientSessionOptions::Validate() const {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  OptionProblems problems;
  problems.Range("wait", wait, milliseconds(100), hours(24));
  problems.Range("connect_timeout", connect_timeout, seconds(1), minutes(5));
  problems.Range("restart_timeout", restart_timeout, milliseconds(100), minutes(1));
  problems.Range("restart_interval", restart_interval, milliseconds(100), minutes(1));
  problems.Range("max_failed_restarts", max_failed_restarts, size_t{1}, size_t{10'000});
  problems.Range("foreign_grace", foreign_grace, Duration::zero(), minutes(1));
  problems.Range("session_timeout", session_timeout, seconds(1), hours(1));
  problems.Range("offer_lifetime", offer_lifetime, seconds(1), minutes(5));
  problems.Range("refused_pause", refused_pause, seconds(1), hours(1));
  problems.Range("resend.initial", resend.initial, milliseconds(100), resend.maximum);
  problems.Range("retry.initial", retry.initial, milliseconds(10), retry.maximum);
  problems.Range("max_candidates", max_candidates, size_t{1}, size_t{1024});
  return problems.ToStatus();
}

std::string_view ClientStateName(ClientState state) {
  switch (state) {
    case ClientState::kWaitingForSignaling:
      return "waiting for signaling";
    case ClientState::kOffering:
      return "offering";
    case ClientState::kConnecting:
      return "connecting";
    case ClientState::kConnected:
      return "connected";
    case ClientState::kRecovering:
      return "recovering";
    case ClientState::kBackingOff:
      return "backing off";
    case ClientState::kClosed:
      return "closed";
  }
  return "unknown";
}

ClientSessionCore::ClientSessionCore(const ClientSessionOptions& options, std::string host_id,
                                     Random& random)
    : options_(options),
      host_id_(std::move(host_id)),
      random_(random),
      resend_backoff_(options.resend),
      retry_backoff_(options.retry) {
  const Status valid = options_.Validate();
  CHECK(valid.ok()) << valid.ToString();
  last_failure_ = {TunnelEnd::kServerLost,
                   Status(StatusCode::kTimeout, "the signaling server does not answer")};
}

void ClientSessionCore::Start(Timestamp now) { start_deadline_ = now + options_.wait; }

void ClientSessionCore::Close(Timestamp /*now*/) {
  End({TunnelEnd::kStopped, Status(StatusCode::kClosed, "stopped")});
}

void ClientSessionCore::HandleSignalingUp(Timestamp now) {
  if (state_ == ClientState::kClosed || signaling_up_) return;
  signaling_up_ = true;
  switch (state_) {
    case ClientState::kWaitingForSignaling:
      StartNewSession(now);
      break;
    case ClientState::kOffering:
      OfferAgain(now);
      break;
    case ClientState::kConnecting:
      // What was trickled just before the loss may not have arrived; a copy does no harm.
      for (const Candidate& candidate : local_candidates_) {
        events_.Push(SendCandidate{candidate});
      }
      break;
    case ClientState::kRecovering:
      // What was gathered without a network is of no use.
      if (host_is_ming()) {
        BeginRestart(now);
      } else {
        ReplaceSession(now, Status(StatusCode::kTimeout, "the path did not come back"));
      }
      break;
    case ClientState::kConnected:
      if (restart_wanted_) BeginRestart(now);
      break;
    case ClientState::kBackingOff:
    case ClientState::kClosed:
      break;
  }
}

void ClientSessionCore::HandleSignalingDown(Timestamp /*now*/, const Status& why) {
  if (state_ == ClientState::kClosed) return;
  signaling_up_ = false;
  offer_outstanding_ = false;
  resend_at_ = Timestamp::Max();
  // Nobody could be told of a restart.
  restart_wanted_ = restart_wanted_ || restarting_ || restart_at_ != Timestamp::Max();
  restart_at_ = Timestamp::Max();
  last_failure_ = {TunnelEnd::kServerLost, why};
}

void ClientSessionCore::HandleSignalingRefused(Timestamp now, const Status& why) {
  if (state_ == ClientState::kClosed) return;
  if (!ever_connected_) {
    End({TunnelEnd::kRefused, why});
    return;
  }
  HandleSignalingDown(now, why);
  reconnect_at_ = now + options_.refused_pause;
}

void ClientSessionCore::HandleHostNotFound(Timestamp now, const std::string& text) {
  // Each candidate behind a refused offer is refused as well: the first refusal counts.
  if (!offer_outstanding_) return;
  offer_outstanding_ = false;
  if (!restarting_) {
    resend_at_ = now + retry_backoff_.Next(random_);
  } else {
    // A path that works is no reason to hurry.
    Backoff& backoff = state_ == ClientState::kRecovering ? retry_backoff_ : resend_backoff_;
    restart_at_ = now + backoff.Next(random_);
  }
  last_failure_ = {TunnelEnd::kHostNotFound, Status(StatusCode::kUnavailable, text)};
}

void ClientSessionCore::HandleSignalingError(Timestamp now, const std::string& text) {
  if (!offer_outstanding_) return;
  if (IsProtocolMismatch(text)) {
    End({TunnelEnd::kRefused, Status(StatusCode::kUnsupported, text)});
    return;
  }
  if (state_ != ClientState::kOffering) return;  // of a restart its time-out takes care
  FailAttempt(now, {TunnelEnd::kRefused, Status(StatusCode::kUnavailable, text)});
}

void ClientSessionCore::HandleAnswer(Timestamp now, std::string_view sdp) {
  if (state_ == ClientState::kClosed || !has_session_) return;
  if (!offer_pending_ && state_ != ClientState::kConnecting) return;  // a copy, or stale
  const Result<DescriptionFacts> facts = ReadDescription(sdp, codec::SdpKind::kAnswer);
  if (!facts.ok()) {
    if (offer_pending_) {
      FailAttempt(now, {TunnelEnd::kNoPath, facts.status().WithContext("answer of the host")});
    }
    return;
  }
  if (facts->AnswersOtherThan(offer_ufrag_)) return;
  if (facts->TunnelsOtherThan(options_.protocol)) {
    End({TunnelEnd::kRefused,
         Status(StatusCode::kUnsupported,
                DescribeProtocolMismatch(*facts->ming->protocol, options_.protocol))});
    return;
  }
  if (!offer_pending_) {
    HandleSecondAnswer(now, *facts);
  } else if (restarting_ && !remote_->SamePeerConnection(*facts)) {
    ReplaceSession(now, Status(StatusCode::kClosed, "the host has started anew"));
  } else {
    TakeAnswer(now, sdp, *facts);
  }
}

void ClientSessionCore::TakeAnswer(Timestamp now, std::string_view sdp,
                                   const DescriptionFacts& facts) {
  offer_pending_ = false;
  offer_outstanding_ = false;
  resend_at_ = Timestamp::Max();
  remote_ = facts;
  events_.Push(ApplyAnswer{session_, std::string(sdp)});
  FlushHeldCandidates();
  if (restarting_) {
    restarting_ = false;
    restart_answered_ = true;
    restart_at_ = Timestamp::Max();
    if (state_ == ClientState::kRecovering) RestartAt(now + options_.restart_timeout);
    return;
  }
  state_ = ClientState::kConnecting;
  attempt_deadline_ = now + options_.connect_timeout;
}

void ClientSessionCore::HandleSecondAnswer(Timestamp now, const DescriptionFacts& facts) {
  if (remote_->SamePeerConnection(facts) && remote_->ice_ufrag == facts.ice_ufrag) return;
  // The first one answered an earlier copy of the offer and its session is gone.
  FailAttempt(now, {TunnelEnd::kNoPath,
                    Status(StatusCode::kProtocolViolation, "the host answered the offer twice")});
}

void ClientSessionCore::FlushHeldCandidates() {
  for (Candidate& candidate : held_candidates_) {
    if (candidate.ufrag && *candidate.ufrag != remote_->ice_ufrag) continue;
    events_.Push(ApplyCandidate{session_, std::move(candidate)});
  }
  held_candidates_.clear();
}

void ClientSessionCore::HandleRemoteCandidate(Timestamp /*now*/, const Candidate& candidate) {
  if (state_ == ClientState::kClosed || !has_session_) return;
  if (offer_pending_) {
    if (held_candidates_.size() < options_.max_candidates) held_candidates_.push_back(candidate);
    return;
  }
  const bool matches = remote_ && (!candidate.ufrag || *candidate.ufrag == remote_->ice_ufrag);
  if (matches) events_.Push(ApplyCandidate{session_, candidate});
}

void ClientSessionCore::HandleLocalOffer(Timestamp now, SessionId session, std::string sdp) {
  if (!has_session_ || session != session_) return;
  const Result<DescriptionFacts> facts = ReadDescription(sdp, codec::SdpKind::kOffer);
  offer_ufrag_ = facts.ok() ? facts->ice_ufrag : std::string();
  offer_ = std::move(sdp);
  offer_pending_ = true;
  // Bindings of its candidates age from now on, whether it can be sent or not.
  if (!restarting_) attempt_deadline_ = now + options_.offer_lifetime;
  SendPendingOffer(now);
}

void ClientSessionCore::HandleLocalCandidate(Timestamp /*now*/, SessionId session,
                                             const Candidate& candidate) {
  if (!has_session_ || session != session_) return;
  if (local_candidates_.size() >= options_.max_candidates) return;
  local_candidates_.push_back(candidate);
  const bool host_knows = !offer_.empty() && (offer_outstanding_ || !offer_pending_);
  if (signaling_up_ && host_knows) events_.Push(SendCandidate{candidate});
}

void ClientSessionCore::SendPendingOffer(Timestamp now) {
  if (!signaling_up_ || !offer_pending_) return;
  offer_outstanding_ = true;
  offer_sent_ = now;
  events_.Push(SendOffer{offer_});
  for (const Candidate& candidate : local_candidates_) {
    events_.Push(SendCandidate{candidate});
  }
  if (!restarting_) {
    resend_at_ = now + resend_backoff_.Next(random_);
  } else if (state_ == ClientState::kRecovering) {
    restart_at_ = now + options_.restart_timeout;
  } else {
    restart_at_ = now + resend_backoff_.Next(random_);  // the old path still works
  }
}

// The same offer once more; after a lost path a new one, for the old one may have been made without
// a network, and its candidates with it.
void ClientSessionCore::OfferAgain(Timestamp now) {
  if (now < hurry_until_ && signaling_up_ && offer_pending_) {
    ReplaceSession(now, Status(StatusCode::kTimeout, "the offer was not answered"));
  } else {
    SendPendingOffer(now);
  }
}

void ClientSessionCore::HandlePathState(Timestamp now, SessionId session, PathState state,
                                        const Status& why) {
  if (!has_session_ || session != session_) return;
  switch (state) {
    case PathState::kConnected:
      if (state_ == ClientState::kConnecting || state_ == ClientState::kRecovering) {
        HandleConnected(now);
      }
      break;
    case PathState::kDisconnected:
      if (state_ == ClientState::kConnected) HandlePathLost(now, why);
      break;
    case PathState::kEnded:
      FailAttempt(now, FailureOf(why));
      break;
  }
}

void ClientSessionCore::HandleConnected(Timestamp /*now*/) {
  state_ = ClientState::kConnected;
  ever_connected_ = true;
  path_up_ = true;
  start_deadline_ = Timestamp::Max();
  attempt_deadline_ = Timestamp::Max();
  session_deadline_ = Timestamp::Max();
  resend_at_ = Timestamp::Max();
  failed_restarts_ = 0;
  // An offer that the host does not know of yet stands for a change that it must learn of.
  if (!restarting_) restart_at_ = Timestamp::Max();
  resend_backoff_.Reset();
  retry_backoff_.Reset();
  events_.Push(PathUp{session_});
}

void ClientSessionCore::HandlePathLost(Timestamp now, const Status& why) {
  state_ = ClientState::kRecovering;
  path_up_ = false;
  session_deadline_ = now + options_.session_timeout;
  hurry_until_ = session_deadline_;
  events_.Push(PathDown{session_, why});
  if (!host_is_ming()) {
    attempt_deadline_ = now + options_.foreign_grace;
    return;
  }
  if (!signaling_up_) return;
  // One that began just before may still find a path.
  const bool fresh = restarting_ || restart_answered_;
  restart_at_ = fresh ? std::max(now, restart_began_ + options_.restart_timeout) : now;
  if (restart_at_ == now) HandleRestartDue(now);
}

// There is a reason why another path may be better, or the only one.
void ClientSessionCore::WantRestart(Timestamp now) {
  if (!host_is_ming()) return;
  const bool first = !restarting_ && !restart_answered_;
  const Timestamp at = first ? now : std::max(now, restart_began_ + options_.restart_interval);
  RestartAt(std::min(restart_at_, at));
  if (restart_at_ <= now) HandleRestartDue(now);
}

void ClientSessionCore::RestartAt(Timestamp at) {
  if (signaling_up_) {
    restart_at_ = at;
  } else {
    restart_wanted_ = true;
  }
}

void ClientSessionCore::HandleRestartDue(Timestamp now) {
  restart_at_ = Timestamp::Max();
  if (state_ == ClientState::kRecovering && std::exchange(restart_answered_, false) &&
      ++failed_restarts_ >= options_.max_failed_restarts) {
    ReplaceSession(now, Status(StatusCode::kTimeout, "the path could not be repaired"));
    return;
  }
  BeginRestart(now);
}

// Takes the place of one that is under way.
void ClientSessionCore::BeginRestart(Timestamp now) {
  restarting_ = true;
  restart_wanted_ = false;
  restart_answered_ = false;
  restart_began_ = now;
  restart_at_ = Timestamp::Max();
  resend_at_ = Timestamp::Max();
  offer_pending_ = false;
  offer_outstanding_ = false;
  offer_.clear();
  local_candidates_.clear();
  held_candidates_.clear();
  events_.Push(RestartIce{session_});
}

void ClientSessionCore::HandleRestartFailed(Timestamp now, SessionId session) {
  if (!has_session_ || session != session_ || !restarting_ || offer_pending_) return;
  restarting_ = false;
  RestartAt(now + options_.restart_timeout);
}

void ClientSessionCore::HandleRestartRequest(Timestamp now) {
  if (state_ != ClientState::kConnected && state_ != ClientState::kRecovering) return;
  if (!restarting_ || !offer_pending_) {
    WantRestart(now);
  } else if (now - offer_sent_ >= kCopyInterval) {
    SendPendingOffer(now);  // it was lost with the host's connection to the server
  }
}

void ClientSessionCore::HandleNetworkChanged(Timestamp now) {
  switch (state_) {
    case ClientState::kConnected:
    case ClientState::kRecovering:
      WantRestart(now);
      break;
    case ClientState::kOffering:
    case ClientState::kConnecting:
      if (now - session_began_ < options_.restart_interval) break;
      ReplaceSession(now, Status(StatusCode::kUnavailable, "the network changed"));
      break;
    case ClientState::kBackingOff:
      retry_at_ = now;
      break;
    case ClientState::kWaitingForSignaling:
    case ClientState::kClosed:
      break;
  }
}

bool ClientSessionCore::NeedsSignaling(Timestamp now) const {
  switch (state_) {
    case ClientState::kConnected:
      return restarting_ || restart_wanted_;
    case ClientState::kRecovering:
      return true;
    case ClientState::kWaitingForSignaling:
    case ClientState::kOffering:
    case ClientState::kConnecting:
    case ClientState::kBackingOff:
      return now < hurry_until_;
    case ClientState::kClosed:
      return false;
  }
  return false;
}

void ClientSessionCore::HandleSessionFailed(Timestamp now, SessionId session, const Status& why) {
  if (!has_session_ || session != session_) return;
  FailAttempt(now, FailureOf(why));
}

ClientSessionCore::Failure ClientSessionCore::FailureOf(const Status& why) {
  // A peer whose certificate is not the one of its description.
  const bool refused = why.code() == StatusCode::kPermissionDenied;
  return {refused ? TunnelEnd::kRefused : TunnelEnd::kNoPath, why};
}

void ClientSessionCore::StartNewSession(Timestamp now) {
  DCHECK(!has_session_);
  ClearTimers();
  if (!signaling_up_) {
    state_ = ClientState::kWaitingForSignaling;
    return;
  }
  VLOG(1) << "new session at " << now.since_origin().count();
  session_ = SessionId(session_.value() + 1);
  has_session_ = true;
  session_began_ = now;
  state_ = ClientState::kOffering;
  events_.Push(StartSession{session_});
}

void ClientSessionCore::EndCurrentSession(const Status& why) {
  if (!has_session_) return;
  if (std::exchange(path_up_, false)) events_.Push(PathDown{session_, why});
  has_session_ = false;
  offer_.clear();
  offer_pending_ = false;
  offer_outstanding_ = false;
  restarting_ = false;
  restart_wanted_ = false;
  restart_answered_ = false;
  failed_restarts_ = 0;
  remote_.reset();
  local_candidates_.clear();
  held_candidates_.clear();
  events_.Push(EndSession{session_, why});
}

void ClientSessionCore::ReplaceSession(Timestamp now, const Status& why) {
  EndCurrentSession(why);
  StartNewSession(now);
}

void ClientSessionCore::FailAttempt(Timestamp now, Failure failure) {
  if (!ever_connected_ && now >= start_deadline_) {
    End(std::move(failure));
    return;
  }
  EndCurrentSession(failure.why);
  last_failure_ = std::move(failure);
  ClearTimers();
  state_ = ClientState::kBackingOff;
  retry_at_ = now + retry_backoff_.Next(random_);
}

void ClientSessionCore::End(Failure failure) {
  if (state_ == ClientState::kClosed) return;
  EndCurrentSession(failure.why);
  ClearTimers();
  start_deadline_ = Timestamp::Max();
  reconnect_at_ = Timestamp::Max();
  state_ = ClientState::kClosed;
  events_.Push(ClientEnded{failure.end, std::move(failure.why)});
}

void ClientSessionCore::ClearTimers() {
  attempt_deadline_ = Timestamp::Max();
  session_deadline_ = Timestamp::Max();
  restart_at_ = Timestamp::Max();
  resend_at_ = Timestamp::Max();
  retry_at_ = Timestamp::Max();
}

void ClientSessionCore::HandleTimeout(Timestamp now) {
  if (now >= start_deadline_) HandleStartDeadline();
  if (now >= retry_at_) StartNewSession(now);
  if (now >= session_deadline_) {
    ReplaceSession(now, Status(StatusCode::kTimeout, "the path did not come back"));
  }
  if (now >= attempt_deadline_) HandleAttemptDeadline(now);
  if (now >= restart_at_) HandleRestartDue(now);
  if (now >= resend_at_) OfferAgain(now);
  if (now >= reconnect_at_) {
    reconnect_at_ = Timestamp::Max();
    events_.Push(ReconnectSignaling{});
  }
}

void ClientSessionCore::HandleStartDeadline() {
  switch (state_) {
    case ClientState::kWaitingForSignaling:
    case ClientState::kBackingOff:
      End(last_failure_);
      break;
    case ClientState::kOffering:
      if (last_failure_.end == TunnelEnd::kServerLost && signaling_up_) {
        last_failure_ = {TunnelEnd::kHostNotFound,
                         Status(StatusCode::kTimeout, "host '" + host_id_ + "' does not answer")};
      }
      End(last_failure_);
      break;
    case ClientState::kConnecting:  // ends with the attempt
    case ClientState::kConnected:
    case ClientState::kRecovering:
    case ClientState::kClosed:
      break;
  }
}

void ClientSessionCore::HandleAttemptDeadline(Timestamp now) {
  attempt_deadline_ = Timestamp::Max();
  switch (state_) {
    case ClientState::kOffering:
      ReplaceSession(now, Status(StatusCode::kTimeout, "the offer has aged"));
      break;
    case ClientState::kConnecting:
      FailAttempt(now,
                  {TunnelEnd::kNoPath, Status(StatusCode::kTimeout, "no path to host '" + host_id_ +
                                                                        "' was found in time")});
      break;
    case ClientState::kRecovering:
      // Of a foreign host. Without the server nothing better can be had: the path may still come
      // back by itself.
      if (!signaling_up_) break;
      ReplaceSession(now, Status(StatusCode::kTimeout, "the path did not come back"));
      break;
    case ClientState::kWaitingForSignaling:
    case ClientState::kConnected:
    case ClientState::kBackingOff:
    case ClientState::kClosed:
      break;
  }
}

Timestamp ClientSessionCore::NextTimeout() const {
  // While an attempt outlives the wait, its own deadline ends it.
  const bool wait_counts = state_ != ClientState::kConnecting;
  return std::min({wait_counts ? start_deadline_ : Timestamp::Max(), attempt_deadline_,
                   session_deadline_, restart_at_, resend_at_, retry_at_, reconnect_at_});
}

std::optional<ClientEvent> ClientSessionCore::PollEvent() { return events_.Poll(); }

bool ClientSessionCore::IsConsistent() const {
  const bool in_session = state_ == ClientState::kOffering || state_ == ClientState::kConnecting ||
                          state_ == ClientState::kConnected || state_ == ClientState::kRecovering;
  if (in_session != has_session_) return false;
  if (path_up_ != (state_ == ClientState::kConnected)) return false;
  if (offer_outstanding_ && (!offer_pending_ || !signaling_up_)) return false;
  if (offer_pending_ && offer_.empty()) return false;
  if (restarting_ && !remote_) return false;
  if (restart_at_ != Timestamp::Max() && !(in_session && signaling_up_)) return false;
  if (state_ == ClientState::kClosed && NextTimeout() != Timestamp::Max()) return false;
  if (state_ == ClientState::kBackingOff && retry_at_ == Timestamp::Max()) return false;
  return local_candidates_.size() <= options_.max_candidates &&
         held_candidates_.size() <= options_.max_candidates;
}

}  // namespace ming::p2p
