// Joint: two streams and the relay between them, until both have ended or one failed. Where one is
// a PieceStream, its connection can be had back then.
#ifndef MING_REVERSE_JOINT_H_
#define MING_REVERSE_JOINT_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "ming/base/status.h"
#include "ming/codec/reverse_line.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"
#include "ming/reverse/piece_stream.h"
#include "ming/tunnel/relay.h"

namespace ming::reverse {

class Joint final : private tunnel::Relay::Observer, private link::ByteStream::Observer {
 public:
  // Once, from the loop; may destroy the joint through DeferDelete. kDone, kIdle or kReset.
  using DoneCallback = std::function<void(codec::ReverseReason why)>;

  // Two streams, and how many bytes of `a` went to `b` before.
  struct Ends {
    std::unique_ptr<link::ByteStream> a;
    std::unique_ptr<link::ByteStream> b;
    uint64_t a_to_b = 0;
    PieceStream* pieces = nullptr;  // one of the two, where it is such
  };

  // Starts the relay. `timers` outlives the joint.
  Joint(link::TimerService& timers, Ends ends, const tunnel::RelayOptions& options,
        DoneCallback on_done);
  ~Joint() override;

  void Abort(const Status& why);
  // After kDone, once: the connection below the pieces, for another caller. Null: none.
  std::unique_ptr<link::ByteStream> ReleaseConnection();
  tunnel::RelayCounts counts() const {
    return {ends_.a_to_b + relay_->counts().a_to_b, relay_->counts().b_to_a};
  }

 private:
  void OnRelayDone(const Status& why, const tunnel::RelayCounts& counts) override;
  // Of a stream that has not sent everything, after the relay is done.
  void OnReadable() override {}
  void OnWritable() override;
  void OnStreamError(const Status& why) override;
  bool IsFlushed() { return ends_.a->IsFlushed() && ends_.b->IsFlushed(); }
  void EndFlush(codec::ReverseReason why);

  link::TimerService& timers_;
  const Ends ends_;
  const Duration flush_limit_;
  const DoneCallback on_done_;
  const std::unique_ptr<tunnel::Relay> relay_;
  std::unique_ptr<link::Alarm> flush_alarm_;  // while it is
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_JOINT_H_
