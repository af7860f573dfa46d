// UdpSocket: datagrams in bounded batches, with counters for what was lost here.
#ifndef MING_NET_UDP_SOCKET_H_
#define MING_NET_UDP_SOCKET_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/socket_buffers.h"
#include "ming/net/turn_end_hook.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

struct UdpOptions {
  // The default of a stock kernel, 208 KiB, loses packets in bursts. 4 MiB hold 20 ms at 180,000
  // datagrams of 1200 bytes a second; with 1 MiB half as many were lost now and then, when the loop
  // had to wait for a processor. A buffer takes only what is under way.
  SocketBuffers buffers = {4 * 1024 * 1024, 1024 * 1024};
  // Whether SendRun may have the kernel cut (UDP_SEGMENT), and what it joined may come in one
  // buffer (UDP_GRO). Nobody notices but by the speed.
  bool offload = true;
};

enum class UdpSendResult {
  kSent,
  kWouldBlock,   // nothing was sent; OnSendReady follows
  kTooLarge,     // no such datagram can be sent; dropped and counted
  kUnreachable,  // no route, not permitted, or nobody there; dropped and counted
};

struct UdpCounters {
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t send_calls = 0;  // that sent them
  uint64_t send_would_block = 0;
  uint64_t send_too_large = 0;
  uint64_t send_unreachable = 0;
  uint64_t peer_errors = 0;  // ICMP errors that the kernel told of
};

class UdpSocket {
 public:
  // Called from the loop, never inside a call to the socket. Every method may call back into the
  // socket and may destroy it through DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // `datagram` (at most 65,535 bytes, may be empty) is valid during the call. In one turn no more
    // than kDatagramsPerTurn and what came in the same system call.
    virtual void OnDatagram(const SocketAddress& from, ByteSpan datagram) = 0;
    // Once after a send said kWouldBlock.
    virtual void OnSendReady() = 0;
    // A connected socket learned that the peer is not there (ICMP port or host unreachable). The
    // socket goes on.
    virtual void OnPeerUnreachable(const Status& why) = 0;
  };

  // One socket for each address that `where` means, by the rules of TcpListener::Listen; all with
  // the same port. A socket for every interface in both families takes IPv4 addresses in SendTo.
  static Result<std::vector<std::unique_ptr<UdpSocket>>> Listen(Reactor& reactor,
                                                                const HostPort& where,
                                                                const UdpOptions& options);
  // Bound to exactly `local`; port 0 takes a free one.
  static Result<std::unique_ptr<UdpSocket>> Bind(Reactor& reactor, const SocketAddress& local,
                                                 const UdpOptions& options);
  // Talks to `remote` only.
  static Result<std::unique_ptr<UdpSocket>> Connect(Reactor& reactor, const SocketAddress& remote,
                                                    const UdpOptions& options);
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  // The observer outlives the socket, or is replaced by another one or by null. Without one nothing
  // is received and datagrams wait in the kernel.
  void SetObserver(Observer* observer);
  // Stops and resumes OnDatagram.
  void PauseReceiving();
  void ResumeReceiving();

  // To the peer of a connected socket.
  UdpSendResult Send(ByteSpan datagram);
  // From a socket that is not connected.
  UdpSendResult SendTo(const SocketAddress& to, ByteSpan datagram);
  // Datagrams of `segment` bytes that stand one behind the other, a run of
  // DatagramBatch, the last may be shorter: in one system call, to `to` or to the peer of a
  // connected socket. Whatever comes back holds for all of them. None: nothing was sent, and each
  // is to be sent by itself, as the kernel or the device will not cut them, or the path is too
  // narrow.
  std::optional<UdpSendResult> SendRun(const std::optional<SocketAddress>& to, ByteSpan datagrams,
                                       size_t segment);

  SocketAddress local_address() const { return LocalAddressOf(fd_.get()); }
  const UdpCounters& counters() const { return counters_; }

 private:
  UdpSocket(Reactor& reactor, UniqueFd fd, const UdpOptions& options);

  void OnEvents(uint32_t events);
  void ReceiveBatch();
  bool ReceiveSome(size_t& received);
  size_t DeliverEach(const SocketAddress& from, ByteSpan joined, size_t segment);
  void Deliver(const SocketAddress& from, ByteSpan datagram);
  void DeliverHeld();
  void ReceiveAgain();
  UdpSendResult SendMessage(const sockaddr_storage* address, socklen_t address_size,
                            ByteSpan datagram);
  UdpSendResult HandleBlocked();
  void ReportPeerError();
  void HandlePeerError(int error_number);
  bool receiving() const { return observer_ != nullptr && !paused_; }
  void UpdateInterest();

  Reactor& reactor_;
  UniqueFd fd_;
  FdWatch watch_;
  const bool offload_;
  Observer* observer_ = nullptr;
  bool paused_ = false;
  bool want_send_ready_ = false;
  UdpCounters counters_;

  // Received together with one at which the observer paused.
  struct Held {
    SocketAddress from;
    ByteBuffer datagram;
  };
  std::vector<Held> held_;
  TurnEndHook held_hook_;
};

}  // namespace ming::net

#endif  // MING_NET_UDP_SOCKET_H_
