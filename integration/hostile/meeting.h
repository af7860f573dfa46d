// Meeting: one WebRTC connection with a victim, made through its signaling server like any other,
// by a peer that is free to break every rule from then on.
#ifndef MING_HOSTILE_MEETING_H_
#define MING_HOSTILE_MEETING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/sdp.h"
#include "ming/codec/signaling_message.h"
#include "ming/conformance/raw_peer.h"
#include "ming/conformance/raw_services.h"
#include "ming/conformance/raw_signaling.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"
#include "ming/sctp/sctp_stack.h"
#include "ming/tls/certificate.h"
#include "ming/ws/ws_context.h"

namespace ming::hostile {

// The engines, once a process.
class Stage {
 public:
  // Ends the program where they cannot start.
  Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  conformance::RawServices services();
  net::Reactor& reactor() { return reactor_; }
  void Idle(Duration time);

 private:
  net::Reactor reactor_;
  net::SystemRandom random_;
  net::GlibBridge glib_{reactor_};
  net::Resolver resolver_{reactor_};
  sctp::SctpStack sctp_{reactor_};
  std::unique_ptr<ws::WsContext> websockets_;
  std::shared_ptr<const tls::Certificate> certificate_;
};

enum class Part {
  kClient,  // offers to a host
  kHost,    // is registered and answers clients
};

// How a peer shows itself.
struct Disguise {
  conformance::TopLayer top = conformance::TopLayer::kSctp;
  bool wrong_fingerprint = false;
  bool announces_ming = true;
  // Of an offer; an answer that is kPassive makes us the DTLS server.
  codec::SdpSetup setup = codec::SdpSetup::kActpass;
  sctp::Interleaving interleaving = sctp::Interleaving::kOffered;
  uint16_t streams = 1024;
};

// A place at a signaling server.
class Door {
 public:
  // `target`: the host to attack, or as kHost the ID to be found by.
  Door(Stage& stage, const std::string& url, Part part, const std::string& own_id,
       const std::string& target);

  bool Open(Duration limit);
  Part part() const { return part_; }
  // The next message that is no error; errors are counted.
  std::optional<codec::SignalingMessage> Take();
  void Send(codec::SdpKind kind, const std::string& sdp, const std::string& to);
  const std::string& target() const { return target_; }
  bool open() const { return signaling_.state() == conformance::RawSignaling::State::kOpen; }

 private:
  Stage& stage_;
  const Part part_;
  const std::string own_id_;
  const std::string target_;
  conformance::RawSignaling signaling_;
};

class Meeting {
 public:
  Meeting(Stage& stage, Door& door, const Disguise& disguise);

  // Until the topmost layer of the disguise is up, as seen from here.
  bool Meet(Duration limit);
  // Offers without waiting for anything (kClient).
  bool Begin();
  // Takes what came over signaling.
  void Attend();
  conformance::RawPeer& peer() { return *peer_; }
  bool over() const { return peer_->ended(); }

 private:
  std::string DescribeUs(codec::SdpSetup setup, const std::string& mid);
  void HandleOffer(const codec::SignalingMessage& message);
  void HandleAnswer(const codec::SignalingMessage& message);

  Stage& stage_;
  Door& door_;
  const Disguise disguise_;
  bool described_ = false;  // the victim's description was adopted
  std::unique_ptr<conformance::RawPeer> peer_;
};

}  // namespace ming::hostile

#endif  // MING_HOSTILE_MEETING_H_
