#include "ming/sctp/engine_socket.h"

#include <arpa/inet.h>
#include <glog/logging.h>
#include <usrsctp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "ming/base/checked_cast.h"
#include "ming/sctp/chunks.h"

namespace ming::sctp {
namespace {

// Options the engine takes although its public header lacks their names.
constexpr int kInterleavingSupported = 0x1206;  // sctp_assoc_value
constexpr int kCongestionControl = 0x1202;      // sctp_assoc_value: one of SCTP_CC_...
constexpr int kBufferUse = 0x1101;              // BufferUse
constexpr uint32_t kInterleaveStreams = 2;  // SCTP_FRAGMENT_INTERLEAVE: pieces of streams alternate

// The engine's addresses are opaque pointers that it never follows: numbers survive the objects.
void* AsAddress(EngineId id) {
  return reinterpret_cast<void*>(id.value());  // NOLINT(performance-no-int-to-ptr): never followed
}

sockaddr_conn ConnAddress(EngineId id, uint16_t port) {
  sockaddr_conn address{};
  address.sconn_family = AF_CONN;
  address.sconn_port = htons(port);
  address.sconn_addr = AsAddress(id);
  return address;
}

sockaddr* Generic(sockaddr_conn& address) { return reinterpret_cast<sockaddr*>(&address); }

uint32_t Milliseconds(Duration duration) {
  return base::CheckedCast<uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// spp_pathmtu leaves out the common header.
uint32_t PathMtu(size_t packet_size) {
  return base::CheckedCast<uint32_t>(packet_size - kCommonHeader);
}

}  // namespace

EngineSocket::EngineSocket(const SctpOptions& options, EngineId id, Upcall upcall)
    : id_(id), remote_port_(options.remote_port), packet_size_(options.max_packet_size) {
  usrsctp_register_address(AsAddress(id_));
  socket_ = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
  PCHECK(socket_ != nullptr) << "usrsctp_socket";
  PCHECK(usrsctp_set_non_blocking(socket_, 1) == 0);
  Configure(options);
  ConfigurePath(options);
  sockaddr_conn local = ConnAddress(id_, options.local_port);
  PCHECK(usrsctp_bind(socket_, Generic(local), sizeof(local)) == 0);
  PCHECK(usrsctp_set_upcall(socket_, upcall, AsAddress(id_)) == 0);
}

EngineSocket::~EngineSocket() {
  usrsctp_set_upcall(socket_, nullptr, nullptr);
  usrsctp_close(socket_);
  usrsctp_deregister_address(AsAddress(id_));
}

template <typename T>
int EngineSocket::SetOption(int name, const T& value) {
  return usrsctp_setsockopt(socket_, IPPROTO_SCTP, name, &value, sizeof(value)) == 0 ? 0 : errno;
}

void EngineSocket::Configure(const SctpOptions& options) {
  // Closing sends one ABORT and leaves nothing behind that would retransmit.
  const linger abort_on_close{1, 0};
  const int send_buffer = base::CheckedCast<int>(options.send_buffer);
  const int receive_buffer = base::CheckedCast<int>(options.receive_buffer);
  const auto set_socket = [this](int name, const auto& value) {
    PCHECK(usrsctp_setsockopt(socket_, SOL_SOCKET, name, &value, sizeof(value)) == 0) << name;
  };
  set_socket(SO_LINGER, abort_on_close);
  set_socket(SO_SNDBUF, send_buffer);
  set_socket(SO_RCVBUF, receive_buffer);

  const int on = 1;
  CHECK_EQ(SetOption(SCTP_NODELAY, on), 0);
  CHECK_EQ(SetOption(SCTP_RECVRCVINFO, on), 0);
  sctp_initmsg init{};
  init.sinit_num_ostreams = options.outgoing_streams;
  init.sinit_max_instreams = options.max_incoming_streams;
  init.sinit_max_attempts = options.max_init_retransmissions;
  init.sinit_max_init_timeo = base::CheckedCast<uint16_t>(Milliseconds(options.rto_max));
  CHECK_EQ(SetOption(SCTP_INITMSG, init), 0);

  sctp_assoc_value value{};
  value.assoc_id = SCTP_ALL_ASSOC;
  value.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ;
  if (options.growth == StreamGrowth::kOnDemand) value.assoc_value |= SCTP_ENABLE_CHANGE_ASSOC_REQ;
  CHECK_EQ(SetOption(SCTP_ENABLE_STREAM_RESET, value), 0);

  CHECK_EQ(SetOption(SCTP_FRAGMENT_INTERLEAVE, kInterleaveStreams), 0);
  value.assoc_id = SCTP_FUTURE_ASSOC;
  value.assoc_value = options.interleaving == Interleaving::kOffered ? 1 : 0;
  CHECK_EQ(SetOption(kInterleavingSupported, value), 0);

  constexpr std::array<uint16_t, 5> kEvents = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT,
                                               SCTP_STREAM_CHANGE_EVENT, SCTP_SEND_FAILED_EVENT,
                                               SCTP_PARTIAL_DELIVERY_EVENT};
  for (const uint16_t type : kEvents) {
    sctp_event event{};
    event.se_assoc_id = SCTP_ALL_ASSOC;
    event.se_type = type;
    event.se_on = 1;
    CHECK_EQ(SetOption(SCTP_EVENT, event), 0) << type;
  }
}

void EngineSocket::ConfigurePath(const SctpOptions& options) {
  sctp_paddrparams path{};
  path.spp_assoc_id = SCTP_FUTURE_ASSOC;
  path.spp_flags = SPP_HB_ENABLE | SPP_PMTUD_DISABLE;
  path.spp_hbinterval = Milliseconds(options.heartbeat_interval);
  path.spp_pathmtu = PathMtu(options.max_packet_size);
  path.spp_pathmaxrxt = options.max_retransmissions;
  CHECK_EQ(SetOption(SCTP_PEER_ADDR_PARAMS, path), 0);

  sctp_assocparams association{};
  association.sasoc_assoc_id = SCTP_FUTURE_ASSOC;
  association.sasoc_asocmaxrxt = options.max_retransmissions;
  CHECK_EQ(SetOption(SCTP_ASSOCINFO, association), 0);

  sctp_sack_info sack{};  // a frequency of 0 keeps the engine's: every second packet
  sack.sack_assoc_id = SCTP_FUTURE_ASSOC;
  sack.sack_delay = Milliseconds(options.delayed_ack);
  CHECK_EQ(SetOption(SCTP_DELAYED_SACK, sack), 0);

  sctp_rtoinfo rto{};
  rto.srto_assoc_id = SCTP_FUTURE_ASSOC;
  rto.srto_initial = Milliseconds(options.rto_initial);
  rto.srto_min = Milliseconds(options.rto_min);
  rto.srto_max = Milliseconds(options.rto_max);
  CHECK_EQ(SetOption(SCTP_RTOINFO, rto), 0);
}

Status EngineSocket::Connect() {
  sockaddr_conn remote = ConnAddress(id_, remote_port_);
  if (usrsctp_connect(socket_, Generic(remote), sizeof(remote)) == 0 || errno == EINPROGRESS) {
    return Status::Ok();
  }
  return Status::FromErrno("sctp: connect", errno);
}

void EngineSocket::Input(ByteSpan packet) {
  usrsctp_conninput(AsAddress(id_), packet.data(), packet.size(), 0);
}

int EngineSocket::Send(StreamId stream, Ppid ppid, ByteSpan message,
                       const link::ChannelTraits& traits) {
  sctp_sendv_spa info{};
  info.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  info.sendv_sndinfo.snd_sid = stream.value();
  info.sendv_sndinfo.snd_ppid = htonl(ppid.value());
  if (traits.ordering == link::Ordering::kUnordered) {
    info.sendv_sndinfo.snd_flags = SCTP_UNORDERED;
  }
  if (traits.max_retransmits) {
    info.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    info.sendv_prinfo.pr_policy = SCTP_PR_SCTP_RTX;
    info.sendv_prinfo.pr_value = *traits.max_retransmits;
  }
  const ssize_t sent = usrsctp_sendv(socket_, message.data(), message.size(), nullptr, 0, &info,
                                     sizeof(info), SCTP_SENDV_SPA, 0);
  return sent >= 0 ? 0 : errno;
}

EngineSocket::Received EngineSocket::Receive(MutableByteSpan room) {
  sockaddr_conn from{};
  socklen_t from_size = sizeof(from);
  sctp_rcvinfo info{};
  socklen_t info_size = sizeof(info);
  unsigned int info_type = 0;
  int flags = 0;
  const ssize_t size = usrsctp_recvv(socket_, room.data(), room.size(), Generic(from), &from_size,
                                     &info, &info_size, &info_type, &flags);
  Received received;
  if (size < 0) {
    if (errno == EWOULDBLOCK || errno == EINTR) return received;
    received.state = ReceiveState::kEnd;
    received.error = errno;
    return received;
  }
  if (size == 0) {
    received.state = ReceiveState::kEnd;
    return received;
  }
  received.size = static_cast<size_t>(size);
  received.last_piece = (flags & MSG_EOR) != 0;
  if ((flags & MSG_NOTIFICATION) != 0) {
    received.state = ReceiveState::kNotification;
    return received;
  }
  received.state = ReceiveState::kData;
  received.stream = StreamId(info.rcv_sid);
  received.ppid = Ppid(ntohl(info.rcv_ppid));
  received.ordering = (info.rcv_flags & SCTP_UNORDERED) != 0 ? link::Ordering::kUnordered
                                                             : link::Ordering::kOrdered;
  return received;
}

int EngineSocket::TakeError() {
  uint8_t byte = 0;
  const Received received = Receive({&byte, sizeof(byte)});
  return received.state == ReceiveState::kEnd ? received.error : 0;
}

size_t EngineSocket::QueuedBytes() { return GetBufferUse().send_bytes; }

size_t EngineSocket::UnfinishedBytes() { return GetBufferUse().receive_bytes; }

EngineSocket::BufferUse EngineSocket::GetBufferUse() {
  BufferUse use;
  socklen_t size = sizeof(use);
  if (usrsctp_getsockopt(socket_, IPPROTO_SCTP, kBufferUse, &use, &size) != 0) return {};
  return use;
}

void EngineSocket::SetPieces(size_t bytes) {
  const int error = SetOption(SCTP_PARTIAL_DELIVERY_POINT, base::CheckedCast<uint32_t>(bytes));
  LOG_IF(WARNING, error != 0) << "sctp: pieces: " << Status::FromErrno("", error).message();
}

bool EngineSocket::HasAssociation() {
  sctp_status status{};
  socklen_t size = sizeof(status);
  return usrsctp_getsockopt(socket_, IPPROTO_SCTP, SCTP_STATUS, &status, &size) == 0;
}

EngineSocket::PathState EngineSocket::GetPathState() {
  sctp_status status{};
  socklen_t size = sizeof(status);
  if (usrsctp_getsockopt(socket_, IPPROTO_SCTP, SCTP_STATUS, &status, &size) != 0) return {};
  return {std::chrono::milliseconds(status.sstat_primary.spinfo_srtt),
          status.sstat_primary.spinfo_cwnd, status.sstat_rwnd};
}

Status EngineSocket::SetPacketSize(size_t bytes) {
  sctp_paddrparams path{};
  const sockaddr_conn remote = ConnAddress(id_, remote_port_);
  std::memcpy(&path.spp_address, &remote, sizeof(remote));
  path.spp_flags = SPP_PMTUD_DISABLE;
  path.spp_pathmtu = PathMtu(bytes);
  const int error = SetOption(SCTP_PEER_ADDR_PARAMS, path);
  if (error != 0) return Status::FromErrno("sctp: packet size", error);
  packet_size_ = bytes;
  return Status::Ok();
}

void EngineSocket::SetMaxRetransmissionTime(Duration time) {
  sctp_rtoinfo rto{};  // what is 0 stays
  rto.srto_max = Milliseconds(time);
  const int error = SetOption(SCTP_RTOINFO, rto);
  LOG_IF(WARNING, error != 0) << "sctp: retransmission time: "
                              << Status::FromErrno("", error).message();
}

// Choosing the algorithm, even the one in use, initialises it, by a setting of the whole engine.
void EngineSocket::RestartCongestionControl(size_t window) {
  const size_t packets = std::max<size_t>(kFirstWindow, (window + packet_size_ - 1) / packet_size_);
  usrsctp_sysctl_set_sctp_initial_cwnd(base::CheckedCast<uint32_t>(packets));
  sctp_assoc_value algorithm{};
  algorithm.assoc_value = SCTP_CC_RFC2581;
  const int error = SetOption(kCongestionControl, algorithm);
  LOG_IF(WARNING, error != 0) << "sctp: congestion control: "
                              << Status::FromErrno("", error).message();
  usrsctp_sysctl_set_sctp_initial_cwnd(kFirstWindow);
}

void EngineSocket::SendHeartbeat() {
  sctp_paddrparams path{};
  const sockaddr_conn remote = ConnAddress(id_, remote_port_);
  std::memcpy(&path.spp_address, &remote, sizeof(remote));
  path.spp_flags = SPP_HB_DEMAND;
  const int error = SetOption(SCTP_PEER_ADDR_PARAMS, path);
  LOG_IF(WARNING, error != 0) << "sctp: heartbeat: " << Status::FromErrno("", error).message();
}

int EngineSocket::ResetStreams(const std::vector<StreamId>& ids) {
  DCHECK_LE(ids.size(), kMaxResetIds);
  // sctp_reset_streams ends in a flexible array.
  alignas(sctp_reset_streams)
      std::array<uint8_t, sizeof(sctp_reset_streams) + kMaxResetIds * sizeof(uint16_t)>
          request{};
  sctp_reset_streams fixed{};
  fixed.srs_assoc_id = SCTP_ALL_ASSOC;
  fixed.srs_flags = SCTP_STREAM_RESET_OUTGOING;
  fixed.srs_number_streams = base::CheckedCast<uint16_t>(ids.size());
  std::memcpy(request.data(), &fixed, sizeof(fixed));
  size_t used = sizeof(fixed);
  for (const StreamId id : ids) {
    const uint16_t number = id.value();
    std::memcpy(request.data() + used, &number, sizeof(number));
    used += sizeof(number);
  }
  return usrsctp_setsockopt(socket_, IPPROTO_SCTP, SCTP_RESET_STREAMS, request.data(),
                            static_cast<socklen_t>(used)) == 0
             ? 0
             : errno;
}

int EngineSocket::AddOutgoingStreams(uint16_t count) {
  sctp_add_streams request{};
  request.sas_assoc_id = SCTP_ALL_ASSOC;
  request.sas_outstrms = count;
  return SetOption(SCTP_ADD_STREAMS, request);
}

int EngineSocket::ShutdownWrite() { return usrsctp_shutdown(socket_, SHUT_WR) == 0 ? 0 : errno; }

}  // namespace ming::sctp
