// TcpStream: a connected TCP socket as link::ByteStream.
//
// Reads go through a buffer of the Reactor, so an idle stream holds no memory for data; what a
// reader shows interest in but does not consume is kept. A reader that pauses costs no turns.
#ifndef MING_NET_TCP_STREAM_H_
#define MING_NET_TCP_STREAM_H_

#include <sys/epoll.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/splice.h"
#include "ming/link/timer_service.h"
#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

struct TcpOptions {
  // Idle time before the kernel probes the peer (at least 1 s; three missed probes, a third of it
  // apart, fail the stream with kTimeout). None: never. The default finds a vanished peer in
  // minutes without waking idle mobile links much.
  std::optional<Duration> keepalive = std::chrono::seconds(60);
  // Acknowledgements wait for data to ride on, up to the kernel's 40 ms (200 ms for that of the
  // handshake). For connections whose connecting end speaks first, and between ends that send
  // without Nagle's delay: others would wait for them.
  bool lazy_acks = false;
};

class TcpStream final : public link::ByteStream, private link::SpliceEnd {
 public:
  // Takes over a connected stream socket; makes it non-blocking and turns Nagle's delay off.
  static std::unique_ptr<TcpStream> Adopt(Reactor& reactor, UniqueFd fd,
                                          const TcpOptions& options = TcpOptions());
  // The same in two steps: sets the options of a socket that is to listen, which hands them on to
  // what it accepts so that no call to the kernel is needed for each.
  static void Prepare(int fd, const TcpOptions& options);
  // Of a socket that is to connect, without those that can wait: many connections are over soon.
  static void PrepareConnecting(int fd, const TcpOptions& options);
  static std::unique_ptr<TcpStream> AdoptAccepted(Reactor& reactor, UniqueFd fd);
  // Told once each time something comes, or, where a write was not taken whole, there is room.
  static constexpr uint32_t kEvents = uint32_t{EPOLLIN} | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  static constexpr uint32_t kConnectingEvents = kEvents | EPOLLOUT;
  // And for those of a TcpConnector, with the watch that saw them connect and the events it saw.
  struct Connected {
    UniqueFd fd;
    std::unique_ptr<FdWatch> watch;  // of kConnectingEvents
    uint32_t events = 0;
  };
  static std::unique_ptr<TcpStream> AdoptConnected(Reactor& reactor, Connected connected,
                                                   const TcpOptions& options);

  // After CloseWrite the connection ends in order and what was written is delivered, unless the
  // peer goes on sending. Destroyed before CloseWrite it is reset, so that the peer cannot take
  // half of the data for all of it; the kernel does the same where the process is killed.
  ~TcpStream() override;
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  // 0.0.0.0:0 after a failure or reset.
  SocketAddress local_address() const { return LocalAddressOf(fd_.get()); }
  SocketAddress peer_address() const { return PeerAddressOf(fd_.get()); }

  // The connection fails when the peer leaves what we sent unacknowledged, or its window closed,
  // for so long (TCP_USER_TIMEOUT). For connections whose peer always reads.
  void LimitUnacknowledged(Duration limit);

  // Whether nothing written from now on, or since it broke, goes out: it failed or was reset.
  bool broken() const { return state_ != State::kOpen; }

  // Gives the socket away, for an engine that does its own reading and writing. For a stream nobody
  // has read from or written to; it is as after Reset.
  UniqueFd ReleaseSocket();

  // link::ByteStream. A peer's reset is reported also while nobody reads; bytes that arrived before
  // it are readable only if a reader was waiting for them.
  void SetObserver(Observer* observer) override;
  link::ReadChunk Peek(size_t max) override;
  void Consume(size_t count) override;
  size_t WritableBytes() override;
  size_t Write(ByteSpan bytes) override;
  size_t WriteLast(ByteSpan bytes) override;
  void CloseWrite() override;
  void Reset(const Status& why) override;
  // For processes that ignore SIGPIPE: splice(2) knows no MSG_NOSIGNAL.
  link::SpliceEnd* splice_end() override { return this; }

 private:
  enum class State {
    kOpen,
    kBroken,  // writing failed; a reader still takes what came before
    kFailed,
    kReset,
  };

  TcpStream(Reactor& reactor, Connected connected);

  Moved SpliceTo(link::SplicePipe& pipe, size_t max) override;
  size_t SpliceFrom(link::SplicePipe& pipe, size_t count) override;

  void OnEvents(uint32_t events);
  void NoteEvents(uint32_t events);
  void OnAlarm();
  void KeepAliveLater(Duration idle);
  // Whether a read may find anything.
  bool HasNews() const {
    return news_came_ || end_came_ || error_came_ || urgent_came_ || state_ != State::kOpen;
  }
  void Readable();
  link::ReadChunk Shown(ByteSpan bytes, size_t max) const;
  link::ReadChunk ReadFromSocket(size_t max);
  void HandleNothingRead(ssize_t result);
  size_t Send(ByteSpan bytes, int flags);
  size_t HandleSent(ssize_t result, size_t offered);
  // Both directions, in order, and everything was consumed.
  bool Ended() const { return read_ended_ && write_closed_ && residue_.empty() && shown_.empty(); }
  void CloseIfEnded();
  void CloseWithReset();
  void ArmAlarm();
  void BreakWrites(const Status& why);
  void Fail(const Status& why);
  void FailLater(const Status& why);
  void ReportFailure();

  Reactor& reactor_;
  UniqueFd fd_;
  std::unique_ptr<FdWatch> watch_;
  Observer* observer_ = nullptr;
  State state_ = State::kOpen;
  bool want_read_ = false;   // OnReadable is owed
  bool want_write_ = false;  // OnWritable is owed
  bool read_ended_ = false;  // the peer's end was seen
  // Since a read that emptied the socket; the kernel tells of all that comes after it.
  bool news_came_ = false;
  bool end_came_ = false;     // it waits behind the bytes in the socket
  bool error_came_ = false;   // epoll told of an error
  bool urgent_came_ = false;  // a short read may stand before an urgent byte, not before nothing
  bool write_closed_ = false;
  uint64_t budget_turn_ = 0;
  size_t budget_left_ = kStreamBytesPerTurn;  // bytes that may still be read in turn budget_turn_
  ByteSpan shown_;                            // shown from the Reactor's scratch and not consumed
  ByteBuffer residue_;                        // what earlier Peeks showed and Consume left
  std::optional<Status> failure_;             // not yet reported
  std::unique_ptr<link::Alarm> alarm_;        // a failure to report, or more to read
  std::unique_ptr<link::Alarm> age_alarm_;    // until keep-alive is on
};

}  // namespace ming::net

#endif  // MING_NET_TCP_STREAM_H_
