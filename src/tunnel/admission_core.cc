#include "ming/tunnel/admission_core.h"

#include <glog/logging.h>

#include <algorithm>

#include "ming/base/option_problems.h"

namespace ming::tunnel {

Status Validate(const AdmissionOptions& options) {
  OptionProblems problems;
  problems.Require(options.max_connections > 0, "there is no room for a connection");
  problems.Require(options.max_wait >= Duration::zero(), "the longest wait is negative");
  return problems.ToStatus();
}

AdmissionCore::AdmissionCore(const AdmissionOptions& options) : options_(options) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.message();
}

ConnectionId AdmissionCore::HandleArrival(Timestamp now) {
  const ConnectionId id(++last_id_);
  if (draining_) {
    Refuse(id, StatusCode::kClosed, "the tunnel is closing");
  } else if (admitted_ + waiting_.size() >= options_.max_connections) {
    Refuse(id, StatusCode::kResourceExhausted, "too many connections");
  } else if (path_up_) {
    Admit(id);
  } else if (waiting_.size() >= options_.max_waiting) {
    Refuse(id, StatusCode::kResourceExhausted, "too many connections wait for the host");
  } else {
    waiting_.push_back(Waiting{id, now + options_.max_wait});
  }
  return id;
}

void AdmissionCore::HandleDeparture(ConnectionId id) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [id](const Waiting& waiting) { return waiting.id == id; });
  if (found != waiting_.end()) {
    waiting_.erase(found);
    return;
  }
  DCHECK_GT(admitted_, 0U);
  --admitted_;
}

void AdmissionCore::HandlePathUp() {
  path_up_ = true;
  for (const Waiting& waiting : waiting_) Admit(waiting.id);
  waiting_.clear();
}

void AdmissionCore::HandleDrain() {
  draining_ = true;
  for (const Waiting& waiting : waiting_) {
    Refuse(waiting.id, StatusCode::kClosed, "the tunnel is closing");
  }
  waiting_.clear();
}

void AdmissionCore::HandleTimeout(Timestamp now) {
  while (!waiting_.empty() && now >= waiting_.front().deadline) {
    Refuse(waiting_.front().id, StatusCode::kTimeout, "no path to the host in time");
    waiting_.pop_front();
  }
}

Timestamp AdmissionCore::NextTimeout() const {
  return waiting_.empty() ? Timestamp::Max() : waiting_.front().deadline;
}

std::optional<AdmissionEvent> AdmissionCore::PollEvent() { return events_.Poll(); }

void AdmissionCore::Admit(ConnectionId id) {
  ++admitted_;
  events_.Push(AdmissionEvent{id, Status::Ok()});
}

void AdmissionCore::Refuse(ConnectionId id, StatusCode code, const char* reason) {
  events_.Push(AdmissionEvent{id, Status(code, reason)});
}

}  // namespace ming::tunnel
