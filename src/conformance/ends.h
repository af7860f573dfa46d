// The outer ends of a tunnel under test: an application at the client, or the target behind the
// host, as scripts use them.
#ifndef MING_CONFORMANCE_ENDS_H_
#define MING_CONFORMANCE_ENDS_H_

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/link/byte_stream.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/tcp_listener.h"
#include "ming/net/tcp_stream.h"
#include "ming/net/udp_socket.h"

namespace ming::conformance {

// One TCP connection. Reads by itself unless paused.
class TcpEnd final : private link::ByteStream::Observer {
 public:
  enum class Use {
    kCollect,  // keeps what comes
    kEcho,     // sends it back, and the end as well
    kPaused,   // reads nothing
  };

  TcpEnd(std::unique_ptr<net::TcpStream> stream, Use use);
  TcpEnd(const TcpEnd&) = delete;
  TcpEnd& operator=(const TcpEnd&) = delete;

  // Queued without limit; what is not yet taken by the kernel is in unsent().
  void Write(ByteSpan bytes);
  size_t unsent() const { return unsent_.size(); }
  void CloseWrite();
  void Reset();
  void Switch(Use use);

  const ByteBuffer& received() const { return received_; }
  ByteBuffer TakeReceived();
  size_t received_total() const { return received_total_; }
  bool ended() const { return ended_; }  // in order, all before it was received
  bool failed() const { return failed_; }
  bool over() const { return ended_ || failed_; }

 private:
  void OnReadable() override;
  void OnWritable() override;
  void OnStreamError(const Status& why) override;
  void Flush();

  Use use_;
  ByteBuffer unsent_;
  bool close_wanted_ = false;
  ByteBuffer received_;
  size_t received_total_ = 0;
  bool ended_ = false;
  bool failed_ = false;
  std::unique_ptr<net::TcpStream> stream_;
};

// One UDP socket that talks to one address.
class UdpEnd final : private net::UdpSocket::Observer {
 public:
  explicit UdpEnd(std::unique_ptr<net::UdpSocket> socket);
  UdpEnd(const UdpEnd&) = delete;
  UdpEnd& operator=(const UdpEnd&) = delete;

  void Send(ByteSpan datagram) { socket_->Send(datagram); }
  std::deque<ByteBuffer>& received() { return received_; }

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override;
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::deque<ByteBuffer> received_;
  std::unique_ptr<net::UdpSocket> socket_;
};

// The target behind a host under test: an echo that can be told to do otherwise.
class OurTarget final : private net::UdpSocket::Observer {
 public:
  enum class Transport { kTcp, kUdp };

  // Listens at once; the error names the address.
  static Result<std::unique_ptr<OurTarget>> Listen(net::Reactor& reactor, const HostPort& where,
                                                   Transport transport);
  OurTarget(const OurTarget&) = delete;
  OurTarget& operator=(const OurTarget&) = delete;

  // For connections from now on.
  void SetUse(TcpEnd::Use use) { use_ = use; }
  // Refuses, until Listen again.
  void StopListening();
  Status ListenAgain();
  // Every connection since the start, in order; they live as long as the target.
  const std::vector<std::unique_ptr<TcpEnd>>& connections() const { return connections_; }
  // Drops all connections.
  void Forget() { connections_.clear(); }
  // Source addresses of datagrams since the start.
  const std::vector<net::SocketAddress>& sources() const { return sources_; }

 private:
  OurTarget(net::Reactor& reactor, const HostPort& where, Transport transport)
      : reactor_(reactor), where_(where), transport_(transport) {}
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override;
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  net::Reactor& reactor_;
  HostPort where_;
  const Transport transport_;
  TcpEnd::Use use_ = TcpEnd::Use::kEcho;
  std::vector<std::unique_ptr<TcpEnd>> connections_;
  std::vector<net::SocketAddress> sources_;
  std::unique_ptr<net::TcpListener> listener_;
  std::vector<std::unique_ptr<net::UdpSocket>> sockets_;
};

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_ENDS_H_
