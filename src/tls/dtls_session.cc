#include "ming/tls/dtls_session.h"

#include <glog/logging.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/tls/cipher_order.h"
#include "ming/tls/dtls_records.h"
#include "ming/tls/gnutls_status.h"

namespace ming::tls {
namespace {

// Pion refuses a handshake in which its offer of use_srtp is not answered.
constexpr char kSrtpProfile[] = "SRTP_AES128_CM_HMAC_SHA1_80";

// Of all sessions, which would hold 8 KB each otherwise. The processor stays the same.
gnutls_priority_t Priority() {
  static const gnutls_priority_t kPriority = [] {
    gnutls_priority_t priority = nullptr;
    const char* wrong = nullptr;
    CHECK_EQ(gnutls_priority_init(&priority, DtlsPriority(DetectCpuFeatures()).c_str(), &wrong), 0)
        << wrong;
    return priority;
  }();
  return kPriority;
}

constexpr unsigned int kMaxDatagram = 16384;
constexpr size_t kMaxFingerprints = 16;
// GnuTLS's own clock and ours may round apart; never turn faster than this.
constexpr Duration kMinWait = std::chrono::milliseconds(5);
// Calls of the handshake for one datagram; more means that it does not get on.
constexpr int kMaxSteps = 64;
// Records of one datagram: 65507 bytes in pieces of a header each.
constexpr int kMaxRecords = 5040;

unsigned int Milliseconds(Duration duration) {
  return base::CheckedCast<unsigned int>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

void CheckOptions(const DtlsOptions& options) {
  CHECK(options.certificate != nullptr);
  CHECK(!options.peer_fingerprints.empty());
  CHECK_LE(options.peer_fingerprints.size(), kMaxFingerprints);
  CHECK(options.handshake_mtu >= 256 && options.handshake_mtu <= kMaxDatagram);
  CHECK(options.retransmit_after > Duration(0));
  CHECK(options.handshake_limit > options.retransmit_after);
}

}  // namespace

// The GnuTLS session with its transport functions. It calls out to the sink only.
struct DtlsSession::Engine {
  Engine(const DtlsOptions& engine_options, DatagramSink& datagram_sink)
      : options(engine_options), sink(datagram_sink) {
    const unsigned int role = options.role == DtlsRole::kClient ? GNUTLS_CLIENT : GNUTLS_SERVER;
    CHECK_EQ(gnutls_init(&session, role | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS),
             0);
    gnutls_session_set_ptr(session, this);
    CHECK_EQ(gnutls_priority_set(session, Priority()), 0);
    CHECK_EQ(gnutls_srtp_set_profile_direct(session, kSrtpProfile, nullptr), 0);
    CHECK_EQ(
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, options.certificate->credentials()),
        0);
    gnutls_session_set_verify_function(session, &Engine::Verify);
    if (options.role == DtlsRole::kServer) {
      gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    }
    gnutls_dtls_set_mtu(session, base::CheckedCast<unsigned int>(options.handshake_mtu));
    gnutls_dtls_set_timeouts(session, Milliseconds(options.retransmit_after),
                             Milliseconds(options.handshake_limit));
    gnutls_transport_set_ptr(session, this);
    gnutls_transport_set_vec_push_function(session, &Engine::Push);
    gnutls_transport_set_pull_function(session, &Engine::Pull);
    gnutls_transport_set_pull_timeout_function(session, &Engine::PullTimeout);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { gnutls_deinit(session); }

  // The pieces of one call make one datagram: GnuTLS puts as much of a flight into it as the MTU
  // allows.
  static ssize_t Push(gnutls_transport_ptr_t self, const giovec_t* pieces, int count) noexcept {
    auto& engine = *static_cast<Engine*>(self);
    if (count == 1) {
      engine.sink.SendDatagram(
          {static_cast<const uint8_t*>(pieces[0].iov_base), pieces[0].iov_len});
      return static_cast<ssize_t>(pieces[0].iov_len);
    }
    engine.joined.Clear();
    for (int i = 0; i < count; ++i) {
      engine.joined.Append(
          ByteSpan(static_cast<const uint8_t*>(pieces[i].iov_base), pieces[i].iov_len));
    }
    engine.sink.SendDatagram(engine.joined);
    return static_cast<ssize_t>(engine.joined.size());
  }

