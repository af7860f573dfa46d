// ProbeSession: a conversation with the peer under test whose ICE end is a StunProbe: descriptions
// are exchanged, nothing is sent on the network that the script does not ask for.
#ifndef MING_CONFORMANCE_PROBE_SESSION_H_
#define MING_CONFORMANCE_PROBE_SESSION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/codec/sdp.h"
#include "ming/conformance/exchange.h"
#include "ming/conformance/session.h"
#include "ming/conformance/stun_probe.h"

namespace ming::conformance {

class Bench;

struct ProbePlan {
  OurCandidates candidates = OurCandidates::kWithheld;
  // In place of candidate messages of the usual form, where they are trickled: the payload.
  std::function<std::string(const std::string& line)> payload;
  // Trickled before our description instead of behind it.
  bool early = false;
  // Of our answer to a client: which side of DTLS the peer is.
  codec::SdpSetup answer_setup = codec::SdpSetup::kActive;
};

class ProbeSession {
 public:
  // Ok: both descriptions are there.
  static Result<std::unique_ptr<ProbeSession>> Open(Bench& bench, const ProbePlan& plan);
  // A client under test would wait for a path until its own limit: it gets one, and a close_notify.
  ~ProbeSession();
  ProbeSession(const ProbeSession&) = delete;
  ProbeSession& operator=(const ProbeSession&) = delete;

  StunProbe& probe() { return *probe_; }
  Exchange& exchange() { return *exchange_; }
  const codec::SessionDescription& remote() const { return remote_; }
  // Sends what was not sent yet of our candidates.
  void SendCandidates();

  // UDP candidates of the peer of component 1, trickled ones included, "candidate:..." lines.
  const std::vector<std::string>& CollectCandidateLines();
  std::vector<net::SocketAddress> RemoteAddresses();

  // A path on which a correct check is answered. kTimeout: none of the peer's candidates answers.
  Result<ProbePath> FindPath();
  // Waits for the response; null: none came.
  const StunProbe::Response* Await(const codec::StunTransaction& transaction);
  // A check of the peer that passed, within the limit of a step.
  bool AwaitCheck();
  // The check of the role that is ours.
  ProbeCheck Correct() const;

 private:
  ProbeSession(Bench& bench, const ProbePlan& plan) : bench_(bench), plan_(plan) {}
  codec::SessionDescription Describe() const;
  void SayGoodbye();

  Bench& bench_;
  const ProbePlan plan_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<StunProbe> probe_;
  codec::SessionDescription remote_;
  std::vector<std::string> lines_;
};

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_PROBE_SESSION_H_
