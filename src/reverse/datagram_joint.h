// DatagramJoint: one UDP flow on a data connection: frames what it is given, and hands out what
// comes. It knows no socket.
#ifndef MING_REVERSE_DATAGRAM_JOINT_H_
#define MING_REVERSE_DATAGRAM_JOINT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/datagram_frame.h"
#include "ming/codec/reverse_line.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"
#include "ming/tunnel/relay.h"

namespace ming::reverse {

struct UdpOptions {
  // A flow without a datagram either way ends after so long, 100 ms to 24 h: what NATs grant.
  Duration idle_timeout = std::chrono::seconds(60);
  // Bytes of one flow that wait for its data connection; beyond, the newest are dropped. Four of
  // the longest datagrams; more would only be late.
  size_t max_queued_bytes = size_t{256} << 10;
  // Datagrams of a flow that waits to be paired, and bytes of all such flows.
  size_t max_waiting_datagrams = 32;
  size_t max_waiting_bytes = size_t{4} << 20;
};

class DatagramJoint final : private link::ByteStream::Observer {
 public:
  // From the loop; `datagram` is valid during the call.
  using DatagramCallback = std::function<void(ByteSpan datagram)>;
  // Once, from the loop, and last: kDone (ended or idle), kReset or kProtocol. May destroy the
  // joint through DeferDelete.
  using DoneCallback = std::function<void(codec::ReverseReason why)>;

  // `timers` outlives the joint. Reads from the next turn on.
  DatagramJoint(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
                const UdpOptions& options, DatagramCallback on_datagram, DoneCallback on_done);
  // Resets a stream that has not ended.
  ~DatagramJoint() override;

  // Sends it to the other end. False: dropped, the connection stalls.
  [[nodiscard]] bool Send(ByteSpan datagram);
  // Resets the stream; on_done(kReset) follows from the loop.
  void Abort(const Status& why);

  // Bytes of datagrams sent (a_to_b) and received.
  const tunnel::RelayCounts& counts() const { return counts_; }

 private:
  void OnReadable() override { Read(); }
  void OnWritable() override { Flush(); }
  void OnStreamError(const Status& why) override;

  void Read();
  bool HandOut();
  void Flush();
  void OnAlarm();
  void Finish(codec::ReverseReason why);

  link::TimerService& timers_;
  std::unique_ptr<link::ByteStream> stream_;
  const UdpOptions options_;
  const DatagramCallback on_datagram_;
  const DoneCallback on_done_;
  const std::unique_ptr<link::Alarm> alarm_;  // first look, idle time, the end
  codec::DatagramFrameReader reader_;
  ByteBuffer queue_;
  Timestamp last_active_;
  bool started_ = false;
  std::optional<codec::ReverseReason> finished_;
  bool done_ = false;
  tunnel::RelayCounts counts_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_DATAGRAM_JOINT_H_
