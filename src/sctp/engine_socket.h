// EngineSocket: one usrsctp socket over packets in memory: its options, and its calls with their
// results as own types. It takes no decision.
#ifndef MING_SCTP_ENGINE_SOCKET_H_
#define MING_SCTP_ENGINE_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/message_channel.h"
#include "ming/sctp/sctp_options.h"

struct socket;

namespace ming::sctp {

// The number by which the engine knows an association: its address of family AF_CONN.
using EngineId = StrongId<struct EngineIdTag, uintptr_t>;

class EngineSocket {
 public:
  enum class ReceiveState { kNothing, kData, kNotification, kEnd };
  struct Received {
    ReceiveState state = ReceiveState::kNothing;
    size_t size = 0;
    bool last_piece = true;
    StreamId stream;
    Ppid ppid;
    link::Ordering ordering = link::Ordering::kOrdered;
    int error = 0;  // kEnd: an errno of the engine, or 0
  };
  struct PathState {
    Duration smoothed_rtt{0};
    uint32_t congestion_window = 0;
    uint32_t peer_receive_window = 0;
  };

  // What the engine calls when a socket needs attention. It may call nothing of the engine.
  using Upcall = void (*)(struct socket*, void* id, int flags);

  EngineSocket(const SctpOptions& options, EngineId id, Upcall upcall);
  EngineSocket(const EngineSocket&) = delete;
  EngineSocket& operator=(const EngineSocket&) = delete;
  // Sends ABORT where there is an association.
  ~EngineSocket();

  Status Connect();
  void Input(ByteSpan packet);
  // 0, or an errno. All or nothing.
  int Send(StreamId stream, Ppid ppid, ByteSpan message, const link::ChannelTraits& traits);
  // Reads one piece of a message, or of a notification, into `room`.
  Received Receive(MutableByteSpan room);
  // Why the association ended: an errno that the engine left on the socket, or 0.
  int TakeError();
  // Bytes queued and not acknowledged; 0 where there is no association.
  size_t QueuedBytes();
  // Bytes received of messages that are not complete; 0 where there is no association.
  size_t UnfinishedBytes();
  // Messages of so many bytes and more are handed over in pieces before they are complete.
  static constexpr size_t kUsualPieces = size_t{128} << 10;
  void SetPieces(size_t bytes);
  // Whether the engine still has an association behind the socket.
  bool HasAssociation();
  PathState GetPathState();
  // Packets are up to so many bytes from here on. Chunks stay as small as the smallest size that
  // was ever told.
  Status SetPacketSize(size_t bytes);
  // Not below the initial one.
  void SetMaxRetransmissionTime(Duration time);
  // The congestion window of an association that has just come up, packets.
  static constexpr uint32_t kFirstWindow = 32;
  // As for an association that has just come up, but for a congestion window of so many bytes.
  void RestartCongestionControl(size_t window);
  void SendHeartbeat();
  // 0, or an errno. At most kMaxResetIds ids.
  int ResetStreams(const std::vector<StreamId>& ids);
  static constexpr size_t kMaxResetIds = 128;
  // 0, or an errno: EALREADY while another request is under way.
  int AddOutgoingStreams(uint16_t count);
  int ShutdownWrite();

 private:
  struct BufferUse {  // as the engine has it
    uint32_t association = 0;
    uint32_t send_bytes = 0;
    uint32_t receive_bytes = 0;
  };

  BufferUse GetBufferUse();
  void Configure(const SctpOptions& options);
  void ConfigurePath(const SctpOptions& options);
  template <typename T>
  int SetOption(int name, const T& value);

  EngineId id_;
  uint16_t remote_port_;
  size_t packet_size_;
  struct socket* socket_;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_ENGINE_SOCKET_H_
