#include "ming/conformance/probe_session.h"

#include <algorithm>
#include <utility>

#include "ming/base/random.h"
#include "ming/codec/ice_candidate.h"
#include "ming/conformance/bench.h"
#include "ming/net/reactor.h"
#include "ming/tls/dtls_session.h"

namespace ming::conformance {
namespace {

constexpr int kRounds = 10;
constexpr Duration kRoundTime = std::chrono::milliseconds(200);
constexpr Duration kGoodbyeLimit = std::chrono::seconds(2);

// A DTLS session on a path of a probe.
class DtlsOnPath final : private tls::DtlsSession::Observer, private tls::DatagramSink {
 public:
  DtlsOnPath(Bench& bench, StunProbe& probe, const ProbePath& path,
             const codec::SessionDescription& remote, tls::DtlsRole role)
      : bench_(bench), probe_(probe), path_(path) {
    tls::DtlsOptions options;
    options.role = role;
    options.certificate = &bench.services().certificate;
    options.peer_fingerprints = UsableFingerprints(remote);
    if (options.peer_fingerprints.empty()) return;
    tls::DtlsSession::Observer& self = *this;
    tls::DatagramSink& sink = *this;
    session_ = std::make_unique<tls::DtlsSession>(options, self, sink);
    probe_.SetOther([this](ByteSpan datagram) {
      session_->HandleDatagram(bench_.services().reactor.Now(), datagram);
    });
  }
  ~DtlsOnPath() override { probe_.SetOther(nullptr); }

  // The whole handshake, then close_notify.
  void Finish() {
    if (!session_) return;
    const net::Reactor& reactor = bench_.services().reactor;
    session_->Start(reactor.Now());
    bench_.Wait(
        [&] {
          session_->HandleTimeout(reactor.Now());
          return done_;
        },
        kGoodbyeLimit);
    session_->Close();
  }

 private:
  void OnDtlsConnected() override { done_ = true; }
  void OnDtlsRecord(ByteSpan /*record*/) override {}
  void OnDtlsClosed(const Status& /*why*/) override { done_ = true; }
  void SendDatagram(ByteSpan datagram) override { probe_.SendRaw(path_, datagram); }

