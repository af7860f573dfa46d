// UdpTarget: the target of one UDP caller, at the client: a socket of its own for each flow, so
// that answers find their way.
#ifndef MING_REVERSE_UDP_TARGET_H_
#define MING_REVERSE_UDP_TARGET_H_

#include <functional>
#include <memory>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/socket_address.h"
#include "ming/net/udp_socket.h"
#include "ming/reverse/datagram_joint.h"
#include "ming/reverse/reverse_counters.h"

namespace ming::reverse {

class UdpTarget final : private net::UdpSocket::Observer {
 public:
  // Once, from the loop. kTimeout: nobody resolved the name in time.
  using DialedCallback = std::function<void(const Status& status)>;

  // All outlive it.
  UdpTarget(net::Reactor& reactor, net::Resolver& resolver, DatagramCounts& datagrams);
  ~UdpTarget() override;

  // Resolves, and opens the socket; nothing is sent.
  void Dial(const HostPort& target, Duration timeout, DialedCallback on_dialed);
  // After a good dial.
  void StartRelay(std::unique_ptr<link::ByteStream> data, const UdpOptions& options,
                  DatagramJoint::DoneCallback on_done);
  void Abort(const Status& why);
  // Of the relay, seen from the target: a_to_b is what callers sent.
  tunnel::RelayCounts counts() const;

 private:
  void OnResolved(const Result<std::vector<net::SocketAddress>>& addresses);
  void FinishDial(const Status& status);
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override;
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}  // as on any network: the next may pass

  net::Reactor& reactor_;
  net::Resolver& resolver_;
  DatagramCounts& datagrams_;
  DialedCallback on_dialed_;
  const std::unique_ptr<link::Alarm> timeout_;
  std::unique_ptr<net::Resolver::Request> request_;
  std::unique_ptr<net::UdpSocket> socket_;
  std::unique_ptr<DatagramJoint> joint_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_UDP_TARGET_H_
