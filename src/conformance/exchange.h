// Exchange: one conversation with the peer under test through the signaling server: descriptions
// and candidates, as text.
#ifndef MING_CONFORMANCE_EXCHANGE_H_
#define MING_CONFORMANCE_EXCHANGE_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/codec/sdp.h"
#include "ming/codec/signaling_message.h"
#include "ming/conformance/raw_signaling.h"

namespace ming::conformance {

// What came over one connection to the server, in order, not yet taken. Of hosts one for the whole
// run, of clients one for each exchange.
struct Mailbox {
  std::unique_ptr<RawSignaling> server;
  std::string own_id;
  std::deque<codec::SignalingMessage> waiting;

  // Moves what came to `waiting`.
  void Collect();
  // The next message of that type; what stands before it stays.
  std::optional<codec::SignalingMessage> Take(codec::SignalingType type);
};

class Exchange {
 public:
  // `mailbox` is shared where we are the host. `offer` is the peer's where it offers, else null.
  Exchange(std::shared_ptr<Mailbox> mailbox, std::string peer_id,
           const codec::SignalingMessage* offer);

  // Sends our offer or answer; `sdp` goes out as it is.
  bool SendDescription(codec::SdpKind kind, const std::string& sdp);
  // With the mid and index of the first section.
  bool SendCandidate(const std::string& line);
  bool SendPayload(codec::SignalingType type, const std::string& payload);
  // Any text at all.
  bool SendText(const std::string& text) { return mailbox_->server->SendText(text); }

  // Takes what came: the peer's description where it is not known yet, its candidates, errors.
  void Collect();
  // The peer's description, as it was written; empty: not there.
  const std::string& remote_text() const { return remote_text_; }
  codec::SdpKind remote_kind() const { return remote_kind_; }
  Result<codec::SessionDescription> Remote() const;
  // A later offer or answer (ICE restart) replaces it: forget the one that is there.
  void ForgetRemote() { remote_text_.clear(); }
  // The messages that carried descriptions and candidates, whole.
  const std::vector<codec::SignalingMessage>& messages() const { return messages_; }
  // Candidates trickled since the last call; an empty line: there are no more.
  std::vector<std::string> TakeCandidates();
  // What an `error` said, the last one; empty: none.
  const std::string& error() const { return error_; }

  const std::string& own_id() const { return mailbox_->own_id; }
  const std::string& peer_id() const { return peer_id_; }
  Mailbox& mailbox() { return *mailbox_; }
  // Of our description, where candidates say to belong to.
  void SetMid(const std::string& mid) { mid_ = mid; }

 private:
  void Adopt(const codec::SignalingMessage& message);

  std::shared_ptr<Mailbox> mailbox_;
  std::string peer_id_;
  std::string mid_ = "0";
  std::string remote_text_;
  codec::SdpKind remote_kind_ = codec::SdpKind::kAnswer;
  std::vector<codec::SignalingMessage> messages_;
  std::vector<std::string> candidates_;
  std::string error_;
};

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_EXCHANGE_H_
