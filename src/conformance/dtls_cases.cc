// DTLS (RFC 6347) as data channels use it (RFC 8827, RFC 8842, RFC 8261).
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/codec/packet_demux.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"
#include "ming/tls/certificate.h"

namespace ming::conformance {
namespace {

constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kAlertRecord = 21;
constexpr size_t kRecordHeaderBytes = 13;
constexpr uint16_t kDtls12 = 0xFEFD;

enum class HandshakeType : uint8_t {
  kClientHello = 1,
  kServerHello = 2,
  kCertificate = 11,
  kCertificateRequest = 13,
};

// What the handshake in the clear shows.
struct HandshakeView {
  std::vector<uint8_t> types;
  uint16_t hello_version = 0;
  size_t alerts = 0;
  size_t datagrams = 0;

  bool Saw(HandshakeType type) const {
    for (const uint8_t one : types) {
      if (one == static_cast<uint8_t>(type)) return true;
    }
    return false;
  }
};

void NoteRecord(ByteSpan record, HandshakeView& view) {
  if (record[0] == kAlertRecord) ++view.alerts;
  // Only epoch 0 is in the clear.
  if (record[0] != kHandshakeRecord || record[3] != 0 || record[4] != 0) return;
  ByteSpan body = record.Skip(kRecordHeaderBytes);
  // Several messages may share a record (RFC 6347, section 4.2.3).
  constexpr size_t kMessageHeaderBytes = 12;
  while (body.size() >= kMessageHeaderBytes) {
    const uint8_t type = body[0];
    const size_t fragment = (size_t{body[9]} << 16) | (size_t{body[10]} << 8) | body[11];
    view.types.push_back(type);
    const bool hello = type == static_cast<uint8_t>(HandshakeType::kClientHello) ||
                       type == static_cast<uint8_t>(HandshakeType::kServerHello);
    const bool whole_or_first = body[6] == 0 && body[7] == 0 && body[8] == 0;  // fragment offset
    if (hello && whole_or_first && body.size() >= kMessageHeaderBytes + 2) {
      view.hello_version = static_cast<uint16_t>((body[12] << 8) | body[13]);
    }
    body = body.Skip(kMessageHeaderBytes + fragment);
  }
}

void NoteDatagram(ByteSpan datagram, HandshakeView& view) {
  ++view.datagrams;
  codec::PacketSplitter splitter(datagram);
  while (const auto piece = splitter.Next()) {
    if (piece->kind == codec::PacketKind::kDtls) NoteRecord(piece->bytes, view);
  }
}

Plan Watched(const std::shared_ptr<HandshakeView>& view) {
  Plan plan;
  plan.prepare = [view](RawPeer& peer) {
    peer.taps().datagram_in = [view](ByteSpan datagram) {
      NoteDatagram(datagram, *view);
      return true;
    };
  };
  return plan;
}

// What makes the peer the DTLS client: a passive answer; in answer to actpass a host chooses to be
// it (RFC 8842, section 5.3).
std::optional<codec::SdpSetup> MakesClient(const Bench& bench) {
  if (bench.host_under_test()) return std::nullopt;
  return codec::SdpSetup::kPassive;
}

Plan PeerAsServer(Plan plan) {
  plan.setup = codec::SdpSetup::kActive;
  return plan;
}

Outcome UpWith(Bench& bench, const Plan& plan) {
  const Result<std::unique_ptr<Session>> session = bench.Connect(plan);
  if (!session.ok()) return bench.Missing(session.status());
  return OutcomeOf((*session)->CheckAlive());
}

Outcome AsClient(Bench& bench) {
  const auto view = std::make_shared<HandshakeView>();
  Plan plan = Watched(view);
  plan.setup = MakesClient(bench);
  Outcome up = UpWith(bench, plan);
  if (up.verdict != Verdict::kHolds) return up;
  if (view->Saw(HandshakeType::kServerHello)) return Skipped("it chose to be the DTLS server");
  return view->Saw(HandshakeType::kClientHello) ? up : Fails("the peer sent no ClientHello");
}

Outcome AsServer(Bench& bench) {
  const auto view = std::make_shared<HandshakeView>();
  Outcome up = UpWith(bench, PeerAsServer(Watched(view)));
  if (up.verdict != Verdict::kHolds) return up;
  return view->Saw(HandshakeType::kServerHello) ? up : Fails("the peer sent no ServerHello");
}

Outcome Version(Bench& bench) {
  const auto view = std::make_shared<HandshakeView>();
  Outcome up = UpWith(bench, Watched(view));
  if (up.verdict != Verdict::kHolds) return up;
  if (view->hello_version == kDtls12) return Holds();
  ByteBuffer version;
  ByteWriter(version).WriteU16(view->hello_version);
  return Fails("its hello says version " + HexDump(version));
}

Outcome AsksForCertificate(Bench& bench) {
  const auto view = std::make_shared<HandshakeView>();
  Outcome up = UpWith(bench, PeerAsServer(Watched(view)));
  if (up.verdict != Verdict::kHolds) return up;
  return view->Saw(HandshakeType::kCertificateRequest) ? up : Fails("no CertificateRequest");
}

Outcome WrongFingerprint(Bench& bench, std::optional<codec::SdpSetup> setup) {
  auto other = tls::Certificate::SelfSigned("other");
  if (!other.ok()) return Fails(other.status().message());
  Plan plan;
  plan.setup = setup;
  plan.edit = [&other](const std::string& text) {
    const std::string line = "a=fingerprint:" + (*other)->fingerprint().ToString();
    const size_t at = text.find("a=fingerprint:");
    return text.substr(0, at) + line + text.substr(text.find("\r\n", at));
  };
  Result<std::unique_ptr<Session>> session = bench.Negotiate(plan);
  if (!session.ok()) return bench.Missing(session.status());
  const Status up = (*session)->AwaitUp();
  if (up.ok()) return Fails("the peer took a certificate that is not the one of the description");
  const bool ice = (*session)->peer().ice_state() == LayerState::kUp;
  return ice || (*session)->peer().ended() ? Holds(up.message()) : Fails(up.message());
}

Outcome WrongFingerprintOfServer(Bench& bench) {
  return WrongFingerprint(bench, MakesClient(bench));
}

Outcome WrongFingerprintOfClient(Bench& bench) {
  return WrongFingerprint(bench, codec::SdpSetup::kActive);
}

// The first datagrams of the handshake are lost, in one direction or both.
Outcome LostFlights(Bench& bench, std::optional<codec::SdpSetup> setup, size_t lost_in,
                    size_t lost_out) {
  struct Losses {
    size_t in;
    size_t out;
  };
  const auto losses = std::make_shared<Losses>(Losses{lost_in, lost_out});
  Plan plan;
  plan.setup = setup;
  plan.limit = 2 * bench.options().step_limit;
  const auto lose = [](size_t& left) {
    if (left == 0) return true;
    --left;
    return false;
  };
  plan.prepare = [losses, lose](RawPeer& peer) {
    peer.taps().datagram_in = [losses, lose](ByteSpan) { return lose(losses->in); };
    peer.taps().datagram_out = [losses, lose](ByteSpan) { return lose(losses->out); };
  };
  return UpWith(bench, plan);
}

Outcome LostAsServer(Bench& bench) { return LostFlights(bench, codec::SdpSetup::kActive, 2, 1); }
Outcome LostAsClient(Bench& bench) { return LostFlights(bench, MakesClient(bench), 2, 2); }

Outcome UseSrtp(Bench& bench) { return UpWith(bench, PeerAsServer(Plan())); }

Outcome CloseNotify(Bench& bench) {
  const auto view = std::make_shared<HandshakeView>();
  Result<std::unique_ptr<Session>> session = bench.Connect(Watched(view));
  if (!session.ok()) return bench.Missing(session.status());
  const size_t before = view->alerts;
  RawPeer& peer = (*session)->peer();
  peer.CloseDtls();
  bench.Wait([&] { return view->alerts > before; });
  return view->alerts > before ? Holds() : Fails("no close_notify came back");
}

ByteBuffer Record(uint8_t type, uint16_t epoch, uint64_t sequence, ByteSpan body) {
  ByteBuffer record;
  ByteWriter writer(record);
  writer.WriteU8(type);
  writer.WriteU16(kDtls12);
  writer.WriteU64((uint64_t{epoch} << 48) | sequence);
  writer.WriteU16(static_cast<uint16_t>(body.size()));
  writer.WriteBytes(body);
  return record;
}

Outcome ForgedRecords(Bench& bench) {
  Session& session = bench.session();
  for (uint8_t type = 20; type <= 24; ++type) {
    for (uint16_t epoch = 0; epoch <= 2; ++epoch) {
      session.peer().SendDatagramRaw(Record(type, epoch, 1000, Pattern(64, type)));
    }
  }
  // In the clear, a fatal alert that nobody authenticated.
  const uint8_t fatal[] = {2, 40};
  session.peer().SendDatagramRaw(Record(kAlertRecord, 0, 1001, ByteSpan(fatal, 2)));
  return OutcomeOf(session.CheckAlive());
}

Outcome BrokenRecords(Bench& bench) {
  Session& session = bench.session();
  const ByteBuffer whole = Record(23, 1, 2000, Pattern(64));
  for (const size_t size : {1U, 2U, 12U, 13U, 14U, 40U}) {
    session.peer().SendDatagramRaw(whole.span().First(size));
    const Status alive = session.CheckAlive();
    if (!alive.ok()) {
      return Fails(alive.message() + ", after " + std::to_string(size) + " bytes of a record");
    }
  }
  return Holds();
}

Outcome ReplayedRecords(Bench& bench) {
  const auto records = std::make_shared<std::vector<ByteBuffer>>();
  Plan plan;
  plan.prepare = [records](RawPeer& peer) {
    peer.taps().datagram_out = [records](ByteSpan datagram) {
      if (records->size() < 64) records->push_back(ByteBuffer::CopyOf(datagram));
      return true;
    };
  };
  Result<std::unique_ptr<Session>> session = bench.Connect(plan);
  if (!session.ok()) return bench.Missing(session.status());
  for (const ByteBuffer& record : *records) (*session)->peer().SendDatagramRaw(record);
  return OutcomeOf((*session)->CheckAlive());
}

}  // namespace

std::vector<Case> DtlsCases() {
  const auto any = ForRole::kAny;
  const auto both = ForTunnel::kAny;
  const auto nothing = Need::kNothing;
  const auto session = Need::kSession;
  const auto plain = Manner::kOrdinary;
  const auto rude = Manner::kRude;
  return {
      {"dtls/as-client", "RFC 8842 5.2", "the peer as DTLS client", any, both, nothing, plain,
       AsClient},
      {"dtls/as-server", "RFC 8842 5.2", "the peer as DTLS server", any, both, nothing, plain,
       AsServer},
      {"dtls/version", "RFC 8827 6.5", "DTLS 1.2 is negotiated", any, both, nothing, plain,
       Version},
      {"dtls/certificate-request", "RFC 8827 6.5", "the server asks for our certificate", any, both,
       nothing, plain, AsksForCertificate},
      {"dtls/use-srtp", "RFC 5764 4.1", "a use_srtp in our hello does no harm", any, both, nothing,
       plain, UseSrtp},
      {"dtls/lost-to-client", "RFC 6347 4.2.4",
       "the handshake survives lost flights (peer: client)", any, both, nothing, plain,
       LostAsClient},
      {"dtls/lost-to-server", "RFC 6347 4.2.4",
       "the handshake survives lost flights (peer: server)", any, both, nothing, plain,
       LostAsServer},
      {"dtls/close-notify", "RFC 5246 7.2.1", "our close_notify is answered", any, both, nothing,
       plain, CloseNotify},
      {"dtls/forged", "RFC 6347 4.1.2.7", "records that nobody authenticated are dropped", any,
       both, session, rude, ForgedRecords},
      {"dtls/broken", "RFC 6347 4.1.2.7", "cut records are dropped", any, both, session, rude,
       BrokenRecords},
      {"dtls/replayed", "RFC 6347 4.1.2.6", "replayed datagrams are dropped", any, both, nothing,
       rude, ReplayedRecords},
      {"dtls/wrong-fingerprint-1", "RFC 8122 6.2", "a wrong fingerprint is refused (peer: client)",
       any, both, nothing, rude, WrongFingerprintOfServer},
      {"dtls/wrong-fingerprint-2", "RFC 8122 6.2", "a wrong fingerprint is refused (peer: server)",
       any, both, nothing, rude, WrongFingerprintOfClient},
  };
}

}  // namespace ming::conformance
