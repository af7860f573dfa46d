#include "ming/tls/tls_session.h"

#include <glog/logging.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/base/ip_address.h"
#include "ming/tls/gnutls_status.h"
#include "ming/tls/peer_name.h"

namespace ming::tls {
namespace {

constexpr char kPriority[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";
// The most that one record holds.
constexpr size_t kMaxRecord = 16384;
// Handshake messages and alerts read in one go before the stream below gets a rest.
constexpr int kMaxSteps = 64;

enum class Phase { kHandshaking, kConnected, kFailed };

bool WantsMore(int code) { return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED; }

Status HandshakeFailure(gnutls_session_t session, int code) {
  if (code != GNUTLS_E_PREMATURE_TERMINATION) {
    return SessionFailure(session, "tls: handshake", code);
  }
  return {StatusCode::kUnavailable,
          "tls: handshake: the other end closed the connection (does it speak TLS?)"};
}

}  // namespace

// Everything; the handshake, both directions and their ends go through one GnuTLS session.
class TlsSession::Impl final : private link::ByteStream::Observer {
 public:
  Impl(unsigned int role, link::TimerService& timers, std::unique_ptr<link::ByteStream> lower,
       std::shared_ptr<const Certificate> certificate)
      : timers_(timers), lower_(std::move(lower)), certificate_(std::move(certificate)) {
    CHECK_EQ(gnutls_init(&session_, role | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL),
             0);
    gnutls_session_set_ptr(session_, this);
    const char* wrong = nullptr;
    CHECK_EQ(gnutls_priority_set_direct(session_, kPriority, &wrong), 0) << wrong;
    gnutls_transport_set_ptr(session_, this);
    gnutls_transport_set_push_function(session_, &Impl::Push);
    gnutls_transport_set_pull_function(session_, &Impl::Pull);
    wake_ = timers_.CreateAlarm([this] { OnWake(); });
    deadline_ = timers_.CreateAlarm([this] {
      Fail({StatusCode::kTimeout, "tls: the peer did not complete the handshake"});
      Report();
    });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override {
    if (packet_ != nullptr) gnutls_packet_deinit(packet_);
    gnutls_deinit(session_);
    if (no_certificate_ != nullptr) gnutls_certificate_free_credentials(no_certificate_);
  }

  void ConfigureClient(const TlsClientOptions& options) {
    CHECK(options.trust != nullptr);
    trust_ = options.trust;
    server_name_ = options.server_name;
    // A literal address is never sent as a name (RFC 6066, section 3).
    if (!server_name_.empty() && !IpAddress::Parse(server_name_)) {
      CHECK_EQ(gnutls_server_name_set(session_, GNUTLS_NAME_DNS, server_name_.data(),
                                      server_name_.size()),
               0);
    }
    gnutls_session_set_verify_function(session_, &Impl::Verify);
    if (certificate_ == nullptr) {
      CHECK_EQ(gnutls_certificate_allocate_credentials(&no_certificate_), 0);
    }
    SetCredentials();
    SetAlpn(options.alpn, 0);
  }
  void ConfigureServer(const TlsServerOptions& options) {
    CHECK(certificate_ != nullptr);
    SetCredentials();
    SetAlpn(options.alpn, GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
    trust_ = options.client_trust;
    if (trust_ != nullptr) gnutls_certificate_server_set_request(session_, GNUTLS_CERT_REQUEST);
  }
  // The first step runs from the loop: nothing is reported inside a constructor.
  void Start(Duration handshake_limit) {
    lower_->SetObserver(this);
    deadline_->ArmAt(timers_.Now() + handshake_limit);
    start_ = timers_.CreateAlarm([this] { ContinueHandshake(); });
    start_->ArmAt(timers_.Now());
  }

  // What came while nobody listened follows from the loop.
  void SetObserver(link::ByteStream::Observer* observer) {
    observer_ = observer;
    if (observer_ != nullptr && phase_ != Phase::kHandshaking) wake_->ArmAt(timers_.Now());
  }
  bool connected() const { return phase_ == Phase::kConnected; }
  std::optional<std::string> alpn() const;
  Result<std::string> client_name() const;

  link::ReadChunk Peek(size_t max);
  void Consume(size_t count);
  size_t WritableBytes();
  size_t Write(ByteSpan bytes);
  void CloseWrite();
  bool IsFlushed();
  void Reset(const Status& why);

 private:
  void OnReadable() override;
  void OnWritable() override;
  void OnStreamError(const Status& why) override;

  static ssize_t Push(gnutls_transport_ptr_t self, const void* data, size_t size) noexcept;
  static ssize_t Pull(gnutls_transport_ptr_t self, void* out, size_t room) noexcept;
  static int Verify(gnutls_session_t session) noexcept;

  void SetCredentials();
  void SetAlpn(const std::vector<std::string>& protocols, unsigned int flags);
  void ContinueHandshake();
  void OnWake();
  void TellReadable();
  void TellWritable();
  bool Fetch();
  void SendAlert(int failure);
  void SendGoodbye();
  bool FlushOut();
  void Fail(Status why);
  void Report();

  link::TimerService& timers_;
  std::unique_ptr<link::ByteStream> lower_;
  std::shared_ptr<const Certificate> certificate_;
  std::shared_ptr<const TlsTrust> trust_;
  std::string server_name_;
  gnutls_certificate_credentials_t no_certificate_ = nullptr;
  gnutls_session_t session_ = nullptr;
  link::ByteStream::Observer* observer_ = nullptr;
  std::unique_ptr<link::Alarm> start_;
  std::unique_ptr<link::Alarm> deadline_;
  std::unique_ptr<link::Alarm> wake_;

  Phase phase_ = Phase::kHandshaking;
  Status refusal_;                 // why Verify refused the server
  std::optional<Status> failure_;  // the terminal event, until it is reported

  gnutls_packet_t packet_ = nullptr;  // the record being read, and what of it is left
  ByteSpan plain_;
  ByteBuffer out_;        // records that the stream below did not take yet
  bool starved_ = false;  // the stream below had nothing: it will say when it has
  bool read_ended_ = false;
  bool write_closed_ = false;
  bool goodbye_sent_ = false;
  bool lower_closed_ = false;
  bool want_readable_ = false;
  bool want_writable_ = false;
};

void TlsSession::Impl::SetCredentials() {
  CHECK_EQ(gnutls_credentials_set(
               session_, GNUTLS_CRD_CERTIFICATE,
               certificate_ == nullptr ? no_certificate_ : certificate_->credentials()),
           0);
}

void TlsSession::Impl::SetAlpn(const std::vector<std::string>& protocols, unsigned int flags) {
  if (protocols.empty()) return;
  std::vector<gnutls_datum_t> names;
  for (const std::string& protocol : protocols) {
    const ByteSpan bytes{std::string_view{protocol}};
    names.push_back({const_cast<uint8_t*>(bytes.data()),  // read only
                     base::CheckedCast<unsigned int>(bytes.size())});
  }
  CHECK_EQ(gnutls_alpn_set_protocols(session_, names.data(),
                                     base::CheckedCast<unsigned int>(names.size()), flags),
           0);
}

std::optional<std::string> TlsSession::Impl::alpn() const {
  gnutls_datum_t chosen{};
  if (phase_ != Phase::kConnected || gnutls_alpn_get_selected_protocol(session_, &chosen) != 0) {
    return std::nullopt;
  }
  return std::string(reinterpret_cast<const char*>(chosen.data), chosen.size);
}

Result<std::string> TlsSession::Impl::client_name() const {
  if (phase_ != Phase::kConnected || trust_ == nullptr) {
    return Status(StatusCode::kPermissionDenied, "tls: the client was not asked who it is");
  }
  if (Status trusted = trust_->VerifyClient(session_); !trusted.ok()) return trusted;
  return NameOfPeer(session_);
}

// Takes everything: what the stream below has no room for waits in out_, which is bounded because
// no record is made while it holds anything.
ssize_t TlsSession::Impl::Push(gnutls_transport_ptr_t self, const void* data,
                               size_t size) noexcept {
  auto& impl = *static_cast<Impl*>(self);
  const ByteSpan bytes(static_cast<const uint8_t*>(data), size);
  const size_t taken = impl.out_.empty() ? impl.lower_->Write(bytes) : 0;
  impl.out_.Append(bytes.Skip(taken));
  return static_cast<ssize_t>(size);
}

ssize_t TlsSession::Impl::Pull(gnutls_transport_ptr_t self, void* out, size_t room) noexcept {
  auto& impl = *static_cast<Impl*>(self);
  const link::ReadChunk chunk = impl.lower_->Peek(room);
  switch (chunk.state) {
    case link::ReadState::kData: {
      const ByteSpan bytes = chunk.bytes.First(room);
      std::copy(bytes.begin(), bytes.end(), static_cast<uint8_t*>(out));
      impl.lower_->Consume(bytes.size());
      return static_cast<ssize_t>(bytes.size());
    }
    case link::ReadState::kEnd:
      return 0;
    case link::ReadState::kWouldBlock:
      break;
  }
  impl.starved_ = true;
  gnutls_transport_set_errno(impl.session_, EAGAIN);
  return -1;
}

int TlsSession::Impl::Verify(gnutls_session_t session) noexcept {
  auto& impl = *static_cast<Impl*>(gnutls_session_get_ptr(session));
  impl.refusal_ = impl.trust_->Verify(session, impl.server_name_);
  return impl.refusal_.ok() ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

void TlsSession::Impl::ContinueHandshake() {
  for (int step = 0; step < kMaxSteps && phase_ == Phase::kHandshaking; ++step) {
    starved_ = false;
    const int code = gnutls_handshake(session_);
    if (code == GNUTLS_E_SUCCESS) {
      phase_ = Phase::kConnected;
      deadline_->Cancel();
      if (write_closed_) SendGoodbye();
      OnWake();
      return;
    }
    if (WantsMore(code) && starved_) return;
    if (gnutls_error_is_fatal(code) == 0) continue;
    SendAlert(code);
    Fail(!refusal_.ok() ? refusal_ : HandshakeFailure(session_, code));
    Report();
    return;
  }
  if (phase_ == Phase::kHandshaking) start_->ArmAt(timers_.Now());
}

// Best effort: the stream may be broken already.
void TlsSession::Impl::SendAlert(int failure) {
  if (failure == GNUTLS_E_FATAL_ALERT_RECEIVED) return;
  (void)gnutls_alert_send_appropriate(session_, failure);
}

// Reads the next record that holds something; false: there is none now. GnuTLS asks to be called
// again also behind a message that was for itself (a session ticket), with more bytes below.
bool TlsSession::Impl::Fetch() {
  if (!plain_.empty() || read_ended_) return true;
  for (int step = 0; step < kMaxSteps && phase_ == Phase::kConnected; ++step) {
    starved_ = false;
    const ssize_t size = gnutls_record_recv_packet(session_, &packet_);
    const int code = static_cast<int>(std::min<ssize_t>(size, 0));
    if (size > 0) {
      gnutls_datum_t content{};
      gnutls_packet_get(packet_, &content, nullptr);
      plain_ = {content.data, content.size};
      return true;
    }
    if (packet_ != nullptr) {
      gnutls_packet_deinit(std::exchange(packet_, nullptr));  // an empty record
    } else if (size == 0) {
      read_ended_ = true;
      return true;
    } else if (WantsMore(code)) {
      if (starved_) return false;
    } else if (code == GNUTLS_E_REHANDSHAKE) {
      (void)gnutls_alert_send(session_, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    } else if (code == GNUTLS_E_PREMATURE_TERMINATION) {
      Fail({StatusCode::kProtocolViolation,
            "tls: the stream ended without the peer's goodbye: data may be missing"});
    } else if (gnutls_error_is_fatal(code) != 0) {
      SendAlert(code);
      Fail(SessionFailure(session_, "tls", code));
    }
  }
  if (phase_ == Phase::kConnected) wake_->ArmAt(timers_.Now());
  return false;
}

link::ReadChunk TlsSession::Impl::Peek(size_t max) {
  if (phase_ == Phase::kConnected && Fetch()) {
    if (!plain_.empty()) return {link::ReadState::kData, plain_.First(max)};
    return {link::ReadState::kEnd, {}};
  }
  want_readable_ = phase_ != Phase::kFailed;
  return {};
}

void TlsSession::Impl::Consume(size_t count) {
  DCHECK_LE(count, plain_.size());
  plain_ = plain_.Skip(count);
  if (plain_.empty() && packet_ != nullptr) {
    gnutls_packet_deinit(std::exchange(packet_, nullptr));
  }
}

size_t TlsSession::Impl::WritableBytes() {
  if (phase_ == Phase::kConnected && !write_closed_ && out_.empty()) {
    const size_t room = lower_->WritableBytes();
    if (room > 0) return room;
  }
  want_writable_ = true;
  return 0;
}

size_t TlsSession::Impl::Write(ByteSpan bytes) {
  if (write_closed_ || phase_ == Phase::kFailed) return 0;
  size_t taken = 0;
  while (phase_ == Phase::kConnected && out_.empty() && taken < bytes.size()) {
    const ByteSpan record = bytes.Skip(taken).First(kMaxRecord);
    const ssize_t sent = gnutls_record_send(session_, record.data(), record.size());
    if (sent <= 0) {
      Fail(GnutlsStatus(StatusCode::kInternal, "tls: send", static_cast<int>(sent)));
      return taken;
    }
    taken += static_cast<size_t>(sent);
  }
  if (taken < bytes.size()) want_writable_ = true;
  return taken;
}

void TlsSession::Impl::CloseWrite() {
  if (std::exchange(write_closed_, true)) return;
  if (phase_ == Phase::kConnected) SendGoodbye();
}

bool TlsSession::Impl::IsFlushed() {
  const bool flushed = phase_ == Phase::kFailed || (phase_ == Phase::kConnected && out_.empty());
  if (!flushed) want_writable_ = true;
  return flushed;
}

void TlsSession::Impl::SendGoodbye() {
  if (std::exchange(goodbye_sent_, true)) return;
  (void)gnutls_bye(session_, GNUTLS_SHUT_WR);  // pushes into out_ at worst: cannot block
  (void)FlushOut();
}

void TlsSession::Impl::Reset(const Status& why) {
  observer_ = nullptr;
  phase_ = Phase::kFailed;
  failure_.reset();
  deadline_->Cancel();
  wake_->Cancel();
  start_->Cancel();
  lower_->Reset(why);
}

void TlsSession::Impl::OnReadable() {
  if (phase_ == Phase::kHandshaking) {
    ContinueHandshake();
  } else {
    TellReadable();
  }
}

void TlsSession::Impl::TellReadable() {
  if (phase_ != Phase::kConnected || !want_readable_ || observer_ == nullptr) return;
  const bool something = Fetch();  // a part of a record is nothing yet
  if (phase_ == Phase::kFailed) {
    Report();
  } else if (something) {
    want_readable_ = false;
    observer_->OnReadable();
  }
}

void TlsSession::Impl::TellWritable() {
  if (phase_ != Phase::kConnected || observer_ == nullptr) return;
  if (out_.empty() && std::exchange(want_writable_, false)) observer_->OnWritable();
}

void TlsSession::Impl::OnWake() {
  Report();
  TellReadable();
  TellWritable();
}

// True: the stream below took everything.
bool TlsSession::Impl::FlushOut() {
  if (!out_.empty()) out_.RemovePrefix(lower_->Write(out_));
  if (!out_.empty()) return false;
  if (goodbye_sent_ && !std::exchange(lower_closed_, true)) lower_->CloseWrite();
  return true;
}

void TlsSession::Impl::OnWritable() {
  if (phase_ == Phase::kFailed || !FlushOut()) return;
  TellWritable();
}

void TlsSession::Impl::OnStreamError(const Status& why) {
  if (phase_ == Phase::kFailed || (read_ended_ && lower_closed_)) return;
  Fail(why);
  Report();
}

// The event follows from the loop, at once where the caller goes on to Report().
void TlsSession::Impl::Fail(Status why) {
  if (phase_ == Phase::kFailed) return;
  phase_ = Phase::kFailed;
  deadline_->Cancel();
  (void)FlushOut();  // the alert, where there is room
  failure_ = std::move(why);
  wake_->ArmAt(timers_.Now());
}

void TlsSession::Impl::Report() {
  if (!failure_ || observer_ == nullptr) return;
  const Status why = *std::exchange(failure_, std::nullopt);
  observer_->OnStreamError(why);
}

TlsSession::TlsSession(const TlsClientOptions& options, link::TimerService& timers,
                       std::unique_ptr<link::ByteStream> lower)
    : impl_(std::make_unique<Impl>(GNUTLS_CLIENT, timers, std::move(lower), options.certificate)) {
  impl_->ConfigureClient(options);
  impl_->Start(options.handshake_limit);
}

TlsSession::TlsSession(const TlsServerOptions& options, link::TimerService& timers,
                       std::unique_ptr<link::ByteStream> lower)
    : impl_(std::make_unique<Impl>(GNUTLS_SERVER, timers, std::move(lower), options.certificate)) {
  impl_->ConfigureServer(options);
  impl_->Start(options.handshake_limit);
}

TlsSession::~TlsSession() = default;

void TlsSession::SetObserver(link::ByteStream::Observer* observer) { impl_->SetObserver(observer); }
link::ReadChunk TlsSession::Peek(size_t max) { return impl_->Peek(max); }
void TlsSession::Consume(size_t count) { impl_->Consume(count); }
size_t TlsSession::WritableBytes() { return impl_->WritableBytes(); }
size_t TlsSession::Write(ByteSpan bytes) { return impl_->Write(bytes); }
void TlsSession::CloseWrite() { impl_->CloseWrite(); }
bool TlsSession::IsFlushed() { return impl_->IsFlushed(); }
void TlsSession::Reset(const Status& why) { impl_->Reset(why); }
Result<std::string> TlsSession::client_name() const { return impl_->client_name(); }
bool TlsSession::connected() const { return impl_->connected(); }
std::optional<std::string> TlsSession::alpn() const { return impl_->alpn(); }

}  // namespace ming::tls