  // The current datagram, once.
  static ssize_t Pull(gnutls_transport_ptr_t self, void* out, size_t room) noexcept {
    auto& engine = *static_cast<Engine*>(self);
    if (!engine.inbound) {
      gnutls_transport_set_errno(engine.session, EAGAIN);
      return -1;
    }
    const ByteSpan datagram = std::exchange(engine.inbound, std::nullopt)->First(room);
    std::copy(datagram.begin(), datagram.end(), static_cast<uint8_t*>(out));
    return static_cast<ssize_t>(datagram.size());
  }

  static int PullTimeout(gnutls_transport_ptr_t self, unsigned int /*milliseconds*/) noexcept {
    return static_cast<Engine*>(self)->inbound ? 1 : 0;
  }

  static int Verify(gnutls_session_t session) noexcept {
    auto& engine = *static_cast<Engine*>(gnutls_session_get_ptr(session));
    unsigned int count = 0;
    const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
    if (chain == nullptr || count == 0) return GNUTLS_E_CERTIFICATE_ERROR;
    const Fingerprint shown(Sha256::Of({chain[0].data, chain[0].size}));
    const auto& expected = engine.options.peer_fingerprints;
    if (std::find(expected.begin(), expected.end(), shown) == expected.end()) {
      engine.mismatch = shown;
      return GNUTLS_E_CERTIFICATE_ERROR;
    }
    return 0;
  }

  // Best effort: where it gets lost the peer finds out by its timers.
  void SendAlert(int failure) {
    if (failure == GNUTLS_E_FATAL_ALERT_RECEIVED) return;
    (void)gnutls_alert_send_appropriate(session, failure);
  }