  Bench& bench_;
  StunProbe& probe_;
  const ProbePath path_;
  bool done_ = false;
  std::unique_ptr<tls::DtlsSession> session_;
};

}  // namespace

Result<std::unique_ptr<ProbeSession>> ProbeSession::Open(Bench& bench, const ProbePlan& plan) {
  Result<std::unique_ptr<Exchange>> exchange = bench.Open();
  if (!exchange.ok()) return exchange.status();
  Result<std::unique_ptr<StunProbe>> probe = StunProbe::Open(bench.services(), bench.options().ice);
  if (!probe.ok()) return probe.status();
  std::unique_ptr<ProbeSession> session(new ProbeSession(bench, plan));
  session->exchange_ = *std::move(exchange);
  session->probe_ = *std::move(probe);
  Exchange& talk = *session->exchange_;
  const bool answers = !talk.remote_text().empty();
  if (answers) {
    Result<codec::SessionDescription> offer = talk.Remote();
    if (!offer.ok()) return offer.status();
    session->remote_ = *std::move(offer);
  }
  const codec::SessionDescription ours = session->Describe();
  talk.SetMid(ours.mid);
  if (plan.early) session->SendCandidates();
  talk.SendDescription(answers ? codec::SdpKind::kAnswer : codec::SdpKind::kOffer,
                       codec::SerializeSessionDescription(ours));
  bench.Wait([&talk] {
    talk.Collect();
    return !talk.remote_text().empty() || !talk.error().empty();
  });
  if (talk.remote_text().empty()) {
    return Status(StatusCode::kTimeout, talk.error().empty() ? "no answer" : talk.error());
  }
  Result<codec::SessionDescription> remote = talk.Remote();
  if (!remote.ok()) return remote.status();
  session->remote_ = *std::move(remote);
  session->probe_->SetRemote(session->remote_.ice);
  if (!plan.early && plan.candidates == OurCandidates::kTrickled) session->SendCandidates();
  return session;
}

ProbeSession::~ProbeSession() {
  if (!bench_.host_under_test() && !bench_.interrupted()) SayGoodbye();
}

void ProbeSession::SayGoodbye() {
  probe_->Answer(true);
  const Result<ProbePath> path = FindPath();
  if (!path.ok()) return;
  const bool active = plan_.answer_setup == codec::SdpSetup::kActive;
  DtlsOnPath dtls(bench_, *probe_, *path, remote_,
                  active ? tls::DtlsRole::kClient : tls::DtlsRole::kServer);
  dtls.Finish();
}

codec::SessionDescription ProbeSession::Describe() const {
  codec::SessionDescription ours;
  ours.session_id = bench_.services().random.Next64() >> 2;
  ours.ice = probe_->credentials();
  ours.trickle = true;
  ours.fingerprints = {ToSdpFingerprint(bench_.services().certificate)};
  ours.setup = codec::SdpSetup::kActpass;
  if (!bench_.host_under_test()) {
    const codec::SessionDescription skeleton = codec::MakeAnswerSkeleton(remote_);
    ours.setup = plan_.answer_setup;
    ours.form = skeleton.form;
    ours.mid = skeleton.mid;
    ours.bundled = skeleton.bundled;
    ours.other_sections = skeleton.other_sections;
    ours.section_index = skeleton.section_index;
  }
  if (plan_.candidates == OurCandidates::kInDescription) ours.candidates = probe_->candidates();
  return ours;
}

void ProbeSession::SendCandidates() {
  for (const codec::IceCandidate& candidate : probe_->candidates()) {
    const std::string line = codec::SerializeIceCandidate(candidate);
    if (plan_.payload) {
      exchange_->SendPayload(codec::SignalingType::kCandidate, plan_.payload(line));
    } else {
      exchange_->SendCandidate(line);
    }
  }
}

const std::vector<std::string>& ProbeSession::CollectCandidateLines() {
  if (lines_.empty()) {
    for (const codec::IceCandidate& candidate : remote_.candidates) {
      lines_.push_back(codec::SerializeIceCandidate(candidate));
    }
  }
  exchange_->Collect();
  for (std::string& line : exchange_->TakeCandidates()) {
    if (!line.empty()) lines_.push_back(std::move(line));
  }
  return lines_;
}

std::vector<net::SocketAddress> ProbeSession::RemoteAddresses() {
  std::vector<net::SocketAddress> addresses;
  for (const std::string& line : CollectCandidateLines()) {
    const Result<codec::IceCandidate> candidate = codec::ParseIceCandidate(line);
    if (!candidate.ok()) continue;
    const codec::CandidateCheck check =
        codec::ValidateRemoteCandidate(*candidate, codec::LoopbackCandidates::kAllow);
    const auto ip = IpAddress::Parse(candidate->address);
    if (check.verdict != codec::CandidateVerdict::kUsable || !ip) continue;
    addresses.emplace_back(*ip, candidate->port);
  }
  return addresses;
}

Result<ProbePath> ProbeSession::FindPath() {
  std::vector<codec::StunTransaction> sent;
  for (int round = 0; round < kRounds && !bench_.interrupted(); ++round) {
    for (const ProbePath& path : probe_->Pair(RemoteAddresses())) {
      sent.push_back(probe_->SendCheck(path, Correct()));
    }
    const StunProbe::Response* answer = nullptr;
    bench_.Wait(
        [&] {
          for (const codec::StunTransaction& transaction : sent) {
            const StunProbe::Response* response = probe_->ResponseTo(transaction);
            if (response == nullptr) continue;
            answer = response;
            return true;
          }
          return false;
        },
        kRoundTime);
    if (answer != nullptr) return answer->path;
  }
  return Status(StatusCode::kTimeout, "none of the peer's candidates answers a correct check");
}

const StunProbe::Response* ProbeSession::Await(const codec::StunTransaction& transaction) {
  // libnice and others answer at once or never.
  constexpr Duration kAnswerTime = std::chrono::milliseconds(700);
  bench_.Wait([&] { return probe_->ResponseTo(transaction) != nullptr; }, kAnswerTime);
  return probe_->ResponseTo(transaction);
}

bool ProbeSession::AwaitCheck() {
  return bench_.Wait([this] {
    const auto& checks = probe_->checks();
    return std::any_of(checks.begin(), checks.end(),
                       [](const SeenCheck& check) { return check.integrity_fits; });
  });
}

ProbeCheck ProbeSession::Correct() const {
  ProbeCheck check;
  check.controlling = bench_.host_under_test();
  return check;
}

}  // namespace ming::conformance
