// DtlsSession: one DTLS 1.2 session (RFC 6347) of a data channel, over datagrams in memory. It owns
// the handshake with its retransmissions, the check of the peer's certificate against the signaled
// fingerprint, and the protection of records. Sockets, timers and what is inside records are left
// to others.
#ifndef MING_TLS_DTLS_SESSION_H_
#define MING_TLS_DTLS_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/tls/certificate.h"
#include "ming/tls/fingerprint.h"

namespace ming::tls {

enum class DtlsRole { kClient, kServer };

struct DtlsOptions {
  DtlsRole role = DtlsRole::kClient;
  // What we show: the one whose fingerprint was signaled. Outlives the session.
  const Certificate* certificate = nullptr;
  // The peer's certificate must match one of these: 1 to 16 of them.
  std::vector<Fingerprint> peer_fingerprints;
  // Largest datagram of the handshake, bytes, 256 to 16384. 1200 passes every path of the Internet.
  size_t handshake_mtu = 1200;
  // The first handshake retransmission; doubles. 200 ms covers most round trips.
  Duration retransmit_after = std::chrono::milliseconds(200);
  // A handshake that takes longer fails with kTimeout.
  Duration handshake_limit = std::chrono::seconds(30);
  // Handshake bytes taken from the peer, retransmissions included; more fail the session. A whole
  // handshake needs 2 KB, with a long foreign chain 20 KB.
  size_t max_handshake_bytes = size_t{256} << 10;
};

// Where datagrams leave. Called inside calls to the session: it may not call the session.
class DatagramSink {
 public:
  virtual ~DatagramSink() = default;
  // `datagram` is valid during the call. Losing it is allowed.
  virtual void SendDatagram(ByteSpan datagram) = 0;
};

class DtlsSession {
 public:
  // Called inside Start, HandleDatagram and HandleTimeout only, and never inside the engine. Every
  // method may call Send, Close and the accessors, but neither Handle* nor the destructor (use
  // TimerService::DeferDelete; Close stops all further calls at once).
  class Observer {
   public:
    virtual ~Observer() = default;
    // Once: the handshake is done and the peer's certificate is one of the expected ones.
    virtual void OnDtlsConnected() = 0;
    // One decrypted record, 1 to 16384 bytes, valid during the call; after OnDtlsConnected only.
    virtual void OnDtlsRecord(ByteSpan record) = 0;
    // Exactly once and last, unless we called Close first. Ok: the peer ended the session in order
    // (close_notify). Else the sentence says whether the handshake or the session failed and why;
    // the peer was sent an alert where the protocol has one. kPermissionDenied: the certificate did
    // not match.
    virtual void OnDtlsClosed(const Status& why) = 0;
  };

  // Bytes a record adds to its content at most (AES-GCM): 13 header, 8 nonce, 16 tag.
  static constexpr size_t kRecordOverhead = 37;
  // The largest content of one record.
  static constexpr size_t kMaxRecord = 16384 - kRecordOverhead;

  // `observer` and `sink` outlive the session.
  DtlsSession(const DtlsOptions& options, Observer& observer, DatagramSink& sink);
  DtlsSession(const DtlsSession&) = delete;
  DtlsSession& operator=(const DtlsSession&) = delete;
  // Without Close the peer is not told.
  ~DtlsSession();

  // Once. A client sends its ClientHello; a server begins to listen.
  void Start(Timestamp now);
  // One datagram from the peer, hostile or not; valid during the call. Whatever is not a row of
  // complete DTLS records, or fails authentication, is dropped and counted. Before Start: dropped.
  void HandleDatagram(Timestamp now, ByteSpan datagram);
  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // When HandleTimeout is due; Timestamp::Max() when nothing is (always after the handshake, except
  // that a failure found inside Send makes it due at once). May change in every call but Send.
  Timestamp NextTimeout() const { return next_timeout_; }

  // Encrypts 1 to kMaxRecord bytes into exactly one datagram (plus kRecordOverhead at most), handed
  // to the sink before this returns. Fails with kUnavailable before the handshake is done, kClosed
  // after the end, kInvalidArgument for a wrong size; kInternal ends the session.
  Status Send(ByteSpan record);
  // Sends close_notify where a handshake was done, else nothing, and ends the session; no call to
  // the observer follows. Repeated calls are harmless.
  void Close();

  bool connected() const { return state_ == State::kConnected; }
  // Datagrams and records dropped because they were malformed, replayed, forged or out of place.
  uint64_t dropped() const { return dropped_; }

 private:
  enum class State { kIdle, kHandshaking, kConnected, kClosed };
  struct Engine;  // the GnuTLS session and its callbacks

  void ContinueHandshake();
  void FailHandshake(int engine_code);
  void DrainRecords();
  void UpdateTimeout(Timestamp now);
  void Finish(Status why);
  void ReportEnd();

  DtlsOptions options_;
  Observer& observer_;
  std::unique_ptr<Engine> engine_;
  State state_ = State::kIdle;
  Timestamp next_timeout_ = Timestamp::Max();
  Timestamp handshake_deadline_ = Timestamp::Max();
  size_t handshake_bytes_ = 0;
  uint64_t dropped_ = 0;
  std::optional<Status> end_;  // the terminal event, until it is reported
};

}  // namespace ming::tls

#endif  // MING_TLS_DTLS_SESSION_H_
