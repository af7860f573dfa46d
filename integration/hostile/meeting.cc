#include "meeting.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ming/codec/ming_features.h"
#include "ming/ws/ws_url.h"

#include "options.h"

namespace ming::hostile {
namespace {

template <typename T>
T OrGive(Result<T> result) {
  if (!result.ok()) GiveUp(1, result.status().ToString());
  return *std::move(result);
}

codec::MingFeatures AllFeatures() {
  codec::MingFeatures features;
  features.half_close = true;
  features.max_message_bytes = codec::kMaxFeatureMessageBytes;
  features.credit_bytes = 1 << 20;
  return features;
}

}  // namespace

Stage::Stage() {
  websockets_ = OrGive(ws::WsContext::Create(reactor_, glib_));
  certificate_ = OrGive(tls::Certificate::SelfSigned("hostile"));
}

conformance::RawServices Stage::services() {
  return {reactor_, glib_, resolver_, sctp_, *websockets_, random_, *certificate_};
}

void Stage::Idle(Duration time) {
  reactor_.RunUntil([] { return false; }, time);
}

Door::Door(Stage& stage, const std::string& url, Part part, const std::string& own_id,
           const std::string& target)
    : stage_(stage),
      part_(part),
      own_id_(own_id),
      target_(target),
      signaling_(stage.services(), {OrGive(ws::ParseWsUrl(url)), {}, {}}) {}

bool Door::Open(Duration limit) {
  if (!stage_.reactor().RunUntil([this] { return open(); }, limit)) return false;
  if (part_ == Part::kHost) signaling_.Send(codec::MakeRegisterHost(own_id_));
  return true;
}

std::optional<codec::SignalingMessage> Door::Take() { return signaling_.Take(); }

void Door::Send(codec::SdpKind kind, const std::string& sdp, const std::string& to) {
  signaling_.Send(codec::MakeDescription({kind, sdp}, to, own_id_));
}

Meeting::Meeting(Stage& stage, Door& door, const Disguise& disguise)
    : stage_(stage), door_(door), disguise_(disguise) {
  conformance::RawPeerOptions options;
  options.top = disguise.top;
  options.ice_role =
      door.part() == Part::kClient ? ice::IceRole::kControlling : ice::IceRole::kControlled;
  options.sctp.interleaving = disguise.interleaving;
  options.sctp.outgoing_streams = disguise.streams;
  options.sctp.max_incoming_streams = disguise.streams;
  peer_ = std::make_unique<conformance::RawPeer>(stage.services(), options);
  const Status started = peer_->Start();
  if (!started.ok()) GiveUp(1, started.ToString());
}

bool Meeting::Begin() {
  if (!door_.open()) return false;
  door_.Send(codec::SdpKind::kOffer, DescribeUs(disguise_.setup, "0"), door_.target());
  return true;
}

bool Meeting::Meet(Duration limit) {
  if (door_.part() == Part::kClient && !Begin()) return false;
  stage_.reactor().RunUntil(
      [this] {
        Attend();
        return peer_->top_is_up() || peer_->ended() || !door_.open();
      },
      limit);
  return peer_->top_is_up();
}

std::string Meeting::DescribeUs(codec::SdpSetup setup, const std::string& mid) {
  codec::SessionDescription us = peer_->Describe(setup);
  us.mid = mid;
  if (disguise_.wrong_fingerprint) us.fingerprints.front().digest.front() ^= 1;
  if (disguise_.announces_ming) us.ming = AllFeatures();
  return codec::SerializeSessionDescription(us);
}

void Meeting::Attend() {
  while (const std::optional<codec::SignalingMessage> message = door_.Take()) {
    if (message->type == codec::SignalingType::kOffer && door_.part() == Part::kHost) {
      HandleOffer(*message);
    } else if (message->type == codec::SignalingType::kAnswer && door_.part() == Part::kClient) {
      HandleAnswer(*message);
    } else if (message->type == codec::SignalingType::kCandidate && described_) {
      const auto candidate = codec::ParseCandidatePayload(message->payload);
      // One that is of no use leaves the others.
      if (candidate.ok()) static_cast<void>(peer_->AddRemoteCandidate(candidate->candidate));
    }
  }
}

void Meeting::HandleAnswer(const codec::SignalingMessage& message) {
  const auto payload = codec::ParseDescriptionPayload(message.payload);
  if (described_ || !payload.ok()) return;
  const auto answer = codec::ParseSessionDescription(payload->sdp, codec::SdpKind::kAnswer);
  if (!answer.ok()) return;
  described_ = true;
  peer_->Adopt(*answer, answer->setup == codec::SdpSetup::kActive ? tls::DtlsRole::kServer
                                                                  : tls::DtlsRole::kClient);
}

void Meeting::HandleOffer(const codec::SignalingMessage& message) {
  const auto payload = codec::ParseDescriptionPayload(message.payload);
  if (described_ || !payload.ok()) return;
  const auto offer = codec::ParseSessionDescription(payload->sdp, codec::SdpKind::kOffer);
  if (!offer.ok()) return;
  described_ = true;
  const bool server = disguise_.setup == codec::SdpSetup::kPassive;
  door_.Send(codec::SdpKind::kAnswer,
             DescribeUs(server ? codec::SdpSetup::kPassive : codec::SdpSetup::kActive, offer->mid),
             message.sender_id);
  peer_->Adopt(*offer, server ? tls::DtlsRole::kServer : tls::DtlsRole::kClient);
}

}  // namespace ming::hostile
