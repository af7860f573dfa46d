// ICE (RFC 8445, RFC 8838, RFC 8839), STUN in it (RFC 8489), and consent (RFC 7675).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ming/base/random.h"
#include "ming/codec/ice_candidate.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"
#include "ming/conformance/probe_session.h"

namespace ming::conformance {
namespace {

using codec::StunClass;
using codec::StunType;

constexpr uint16_t kUnknownRequired = 0x7F01;  // below 0x8000: comprehension is required
// RFC 7675, section 5.1: every 4 to 6 s; and no consent for 30 s ends the sending.
constexpr Duration kConsentInterval = std::chrono::milliseconds(7500);
constexpr Duration kConsentLimit = std::chrono::seconds(32);

// A probe with a path, given to the judgement.
Outcome WithPath(Bench& bench,
                 const std::function<Outcome(ProbeSession&, const ProbePath&)>& judge) {
  Result<std::unique_ptr<ProbeSession>> session = ProbeSession::Open(bench, ProbePlan());
  if (!session.ok()) return bench.Missing(session.status());
  const Result<ProbePath> path = (*session)->FindPath();
  if (!path.ok()) return Fails(path.status().message());
  return judge(**session, *path);
}

Outcome AnswersCheck(Bench& bench) {
  return WithPath(bench, [](ProbeSession& session, const ProbePath& path) {
    const auto transaction = session.probe().SendCheck(path, session.Correct());
    const StunProbe::Response* response = session.Await(transaction);
    if (response == nullptr) return Fails("a correct check is not answered");
    if (response->message.message_class != StunClass::kSuccess) return Fails("an error response");
    if (!response->integrity_fits) return Fails("MESSAGE-INTEGRITY is missing or wrong");
    if (!response->fingerprint_fits) return Fails("FINGERPRINT is missing or wrong");
    const auto mapped = response->message.XorMappedAddress();
    if (!mapped) return Fails("no XOR-MAPPED-ADDRESS");
    const net::SocketAddress ours = session.probe().LocalAddress(path);
    const bool same = mapped->ip == ours.ip() && mapped->port == ours.port();
    return Holds(same ? "" : "seen as " + mapped->ip.ToString());
  });
}

// No success response; what came instead is for the detail.
Outcome ExpectNoSuccess(ProbeSession& session, const ProbePath& path, const ProbeCheck& check) {
  const auto transaction = session.probe().SendCheck(path, check);
  const StunProbe::Response* response = session.Await(transaction);
  if (response == nullptr) return Holds("no answer");
  if (response->message.message_class == StunClass::kSuccess) return Fails("a success response");
  const auto code = response->message.ErrorCode();
  return Holds("error " + std::to_string(code.value_or(0)));
}

// A check that was spoiled so is not answered with success.
Outcome RefusesCheck(Bench& bench, void (*spoil)(ProbeCheck& check)) {
  return WithPath(bench, [spoil](ProbeSession& session, const ProbePath& path) {
    ProbeCheck check = session.Correct();
    spoil(check);
    return ExpectNoSuccess(session, path, check);
  });
}

Outcome WrongPassword(Bench& bench) {
  return RefusesCheck(bench, [](ProbeCheck& check) { check.password = "not-the-password-of-it"; });
}

Outcome NoIntegrity(Bench& bench) {
  return RefusesCheck(bench, [](ProbeCheck& check) { check.integrity = false; });
}

Outcome WrongUsername(Bench& bench) {
  return RefusesCheck(bench, [](ProbeCheck& check) { check.username = "nobody:knows"; });
}

Outcome SpoiledFingerprint(Bench& bench) {
  return RefusesCheck(bench, [](ProbeCheck& check) { check.spoiled_fingerprint = true; });
}

Outcome ExpectError(ProbeSession& session, const ProbePath& path, const ProbeCheck& check,
                    int want) {
  const auto transaction = session.probe().SendCheck(path, check);
  const StunProbe::Response* response = session.Await(transaction);
  if (response == nullptr) return Fails("no answer");
  if (response->message.message_class == StunClass::kSuccess) return Fails("a success response");
  const int code = response->message.ErrorCode().value_or(0);
  return code == want ? Holds() : Fails("error " + std::to_string(code));
}

Outcome UnknownAttribute(Bench& bench) {
  return WithPath(bench, [](ProbeSession& session, const ProbePath& path) {
    ProbeCheck check = session.Correct();
    check.unknown_attribute = kUnknownRequired;
    return ExpectError(session, path, check, 420);
  });
}

// The tie-breaker lets the peer keep its role: 0 against a controlling one, the largest against a
// controlled one (RFC 8445, section 7.3.1.1).
Outcome RoleConflict(Bench& bench) {
  return WithPath(bench, [&bench](ProbeSession& session, const ProbePath& path) {
    ProbeCheck check = session.Correct();
    check.controlling = !check.controlling;
    check.tie_breaker = bench.host_under_test() ? UINT64_MAX : 0;
    return ExpectError(session, path, check, 487);
  });
}

// The peer is told our candidates and gets no check from us.
Result<std::unique_ptr<ProbeSession>> Wooed(Bench& bench, const ProbePlan& base = {}) {
  ProbePlan plan = base;
  plan.candidates = OurCandidates::kInDescription;
  return ProbeSession::Open(bench, plan);
}

Outcome CheckForm(Bench& bench) {
  Result<std::unique_ptr<ProbeSession>> session = Wooed(bench);
  if (!session.ok()) return bench.Missing(session.status());
  if (!(*session)->AwaitCheck()) return Fails("no check with a fitting MESSAGE-INTEGRITY came");
  const SeenCheck& check = (*session)->probe().checks().front();
  const std::string want = (*session)->probe().credentials().username_fragment + ":" +
                           (*session)->remote().ice.username_fragment;
  if (check.message.Username() != want) return Fails("USERNAME is " + check.message.Username());
  if (!check.integrity_fits) return Fails("MESSAGE-INTEGRITY does not fit");
  if (!check.fingerprint_fits) return Fails("FINGERPRINT is missing or wrong");
  if (!check.message.Number(StunType::kPriority)) return Fails("no PRIORITY");
  const auto role = bench.host_under_test() ? StunType::kIceControlled : StunType::kIceControlling;
  return check.message.Number(role) ? Holds() : Fails("it does not say the role it has");
}

Outcome Nominates(Bench& bench) {
  Result<std::unique_ptr<ProbeSession>> session = Wooed(bench);
  if (!session.ok()) return bench.Missing(session.status());
  const auto& checks = (*session)->probe().checks();
  const bool nominated = bench.Wait([&checks] {
    return std::any_of(checks.begin(), checks.end(), [](const SeenCheck& check) {
      return check.message.Find(StunType::kUseCandidate) != nullptr;
    });
  });
  return nominated ? Holds() : Fails("no check with USE-CANDIDATE came");
}

Outcome Retransmits(Bench& bench) {
  Result<std::unique_ptr<ProbeSession>> session = Wooed(bench);
  if (!session.ok()) return bench.Missing(session.status());
  (*session)->probe().Answer(false);
  const auto& checks = (*session)->probe().checks();
  const bool again = bench.Wait([&checks] {
    std::set<codec::StunTransaction> seen;
    return std::any_of(checks.begin(), checks.end(), [&seen](const SeenCheck& check) {
      return !seen.insert(check.message.transaction).second;
    });
  });
  return again ? Holds() : Fails("no unanswered check was sent again");
}

// Brings the pair up as far as STUN goes: the peer's checks are answered, ours nominate.
// It is the DTLS client, and gets no answer to its ClientHello.
Result<std::unique_ptr<ProbeSession>> Paired(Bench& bench) {
  ProbePlan plan;
  plan.answer_setup = codec::SdpSetup::kPassive;
  Result<std::unique_ptr<ProbeSession>> session = Wooed(bench, plan);
  if (!session.ok()) return session;
  const Result<ProbePath> path = (*session)->FindPath();
  if (!path.ok()) return path.status();
  ProbeCheck check = (*session)->Correct();
  check.use_candidate = bench.host_under_test();
  (*session)->probe().SendCheck(*path, check);
  if (!(*session)->AwaitCheck()) return Status(StatusCode::kTimeout, "the peer sent no check");
  return session;
}

Outcome ConsentChecks(Bench& bench) {
  Result<std::unique_ptr<ProbeSession>> session = Paired(bench);
  if (!session.ok()) return bench.Missing(session.status());
  bench.Rest(std::chrono::seconds(1));
  const auto& checks = (*session)->probe().checks();
  const Timestamp paired = bench.services().reactor.Now();
  const auto fresh = [&] {
    return std::any_of(checks.begin(), checks.end(),
                       [paired](const SeenCheck& check) { return check.when > paired; });
  };
  return bench.Wait(fresh, kConsentInterval) ? Holds() : Fails("no check for 7.5 s");
}

// Its ClientHello is sent again while consent lasts, and no longer.
Outcome ConsentExpires(Bench& bench) {
  Result<std::unique_ptr<ProbeSession>> session = Paired(bench);
  if (!session.ok()) return bench.Missing(session.status());
  (*session)->probe().Answer(false);
  bench.Rest(kConsentLimit);
  const size_t before = (*session)->probe().other_datagrams();
  bench.Rest(std::chrono::seconds(5));
  const size_t after = (*session)->probe().other_datagrams();
  if (before == 0) return Skipped("the peer sent nothing but checks");
  return after == before ? Holds()
                         : Fails(std::to_string(after - before) + " datagrams without consent");
}

Outcome Junk(Bench& bench) {
  return WithPath(bench, [&bench](ProbeSession& session, const ProbePath& path) {
    StunProbe& probe = session.probe();
    const std::vector<uint8_t> noise = Pattern(1400, 7);
    for (int first = 0; first < 256; ++first) {
      std::vector<uint8_t> datagram(noise.begin(), noise.begin() + 8 + first);
      datagram[0] = static_cast<uint8_t>(first);
      probe.SendRaw(path, datagram);
    }
    codec::StunWriter writer(StunClass::kRequest, codec::kStunBinding, {});
    for (size_t size = 0; size < writer.wire().size(); ++size) {
      probe.SendRaw(path, writer.wire().First(size));
    }
    bench.Rest(std::chrono::milliseconds(50));
    const auto transaction = probe.SendCheck(path, session.Correct());
    const StunProbe::Response* response = session.Await(transaction);
    if (response == nullptr) return Fails("checks are no longer answered");
    return response->message.message_class == StunClass::kSuccess ? Holds()
                                                                  : Fails("an error response");
  });
}

// Before any check, from an address that the peer was not told.
Outcome Stranger(Bench& bench) {
  Result<std::unique_ptr<ProbeSession>> session = ProbeSession::Open(bench, ProbePlan());
  if (!session.ok()) return bench.Missing(session.status());
  bench.Rest(Bench::kQuiet);  // for its candidates
  StunProbe& probe = (*session)->probe();
  std::vector<uint8_t> record = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100};
  record.resize(113, 1);
  const std::vector<ProbePath> paths = probe.Pair((*session)->RemoteAddresses());
  if (paths.empty()) return Fails("no candidate that we could send to");
  for (const ProbePath& path : paths) probe.SendRaw(path, record);
  bench.Rest(Bench::kQuiet);
  if (probe.other_datagrams() > 0) return Fails("something came back");
  const Result<ProbePath> path = (*session)->FindPath();
  return OutcomeOf(path.status());
}

Outcome UpWith(Bench& bench, const Plan& plan) {
  const Result<std::unique_ptr<Session>> session = bench.Connect(plan);
  if (!session.ok()) return bench.Missing(session.status());
  return OutcomeOf((*session)->CheckAlive());
}

Outcome TrickleOnly(Bench& bench) {
  Plan plan;
  plan.candidates = OurCandidates::kTrickled;
  return UpWith(bench, plan);
}

Outcome InDescription(Bench& bench) {
  Plan plan;
  plan.edit = [](const std::string& text) { return text + "a=end-of-candidates\r\n"; };
  return UpWith(bench, plan);
}

Outcome PeerReflexive(Bench& bench) {
  Plan plan;
  plan.candidates = OurCandidates::kWithheld;
  return UpWith(bench, plan);
}

Outcome LateCandidates(Bench& bench) {
  ProbePlan plan;
  Result<std::unique_ptr<ProbeSession>> session = ProbeSession::Open(bench, plan);
  if (!session.ok()) return bench.Missing(session.status());
  bench.Rest(std::chrono::milliseconds(700));
  if (!(*session)->probe().checks().empty()) return Fails("a check before it was told a candidate");
  (*session)->SendCandidates();
  return (*session)->AwaitCheck() ? Holds() : Fails("no check to the candidate that came late");
}

Outcome UnusableCandidates(Bench& bench) {
  Plan plan;
  plan.behind = [](Exchange& exchange) {
    for (const char* line :
         {"candidate:1 1 udp 2130706431 4b3c9e52-1e5c-4b7c-8d2c-0c0a5b6d7e8f.local 50000 typ host",
          "candidate:2 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
          "candidate:3 2 udp 2130706430 192.0.2.1 50001 typ host",
          "candidate:4 1 udp 2130706431 fe80::1 50002 typ host",
          "candidate:5 1 udp 1 192.0.2.7 50003 typ future",
          "candidate:6 1 UDP 2130706431 192.0.2.8 50004 typ host generation 0 network-cost 999"}) {
      exchange.SendCandidate(line);
    }
  };
  return UpWith(bench, plan);
}

Outcome MalformedCandidates(Bench& bench) {
  Plan plan;
  plan.behind = [](Exchange& exchange) {
    for (const char* line : {"candidate:", "candidate:1 1 udp", "nonsense",
                             "candidate:1 1 udp 99999999999999 192.0.2.1 50000 typ host",
                             "candidate:1 1 udp 1 192.0.2.1 70000 typ host",
                             "candidate:1 1 udp 1 0.0.0.0 0 typ host"}) {
      exchange.SendCandidate(line);
    }
  };
  return UpWith(bench, plan);
}

Outcome CandidateForm(Bench& bench) {
  Result<std::unique_ptr<ProbeSession>> session = ProbeSession::Open(bench, ProbePlan());
  if (!session.ok()) return bench.Missing(session.status());
  bench.Wait([&] { return !(*session)->CollectCandidateLines().empty(); });
  bench.Rest(Bench::kQuiet);
  const std::vector<std::string>& lines = (*session)->CollectCandidateLines();
  if (lines.empty()) return Fails("no candidate came");
  for (const std::string& line : lines) {
    const Result<codec::IceCandidate> candidate = codec::ParseIceCandidate(line);
    if (!candidate.ok()) return Fails(candidate.status().message() + ": " + line);
    const codec::CandidateCheck check =
        codec::ValidateRemoteCandidate(*candidate, codec::LoopbackCandidates::kAllow);
    if (check.verdict == codec::CandidateVerdict::kMalformed) {
      return Fails(std::string(check.reason) + ": " + line);
    }
  }
  return Holds(std::to_string(lines.size()) + " candidates");
}

Outcome Restart(Bench& bench) {
  Result<std::unique_ptr<Session>> made = bench.Connect();
  if (!made.ok()) return bench.Missing(made.status());
  Session& session = **made;
  RawPeer& peer = session.peer();
  Exchange& talk = session.exchange();
  const codec::SessionDescription before = session.remote();
  const Status restarted = peer.RestartIce();
  if (!restarted.ok()) return Fails(restarted.message());
  talk.ForgetRemote();
  talk.SendDescription(codec::SdpKind::kOffer, codec::SerializeSessionDescription(
                                                   peer.Describe(codec::SdpSetup::kActpass)));
  bench.Wait([&] { return !talk.remote_text().empty() || !talk.error().empty(); });
  if (talk.remote_text().empty()) return Fails("no answer to the offer of the restart");
  const Result<codec::SessionDescription> after = talk.Remote();
  if (!after.ok()) return Fails(after.status().message());
  if (after->ice == before.ice) return Fails("the answer has the old ICE credentials");
  if (after->fingerprints != before.fingerprints)
    return Fails("another certificate: a new session");
  if (after->session_id != before.session_id) return Fails("another o= session: a new session");
  peer.Adopt(*after, peer.dtls_role());
  bench.Wait([&] { return peer.restarted() || peer.ended(); });
  if (!peer.restarted()) return Fails("the new pair does not come up");
  return OutcomeOf(session.CheckAlive());
}

Case Ice(std::string_view id, std::string_view section, std::string_view sentence,
         Outcome (*run)(Bench&)) {
  return {id, section, sentence, ForRole::kAny, ForTunnel::kAny, Need::kNothing, Manner::kOrdinary,
          run};
}

Case Of(ForRole role, Case one) {
  one.role = role;
  return one;
}

Case In(Manner manner, Case one) {
  one.manner = manner;
  return one;
}

}  // namespace

