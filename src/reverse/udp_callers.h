// UdpCallers: the UDP side of port A: which source is which caller, its datagrams while it waits,
// and its flow once it is paired. Who is served decides the ServerCore.
#ifndef MING_REVERSE_UDP_CALLERS_H_
#define MING_REVERSE_UDP_CALLERS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/codec/reverse_line.h"
#include "ming/link/byte_stream.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/udp_socket.h"
#include "ming/reverse/datagram_joint.h"
#include "ming/reverse/reverse_counters.h"
#include "ming/reverse/reverse_types.h"
#include "ming/tunnel/datagram_flow.h"
#include "ming/tunnel/udp_flow_table.h"

namespace ming::reverse {

class UdpCallers final {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    // The number of a new caller.
    virtual CallerId NewCallerId() = 0;
    // A source that is not known; it is kept until End. From the loop.
    virtual void OnUdpCaller(CallerId caller, size_t listener, const std::string& source) = 0;
    // From the loop; End follows.
    virtual void OnUdpDone(CallerId caller, codec::ReverseReason why) = 0;
  };

  // `reactor` and `observer` outlive it.
  UdpCallers(net::Reactor& reactor, const UdpOptions& options, Observer& observer);
  ~UdpCallers();
  UdpCallers(const UdpCallers&) = delete;
  UdpCallers& operator=(const UdpCallers&) = delete;

  // Datagrams to `where` come from callers of `listener`. Errors as of UdpSocket::Listen.
  Status Listen(size_t listener, const HostPort& where);
  // No new source is a caller any more; flows go on.
  void Refuse() { refusing_ = true; }

  bool Has(CallerId caller) const { return flows_.count(caller) != 0; }
  // Sends what waited.
  void StartRelay(CallerId caller, std::unique_ptr<link::ByteStream> stream);
  void AbortRelay(CallerId caller, const Status& why);
  // Forgets the caller; what its flow carried.
  tunnel::RelayCounts End(CallerId caller);

  const DatagramCounts& datagrams() const { return datagrams_; }
  // Of flows that run, added up.
  tunnel::RelayCounts counts() const;

 private:
  class Socket;
  struct Flow {
    Socket& socket;
    net::SocketAddress source;
    tunnel::DatagramQueue waiting;
    std::unique_ptr<DatagramJoint> joint;
  };
  using Sources = std::unordered_map<tunnel::UdpSource, CallerId, tunnel::UdpSourceHash>;

  void OnDatagram(Socket& socket, const net::SocketAddress& from, ByteSpan datagram);
  void Forward(Flow& flow, ByteSpan datagram);

  net::Reactor& reactor_;
  const UdpOptions options_;
  Observer& observer_;
  bool refusing_ = false;
  std::vector<std::unique_ptr<Socket>> sockets_;
  tunnel::DatagramQueue::Budget waiting_budget_;
  DatagramCounts datagrams_;
  std::unordered_map<CallerId, std::unique_ptr<Flow>> flows_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_UDP_CALLERS_H_
