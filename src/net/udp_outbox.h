// UdpOutbox: datagrams of one turn on their way out. What goes to one place, one behind the other,
// leaves in as few system calls as the sizes allow.
#ifndef MING_NET_UDP_OUTBOX_H_
#define MING_NET_UDP_OUTBOX_H_

#include <cstddef>
#include <functional>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/net/datagram_batch.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/turn_end_hook.h"
#include "ming/net/udp_socket.h"

namespace ming::net {

class UdpOutbox {
 public:
  // So many datagrams were lost, for one reason, which is not kSent. Called inside Send and from
  // the loop; may not call the outbox.
  using OnUnsent = std::function<void(UdpSendResult why, size_t count)>;

  UdpOutbox(Reactor& reactor, OnUnsent on_unsent);
  // What was not sent yet is lost.
  ~UdpOutbox() = default;
  UdpOutbox(const UdpOutbox&) = delete;
  UdpOutbox& operator=(const UdpOutbox&) = delete;

  // To `to`, or to the peer of a connected socket, at the end of this turn at the latest. `socket`
  // lives until then.
  void Send(UdpSocket& socket, const std::optional<SocketAddress>& to, ByteSpan datagram);

 private:
  bool IsFor(const UdpSocket& socket, const std::optional<SocketAddress>& to) const;
  void Flush();
  void SendFront();
  void SendAlone(ByteSpan datagram);

  const OnUnsent on_unsent_;
  DatagramBatch batch_;
  UdpSocket* socket_ = nullptr;      // where the batch goes; may be gone once that is empty
  std::optional<SocketAddress> to_;  // none: to the socket's peer
  TurnEndHook hook_;
};

}  // namespace ming::net

#endif  // MING_NET_UDP_OUTBOX_H_