std::vector<Case> IceCases() {
  const auto rude = Manner::kRude;
  return {
      Ice("ice/candidate-form", "RFC 8839 5.1", "the peer's candidates keep to the grammar",
          CandidateForm),
      Ice("ice/trickle-only", "RFC 8838 4", "candidates may all be trickled", TrickleOnly),
      Ice("ice/in-description", "RFC 8838 8.2", "candidates may all be in the description",
          InDescription),
      Ice("ice/peer-reflexive", "RFC 8445 7.3.1.3", "it connects without a candidate of ours",
          PeerReflexive),
      Ice("ice/late-candidates", "RFC 8838 11", "a candidate that comes later is checked",
          LateCandidates),
      Ice("ice/check-form", "RFC 8445 7.1, 7.2.2", "a check has all its attributes, and they fit",
          CheckForm),
      Ice("ice/retransmits", "RFC 8489 6.2.1", "an unanswered check is sent again", Retransmits),
      Of(ForRole::kClient, Ice("ice/nominates", "RFC 8445 8.1.1",
                               "the controlling side nominates a pair", Nominates)),
      Ice("ice/answers-check", "RFC 8445 7.3", "a correct check is answered correctly",
          AnswersCheck),
      Ice("ice/role-conflict", "RFC 8445 7.3.1.1", "a role conflict is answered by 487",
          RoleConflict),
      Of(ForRole::kHost,
         Ice("ice/restart", "RFC 8839 4.4.1.1.1", "ICE restarts with new credentials", Restart)),
      In(Manner::kLong, Ice("ice/consent", "RFC 7675 5.1", "the path is checked again within 7.5 s",
                            ConsentChecks)),
      Ice("ice/unusable", "RFC 8839 5.1", "mDNS names, TCP, other components are ignored",
          UnusableCandidates),
      In(rude, Ice("ice/wrong-password", "RFC 8489 9.1.3", "a check under a wrong password fails",
                   WrongPassword)),
      In(rude, Ice("ice/no-integrity", "RFC 8489 9.1.3", "a check without MESSAGE-INTEGRITY fails",
                   NoIntegrity)),
      In(rude, Ice("ice/wrong-username", "RFC 8489 9.1.3", "a check for somebody else fails",
                   WrongUsername)),
      In(rude, Ice("ice/spoiled-fingerprint", "RFC 8489 14.7",
                   "a check whose FINGERPRINT is wrong fails", SpoiledFingerprint)),
      In(rude, Ice("ice/unknown-attribute", "RFC 8489 6.3.1",
                   "an unknown required attribute is a 420", UnknownAttribute)),
      In(rude, Ice("ice/stranger", "RFC 8445 12.2",
                   "DTLS from an unchecked address is not answered", Stranger)),
      In(rude, Ice("ice/junk", "RFC 7983 7", "junk on the port does no harm", Junk)),
      In(rude, Ice("ice/malformed", "RFC 8839 5.1", "malformed candidates do no harm",
                   MalformedCandidates)),
      In(Manner::kLong, Ice("ice/consent-expires", "RFC 7675 5.1",
                            "without consent nothing is sent after 30 s", ConsentExpires)),
  };
}

}  // namespace ming::conformance
