// UdpPath: the selected pair's UDP socket, one of libnice's: sends batches to the remote address,
// and reads what comes from there, many datagrams a system call where the kernel can. Whatever else
// arrives at the socket stays there for the engine.
#ifndef MING_ICE_UDP_PATH_H_
#define MING_ICE_UDP_PATH_H_

#include <cstddef>
#include <cstdint>

#include "ming/base/status.h"
#include "ming/ice/ice_options.h"
#include "ming/net/datagram_batch.h"
#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/unique_fd.h"

namespace ming::ice {

class UdpPath {
 public:
  // Datagrams up to so many bytes pass everywhere, cut where a link is very narrow.
  static constexpr size_t kEveryPath = 1200;

  enum class Outcome { kAllSent, kWouldBlock };

  // Called from the loop, never inside a call to the path. Every method may call Send, but not
  // destroy the path.
  class Observer {
   public:
    virtual ~Observer() = default;
    // After kWouldBlock.
    virtual void OnPathWritable() = 0;
    // A DTLS datagram of the remote address; valid during the call.
    virtual void OnPathDatagram(ByteSpan datagram) = 0;
    // Behind the last one of those that came together.
    virtual void OnPathDatagramsDone() = 0;
    // A datagram for the engine waits in front: STUN, TURN, or from elsewhere. Comes in every turn
    // until somebody takes it. False: nobody will, so it is dropped.
    virtual bool OnEngineDatagramWaits() = 0;
  };

  // `fd`: a duplicate of the engine's descriptor, so that it cannot be closed and used again behind
  // our back. `observer` outlives the path.
  UdpPath(net::Reactor& reactor, net::UniqueFd fd, const net::SocketAddress& remote,
          UdpOffload offload, Observer& observer);
  UdpPath(const UdpPath&) = delete;
  UdpPath& operator=(const UdpPath&) = delete;
  // From here on the engine reads everything, one datagram a call.
  ~UdpPath();

  // Sends from the front of `batch`; what would block stays in it. A datagram the kernel refuses is
  // dropped and counted. One above kEveryPath is not cut on its way, so that the sender can tell
  // what the path carries; where the first link has no room for it, it is cut here, and counted.
  Outcome Send(net::DatagramBatch& batch);
  // Whether the last Send would have blocked, and OnPathWritable has not come since.
  bool blocked() const { return want_write_; }

  // What the kernel would not send.
  uint64_t dropped() const { return dropped_; }
  // What the first link had no room for in one piece.
  uint64_t too_large() const { return too_large_; }
  // STUN messages that stood between others in one buffer, and so did not reach the engine.
  uint64_t swallowed() const { return swallowed_; }

 private:
  enum class Front { kNothing, kPeer, kEngine };
  struct Arrived {
    ByteSpan bytes;
    size_t segment = 0;  // of each datagram; the last may be shorter
  };

  void OnEvents(uint32_t events);
  void ReadTurn();
  Front LookAtFront();
  Arrived Read();
  size_t Deliver(const Arrived& arrived);
  void DropFront();
  void ForbidFragments(bool forbid);
  void HandleRefusal(net::DatagramBatch& batch, const net::DatagramBatch::Run& run, int error);
  void SetCoalescing(bool on);
  void UpdateInterest();
  void ChooseHopLimit();
  // 0 or the errno.
  int SendRun(const net::DatagramBatch::Run& run);
  int SendNow(const net::DatagramBatch::Run& run);

  net::Reactor& reactor_;
  net::UniqueFd fd_;
  const net::SocketAddress remote_;
  sockaddr_storage remote_kernel_{};
  socklen_t remote_size_;
  Observer& observer_;
  net::FdWatch watch_;
  bool want_write_ = false;
  int hop_limit_ = 0;  // 0: as the socket's

  bool segmentation_;  // until the kernel or the device refuses it
  bool coalescing_ = false;
  Timestamp coalesce_at_;  // not before; Max: never
  bool fragments_forbidden_ = false;
  int fragments_before_ = 0;  // the socket's own way
  uint64_t dropped_ = 0;
  uint64_t too_large_ = 0;
  uint64_t swallowed_ = 0;
};

}  // namespace ming::ice

#endif  // MING_ICE_UDP_PATH_H_
