// CopyRelay: the relay for any two streams: shows the sink what the source shows.
#ifndef MING_TUNNEL_COPY_RELAY_H_
#define MING_TUNNEL_COPY_RELAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/splice.h"
#include "ming/link/timer_service.h"
#include "ming/tunnel/relay.h"

namespace ming::tunnel {

class CopyRelay : public Relay {
 public:
  // As CreateRelay.
  CopyRelay(link::TimerService& timers, link::ByteStream& a, link::ByteStream& b,
            const RelayOptions& options, Observer& observer);
  ~CopyRelay() override;

  void Start() override;
  void Abort(const Status& why) override;
  const RelayCounts& counts() const override { return counts_; }

 protected:
  enum class Way : uint8_t { kAToB, kBToA };
  enum class Progress : uint8_t {
    kBlocked,  // a stream calls when it can go on
    kYielded,  // the turn's budget is used up
    kEnded,
  };

  // Moves what can be moved now. Not after kEnded.
  virtual Progress Pump(Way way);

  link::ByteStream& source(Way way) { return (way == Way::kAToB ? a_ : b_).stream(); }
  link::ByteStream& sink(Way way) { return (way == Way::kAToB ? b_ : a_).stream(); }
  uint64_t moved(Way way) const { return way == Way::kAToB ? counts_.a_to_b : counts_.b_to_a; }
  size_t turn_budget() const { return options_.turn_budget; }
  link::SplicePipes* pipes() const { return options_.pipes; }
  // `bytes` went from the source to the sink.
  void NoteMoved(Way way, size_t bytes);
  Progress EndSink(Way way);

 private:
  // One of the two streams, seen by the relay.
  class End final : public link::ByteStream::Observer {
   public:
    End(CopyRelay& relay, link::ByteStream& stream) : relay_(relay), stream_(stream) {}
    link::ByteStream& stream() { return stream_; }

    void OnReadable() override { relay_.OnReadable(*this); }
    void OnWritable() override { relay_.OnWritable(*this); }
    void OnStreamError(const Status& why) override { relay_.OnStreamError(*this, why); }

   private:
    CopyRelay& relay_;
    link::ByteStream& stream_;
  };

  enum class State : uint8_t { kNew, kRunning, kAborted, kDone };

  void OnReadable(End& end);
  void OnWritable(End& end);
  void OnStreamError(End& end, const Status& why);
  void OnAlarm();

  void Advance(Way way);
  // What holds in the present state; none: no limit.
  std::optional<Duration> IdleLimit() const;
  // Finishes when both directions ended, else arms the alarm.
  void Conclude();
  void Finish(const Status& why);
  void ArmAlarm(Timestamp when);
  void Unobserve();

  link::TimerService& timers_;
  End a_;
  End b_;
  const RelayOptions options_;
  Observer& observer_;
  const std::unique_ptr<link::Alarm> alarm_;
  RelayCounts counts_;
  Status aborted_for_;
  Timestamp last_active_;
  Timestamp alarm_at_ = Timestamp::Max();
  Progress a_to_b_ = Progress::kYielded;
  Progress b_to_a_ = Progress::kYielded;
  State state_ = State::kNew;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_COPY_RELAY_H_