  const DtlsOptions& options;
  DatagramSink& sink;
  gnutls_session_t session = nullptr;
  std::optional<ByteSpan> inbound;      // the datagram being handled, until it is pulled
  ByteBuffer joined;                    // scratch of Push
  std::optional<Fingerprint> mismatch;  // what the peer showed instead
};

DtlsSession::DtlsSession(const DtlsOptions& options, Observer& observer, DatagramSink& sink)
    : options_(options), observer_(observer) {
  CheckOptions(options_);
  engine_ = std::make_unique<Engine>(options_, sink);
}

DtlsSession::~DtlsSession() = default;

void DtlsSession::Start(Timestamp now) {
  CHECK(state_ == State::kIdle) << "Start once";
  state_ = State::kHandshaking;
  handshake_deadline_ = now + options_.handshake_limit;
  if (options_.role == DtlsRole::kClient) ContinueHandshake();
  UpdateTimeout(now);
}

void DtlsSession::HandleDatagram(Timestamp now, ByteSpan datagram) {
  if (state_ == State::kClosed) {
    ReportEnd();
    return;
  }
  if (state_ == State::kIdle || !IsRowOfRecords(datagram)) {
    ++dropped_;
    return;
  }
  engine_->inbound = datagram;
  if (state_ == State::kHandshaking) {
    handshake_bytes_ += datagram.size();
    if (handshake_bytes_ > options_.max_handshake_bytes) {
      Finish({StatusCode::kResourceExhausted, "dtls: the peer sends a handshake without end"});
    } else {
      ContinueHandshake();
    }
  } else {
    DrainRecords();
  }
  engine_->inbound.reset();
  UpdateTimeout(now);
}

void DtlsSession::HandleTimeout(Timestamp now) {
  if (state_ == State::kClosed) {
    ReportEnd();
  } else if (state_ == State::kHandshaking && now >= handshake_deadline_) {
    Finish({StatusCode::kTimeout, "dtls: the peer did not complete the handshake"});
  } else if (state_ == State::kHandshaking && now >= next_timeout_) {
    ContinueHandshake();  // sends the last flight again where GnuTLS finds it due
  }
  UpdateTimeout(now);
}

Status DtlsSession::Send(ByteSpan record) {
  if (state_ == State::kClosed) return {StatusCode::kClosed, "dtls: the session has ended"};
  if (state_ != State::kConnected) {
    return {StatusCode::kUnavailable, "dtls: the handshake is not done"};
  }
  if (record.empty() || record.size() > kMaxRecord) {
    return {StatusCode::kInvalidArgument, "dtls: a record holds 1 to 16347 bytes"};
  }
  const ssize_t sent = gnutls_record_send(engine_->session, record.data(), record.size());
  if (sent >= 0) return Status::Ok();
  Status why = GnutlsStatus(StatusCode::kInternal, "dtls: send", static_cast<int>(sent));
  // The caller may stand inside a callback of ours or of another layer: the event waits.
  state_ = State::kClosed;
  end_ = why;
  next_timeout_ = Timestamp();
  return why;
}

void DtlsSession::Close() {
  if (state_ == State::kConnected) {
    // A datagram may get lost anyway, so a failure changes nothing.
    (void)gnutls_bye(engine_->session, GNUTLS_SHUT_WR);
  }
  state_ = State::kClosed;
  end_.reset();
  next_timeout_ = Timestamp::Max();
}

void DtlsSession::ContinueHandshake() {
  for (int step = 0; step < kMaxSteps; ++step) {
    const int code = gnutls_handshake(engine_->session);
    if (code == GNUTLS_E_SUCCESS) {
      state_ = State::kConnected;
      gnutls_dtls_set_mtu(engine_->session, kMaxDatagram);
      VLOG(1) << "dtls: connected";
      observer_.OnDtlsConnected();
      // The rest of the datagram, if any.
      if (state_ == State::kConnected) DrainRecords();
      return;
    }
    if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) return;
    if (gnutls_error_is_fatal(code) != 0) {
      FailHandshake(code);
      return;
    }
  }
}

void DtlsSession::FailHandshake(int engine_code) {
  engine_->SendAlert(engine_code);
  if (engine_->mismatch) {
    Finish({StatusCode::kPermissionDenied,
            "dtls: handshake: the peer's certificate is not the one that was signaled: " +
                engine_->mismatch->ToString()});
    return;
  }
  Finish(SessionFailure(engine_->session, "dtls: handshake", engine_code));
}

void DtlsSession::DrainRecords() {
  // Behind the only record of a datagram the engine would look in vain for another.
  const bool alone = engine_->inbound && IsOneRecord(*engine_->inbound);
  bool fruitful = false;
  for (int step = 0; step < kMaxRecords && state_ == State::kConnected; ++step) {
    gnutls_packet_t packet = nullptr;
    const ssize_t size = gnutls_record_recv_packet(engine_->session, &packet);
    const int code = static_cast<int>(std::min<ssize_t>(size, 0));
    if (size > 0) {
      fruitful = true;
      gnutls_datum_t content{};
      gnutls_packet_get(packet, &content, nullptr);
      observer_.OnDtlsRecord({content.data, content.size});
      gnutls_packet_deinit(packet);
      if (alone && !engine_->inbound) break;
    } else if (size == 0 && packet != nullptr) {
      gnutls_packet_deinit(packet);  // an empty record
    } else if (size == 0) {
      (void)gnutls_bye(engine_->session, GNUTLS_SHUT_WR);  // the answer; nobody waits for it
      Finish(Status::Ok());
    } else if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
      break;
    } else if (code == GNUTLS_E_REHANDSHAKE) {
      (void)gnutls_alert_send(engine_->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    } else if (gnutls_error_is_fatal(code) != 0) {
      engine_->SendAlert(code);
      Finish(SessionFailure(engine_->session, "dtls", code));
    }
  }
  if (!fruitful && state_ == State::kConnected) ++dropped_;
}

void DtlsSession::UpdateTimeout(Timestamp now) {
  if (state_ != State::kHandshaking) {
    next_timeout_ = state_ == State::kClosed && end_ ? Timestamp() : Timestamp::Max();
    return;
  }
  next_timeout_ = handshake_deadline_;
  // A server that has heard nothing has nothing to send again.
  if (options_.role == DtlsRole::kServer && handshake_bytes_ == 0) return;
  const Duration wait = std::chrono::milliseconds(gnutls_dtls_get_timeout(engine_->session));
  next_timeout_ = std::min(next_timeout_, now + std::max(wait, kMinWait));
}

void DtlsSession::Finish(Status why) {
  state_ = State::kClosed;
  end_ = std::move(why);
  ReportEnd();
}

void DtlsSession::ReportEnd() {
  if (!end_) return;
  const Status why = *std::exchange(end_, std::nullopt);
  observer_.OnDtlsClosed(why);
}

}  // namespace ming::tls
