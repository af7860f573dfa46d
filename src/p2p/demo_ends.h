// The applications and targets of the demo: what stands at both ends of its tunnels, and checks
// what comes out.
#ifndef MING_P2P_DEMO_ENDS_H_
#define MING_P2P_DEMO_ENDS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/udp_socket.h"
#include "ming/tls/sha256.h"

namespace ming::p2p {

// One end of a TCP transfer: sends bytes that do not repeat, then its end, and reads until the
// peer's end. SHA-256 over both directions.
class TransferEnd final : private link::ByteStream::Observer {
 public:
  // `on_change` runs from the loop when the transfer is done or failed; it may destroy the end
  // through DeferDelete. Begins from the loop.
  TransferEnd(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
              uint64_t bytes_to_send, std::function<void()> on_change);
  ~TransferEnd() override;

  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  // Both directions have ended in order.
  bool done() const { return read_end_ && write_closed_; }
  const Status& error() const { return error_; }
  // Once done.
  const std::string& sent_digest() const { return sent_digest_; }
  const std::string& received_digest() const { return received_digest_; }

 private:
  void OnReadable() override { Read(); }
  void OnWritable() override { Write(); }
  void OnStreamError(const Status& why) override;
  void Read();
  void Write();
  void EndWriting();
  void ReportIfDone();
  // What is to be sent next, never empty.
  ByteSpan NextPiece();

  const uint64_t bytes_to_send_;
  std::unique_ptr<link::ByteStream> stream_;
  std::function<void()> on_change_;
  std::unique_ptr<link::Alarm> start_;
  std::vector<uint8_t> block_;  // the one being sent; every block is different
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  tls::Sha256 sent_hash_;
  tls::Sha256 received_hash_;
  std::string sent_digest_;
  std::string received_digest_;
  bool read_end_ = false;
  bool write_closed_ = false;
  Status error_;
};

// A TCP target that answers every byte with itself.
class EchoEnd final : private link::ByteStream::Observer {
 public:
  EchoEnd(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream);
  ~EchoEnd() override { stream_->SetObserver(nullptr); }

 private:
  void OnReadable() override { Turn(); }
  void OnWritable() override { Turn(); }
  void OnStreamError(const Status& /*why*/) override {}
  void Turn();

  std::unique_ptr<link::ByteStream> stream_;
  std::unique_ptr<link::Alarm> start_;
};

// A TCP application that sends one byte and waits for it, again and again.
class RoundTripper final : private link::ByteStream::Observer {
 public:
  // `on_change` as TransferEnd's.
  RoundTripper(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream, size_t rounds,
               std::function<void()> on_change);
  ~RoundTripper() override { stream_->SetObserver(nullptr); }

  size_t done_rounds() const { return times_.size(); }
  bool done() const { return times_.size() == rounds_; }
  const Status& error() const { return error_; }
  // Of the rounds so far, at least one.
  Duration Median() const;

 private:
  void OnReadable() override { Read(); }
  void OnWritable() override {}  // one byte always fits
  void OnStreamError(const Status& why) override;
  void Send();
  void Read();

  link::TimerService& timers_;
  const size_t rounds_;
  std::unique_ptr<link::ByteStream> stream_;
  std::function<void()> on_change_;
  std::unique_ptr<link::Alarm> start_;
  Timestamp sent_at_;
  std::vector<Duration> times_;
  Status error_;
};

// A UDP target that answers every datagram with itself.
class DatagramEcho final : private net::UdpSocket::Observer {
 public:
  static Result<std::unique_ptr<DatagramEcho>> Create(net::Reactor& reactor);
  Port port() const { return socket_->local_address().port(); }

 private:
  explicit DatagramEcho(std::unique_ptr<net::UdpSocket> socket);
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override;
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::unique_ptr<net::UdpSocket> socket_;
};

// A UDP application: sends numbered datagrams, never more at a time than sockets hold, and compares
// what comes back.
class DatagramCounter final : private net::UdpSocket::Observer {
 public:
  struct Plan {
    uint64_t datagrams = 0;
    size_t datagram_bytes = 0;  // at least 16
  };
  // `on_change` as TransferEnd's.
  static Result<std::unique_ptr<DatagramCounter>> Create(net::Reactor& reactor,
                                                         const net::SocketAddress& where,
                                                         const Plan& plan,
                                                         std::function<void()> on_change);

  uint64_t sent() const { return sent_; }
  uint64_t returned() const { return returned_; }
  uint64_t damaged() const { return damaged_; }
  // All have returned, or what is missing did not come for a while.
  bool done() const { return done_; }

 private:
  DatagramCounter(net::Reactor& reactor, std::unique_ptr<net::UdpSocket> socket, const Plan& plan,
                  std::function<void()> on_change);
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override;
  void OnSendReady() override { SendMore(); }
  void OnPeerUnreachable(const Status& /*why*/) override {}
  void SendMore();
  void Check(ByteSpan datagram);
  void Finish();
  ByteBuffer Make(uint64_t number) const;

  net::Reactor& reactor_;
  const Plan plan_;
  std::unique_ptr<net::UdpSocket> socket_;
  std::function<void()> on_change_;
  // Nothing came for a while.
  std::unique_ptr<link::Alarm> quiet_;
  std::vector<bool> seen_;
  uint64_t sent_ = 0;
  uint64_t returned_ = 0;
  uint64_t damaged_ = 0;
  bool done_ = false;
};

}  // namespace ming::p2p

#endif  // MING_P2P_DEMO_ENDS_H_
