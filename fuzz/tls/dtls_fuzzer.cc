// DtlsSession under a hostile path. The first byte picks how far two sessions get before the rest,
// a row of steps, meddles with what passes between them: raw datagrams, damaged, lost, repeated and
// late ones, timeouts, sending and closing.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "ming/base/byte_io.h"
#include "ming/tls/dtls_session.h"

#include "../support/input.h"
#include "../support/outbox.h"

namespace ming::tls {
namespace {

class End final : public DtlsSession::Observer, public DatagramSink {
 public:
  End(DtlsRole role, const Certificate& own, const Certificate& other) {
    DtlsOptions options;
    options.role = role;
    options.certificate = &own;
    options.peer_fingerprints = {other.fingerprint()};
    options.handshake_mtu = 400;
    session_ = std::make_unique<DtlsSession>(options, *this, *this);
  }

  void OnDtlsConnected() override { CHECK(!std::exchange(connected_, true)); }
  void OnDtlsRecord(ByteSpan record) override {
    CHECK(connected_ && !closed_);
    CHECK(!record.empty());
  }
  void OnDtlsClosed(const Status& /*why*/) override {
    CHECK(!std::exchange(closed_, true)) << "two terminal events";
  }
  void SendDatagram(ByteSpan datagram) override {
    CHECK_LE(datagram.size(), connected_ ? size_t{16384} : size_t{400});
    outbox_.Add(datagram);
  }

  DtlsSession& session() { return *session_; }
  std::optional<ByteBuffer> TakeDatagram() { return outbox_.Take(); }

 private:
  static constexpr size_t kMaxOutbox = 100;

  fuzz::Outbox outbox_{kMaxOutbox};
  bool connected_ = false;
  bool closed_ = false;
  std::unique_ptr<DtlsSession> session_;
};

class Driver {
 public:
  Driver(ByteSpan input, const Certificate& first, const Certificate& second)
      : input_(input),
        client_(DtlsRole::kClient, first, second),
        server_(DtlsRole::kServer, second, first) {}

  void Run() {
    const size_t genuine = input_.ReadU8().value_or(0) % 32;
    client_.session().Start(now_);
    server_.session().Start(now_);
    for (size_t i = 0; i < genuine; ++i) {
      Pass(client_, server_, 0);
      Pass(server_, client_, 0);
    }
    while (const auto step = input_.ReadU8()) {
      End& from = (*step & 1) != 0 ? client_ : server_;
      Step(static_cast<uint8_t>(*step >> 1), from, (*step & 1) != 0 ? server_ : client_);
    }
  }

 private:
  // The next datagram, with one byte changed by `flip`.
  void Pass(End& from, End& to, uint8_t flip) {
    std::optional<ByteBuffer> datagram = from.TakeDatagram();
    if (!datagram) return;
    if (flip != 0) {
      fuzz::Damage(input_, flip, *datagram);
    }
    to.session().HandleDatagram(now_, *datagram);
    last_ = std::move(*datagram);
  }

  void Step(uint8_t step, End& from, End& to) {
    switch (step % 8) {
      case 0:
        Pass(from, to, 0);
        break;
      case 1:
        Pass(from, to, input_.ReadU8().value_or(1));
        break;
      case 2:
        (void)from.TakeDatagram();
        break;
      case 3:
        to.session().HandleDatagram(now_, last_);
        break;
      case 4:
        to.session().HandleDatagram(now_, fuzz::TakeCounted(input_));
        break;
      case 5:
        now_ = now_ + std::chrono::milliseconds(100) * input_.ReadU8().value_or(0);
        to.session().HandleTimeout(now_);
        break;
      case 6:
        (void)from.session().Send(fuzz::TakeCounted(input_));  // any failure is fine
        break;
      case 7:
        if (input_.ReadU8().value_or(0) == 255) from.session().Close();
        break;
    }
  }

  ByteReader input_;
  Timestamp now_{std::chrono::hours(1)};
  End client_;
  End server_;
  ByteBuffer last_;
};

}  // namespace
}  // namespace ming::tls

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ming::tls::Certificate;
  static const std::shared_ptr<const Certificate> kFirst = *Certificate::SelfSigned("first");
  static const std::shared_ptr<const Certificate> kSecond = *Certificate::SelfSigned("second");
  ming::tls::Driver({data, size}, *kFirst, *kSecond).Run();
  return 0;
}
