#include "ming/conformance/stun_probe.h"

#include <algorithm>
#include <utility>

#include "ming/base/random.h"
#include "ming/codec/ice_candidate.h"
#include "ming/codec/packet_demux.h"
#include "ming/ice/local_addresses.h"
#include "ming/net/reactor.h"
#include "ming/tls/hmac.h"

namespace ming::conformance {
namespace {

constexpr uint32_t kHostPriority = 0x7E0000FF;
constexpr uint32_t kPeerReflexivePriority = 0x6E0000FF;

}  // namespace

class StunProbe::Socket final : private net::UdpSocket::Observer {
 public:
  Socket(StunProbe& probe, size_t index, std::unique_ptr<net::UdpSocket> socket)
      : probe_(probe), index_(index), socket_(std::move(socket)) {
    socket_->SetObserver(this);
  }

  void Send(const net::SocketAddress& to, ByteSpan datagram) { socket_->SendTo(to, datagram); }
  net::SocketAddress address() const { return socket_->local_address(); }

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override {
    probe_.OnDatagram(index_, from, datagram);
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  StunProbe& probe_;
  const size_t index_;
  std::unique_ptr<net::UdpSocket> socket_;
};

Result<std::unique_ptr<StunProbe>> StunProbe::Open(const RawServices& services,
                                                   const ice::IceOptions& options) {
  const auto interfaces = ice::ListInterfaceAddresses();
  if (!interfaces.ok()) return interfaces.status();
  std::unique_ptr<StunProbe> probe(new StunProbe(services));
  for (const IpAddress& address : ice::ChooseLocalAddresses(*interfaces, options)) {
    auto socket =
        net::UdpSocket::Bind(services.reactor, net::SocketAddress(address), net::UdpOptions());
    if (!socket.ok()) continue;
    const size_t index = probe->sockets_.size();
    probe->sockets_.push_back(std::make_unique<Socket>(*probe, index, *std::move(socket)));
  }
  if (probe->sockets_.empty()) {
    return Status(StatusCode::kUnavailable, "no local address can be used");
  }
  return probe;
}

StunProbe::StunProbe(const RawServices& services) : services_(services) {
  credentials_.username_fragment = services.random.Alphanumeric(8);
  credentials_.password = Secret(services.random.Alphanumeric(24));
}

StunProbe::~StunProbe() = default;

std::vector<codec::IceCandidate> StunProbe::candidates() const {
  std::vector<codec::IceCandidate> candidates;
  for (const auto& socket : sockets_) {
    codec::IceCandidate candidate;
    candidate.foundation = std::to_string(candidates.size() + 1);
    candidate.transport = "udp";
    candidate.priority = kHostPriority - static_cast<uint32_t>(candidates.size() << 8);
    candidate.address = socket->address().ip().ToString();
    candidate.port = socket->address().port();
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

std::vector<ProbePath> StunProbe::Pair(const std::vector<net::SocketAddress>& remotes) const {
  std::vector<ProbePath> paths;
  for (const net::SocketAddress& remote : remotes) {
    for (size_t i = 0; i < sockets_.size(); ++i) {
      const IpAddress local = sockets_[i]->address().ip();
      const bool fits =
          local.family() == remote.ip().family() && local.IsLoopback() == remote.ip().IsLoopback();
      if (fits) paths.push_back({i, remote});
    }
  }
  return paths;
}

codec::StunTransaction StunProbe::SendCheck(const ProbePath& path, const ProbeCheck& check) {
  codec::StunTransaction transaction{};
  services_.random.Fill({transaction.data(), transaction.size()});
  codec::StunWriter writer(codec::StunClass::kRequest, codec::kStunBinding, transaction);
  writer.AddText(
      codec::StunType::kUsername,
      check.username.value_or(remote_->username_fragment + ":" + credentials_.username_fragment));
  writer.AddU64(
      check.controlling ? codec::StunType::kIceControlling : codec::StunType::kIceControlled,
      check.tie_breaker);
  writer.AddU32(codec::StunType::kPriority, kPeerReflexivePriority);
  if (check.use_candidate) writer.Add(codec::StunType::kUseCandidate, ByteSpan());
  if (check.unknown_attribute) {
    writer.Add(*check.unknown_attribute, ByteSpan(std::string_view("what")));
  }
  const std::string password = check.password.value_or(std::string(remote_->password.Reveal()));
  if (check.integrity) {
    writer.AddIntegrity(tls::HmacSha1(ByteSpan(password), writer.CoveredByIntegrity()));
  }
  if (check.fingerprint) writer.AddFingerprint();
  ByteBuffer wire = ByteBuffer::CopyOf(writer.wire());
  if (check.spoiled_fingerprint) {
    uint8_t& last = wire.data()[wire.size() - 1];
    last = static_cast<uint8_t>(last ^ 1);
  }
  SendRaw(path, wire);
  return transaction;
}

void StunProbe::SendRaw(const ProbePath& path, ByteSpan datagram) {
  sockets_[path.socket]->Send(path.remote, datagram);
}

net::SocketAddress StunProbe::LocalAddress(const ProbePath& path) const {
  return sockets_[path.socket]->address();
}

const StunProbe::Response* StunProbe::ResponseTo(const codec::StunTransaction& transaction) const {
  const auto found = responses_.find(transaction);
  return found == responses_.end() ? nullptr : &found->second;
}

void StunProbe::OnDatagram(size_t socket, const net::SocketAddress& from, ByteSpan datagram) {
  Result<codec::StunMessage> message = codec::ParseStunMessage(datagram);
  if (!message.ok()) {
    ++other_datagrams_;
    if (on_other_) on_other_(datagram);
    return;
  }
  const ProbePath path{socket, from};
  const bool fingerprint = codec::StunFingerprintFits(datagram);
  if (message->message_class == codec::StunClass::kRequest) {
    if (checks_.size() >= kMaxKept) checks_.pop_front();
    checks_.push_back({*std::move(message), path,
                       IntegrityFits(datagram, std::string(credentials_.password.Reveal())),
                       fingerprint, services_.reactor.Now()});
    if (answer_) AnswerCheck(checks_.back());
    return;
  }
  if (!remote_ || responses_.size() >= kMaxKept) return;
  const codec::StunTransaction transaction = message->transaction;
  const bool integrity = IntegrityFits(datagram, std::string(remote_->password.Reveal()));
  responses_.insert_or_assign(transaction,
                              Response{*std::move(message), path, integrity, fingerprint});
}

void StunProbe::AnswerCheck(const SeenCheck& check) {
  if (!check.integrity_fits) return;
  codec::StunWriter writer(codec::StunClass::kSuccess, codec::kStunBinding,
                           check.message.transaction);
  writer.AddXorMappedAddress({check.path.remote.ip(), check.path.remote.port()});
  writer.AddIntegrity(
      tls::HmacSha1(ByteSpan(credentials_.password.Reveal()), writer.CoveredByIntegrity()));
  writer.AddFingerprint();
  SendRaw(check.path, writer.wire());
}

bool StunProbe::IntegrityFits(ByteSpan wire, const std::string& password) const {
  const std::optional<codec::StunIntegrity> integrity = codec::FindStunIntegrity(wire);
  return integrity && tls::HmacSha1(ByteSpan(password), integrity->covered) == integrity->hash;
}

}  // namespace ming::conformance
