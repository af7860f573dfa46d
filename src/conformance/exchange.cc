#include "ming/conformance/exchange.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ming::conformance {

void Mailbox::Collect() {
  while (std::optional<codec::SignalingMessage> message = server->Take()) {
    waiting.push_back(*std::move(message));
  }
}

std::optional<codec::SignalingMessage> Mailbox::Take(codec::SignalingType type) {
  Collect();
  const auto found = std::find_if(waiting.begin(), waiting.end(),
                                  [type](const auto& message) { return message.type == type; });
  if (found == waiting.end()) return std::nullopt;
  codec::SignalingMessage message = std::move(*found);
  waiting.erase(found);
  return message;
}

Exchange::Exchange(std::shared_ptr<Mailbox> mailbox, std::string peer_id,
                   const codec::SignalingMessage* offer)
    : mailbox_(std::move(mailbox)), peer_id_(std::move(peer_id)) {
  if (offer != nullptr) Adopt(*offer);
}

bool Exchange::SendDescription(codec::SdpKind kind, const std::string& sdp) {
  return mailbox_->server->Send(codec::MakeDescription({kind, sdp}, peer_id_, own_id()));
}

bool Exchange::SendCandidate(const std::string& line) {
  codec::CandidatePayload payload;
  payload.candidate = line;
  payload.mid = mid_;
  payload.mline_index = uint16_t{0};
  return mailbox_->server->Send(codec::MakeCandidate(payload, peer_id_, own_id()));
}

bool Exchange::SendPayload(codec::SignalingType type, const std::string& payload) {
  codec::SignalingMessage message;
  message.type = type;
  message.payload = payload;
  message.target_id = peer_id_;
  message.sender_id = own_id();
  return mailbox_->server->Send(message);
}

void Exchange::Collect() {
  mailbox_->Collect();
  std::deque<codec::SignalingMessage>& waiting = mailbox_->waiting;
  for (auto message = waiting.begin(); message != waiting.end();) {
    const bool description = message->type == codec::SignalingType::kOffer ||
                             message->type == codec::SignalingType::kAnswer;
    // A second description is the next exchange's, and so is what follows it.
    if (description && !remote_text_.empty()) return;
    const bool server = message->type == codec::SignalingType::kError;
    if (!server && message->sender_id != peer_id_) {
      ++message;
      continue;
    }
    Adopt(*message);
    message = waiting.erase(message);
  }
}

Result<codec::SessionDescription> Exchange::Remote() const {
  return codec::ParseSessionDescription(remote_text_, remote_kind_);
}

std::vector<std::string> Exchange::TakeCandidates() { return std::exchange(candidates_, {}); }

void Exchange::Adopt(const codec::SignalingMessage& message) {
  switch (message.type) {
    case codec::SignalingType::kOffer:
    case codec::SignalingType::kAnswer: {
      messages_.push_back(message);
      const auto payload = codec::ParseDescriptionPayload(message.payload);
      if (!payload.ok()) return;
      remote_text_ = payload->sdp;
      remote_kind_ = payload->kind;
      return;
    }
    case codec::SignalingType::kCandidate: {
      messages_.push_back(message);
      const auto payload = codec::ParseCandidatePayload(message.payload);
      if (payload.ok()) candidates_.push_back(payload->candidate);
      return;
    }
    case codec::SignalingType::kError:
      error_ = codec::ParseErrorPayload(message.payload);
      return;
    case codec::SignalingType::kRegisterHost:
    case codec::SignalingType::kUnknown:
      return;
  }
}

}  // namespace ming::conformance
