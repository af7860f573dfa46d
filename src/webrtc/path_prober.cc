#include "ming/webrtc/path_prober.h"

#include <optional>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/codec/path_probe.h"

namespace ming::webrtc {

using codec::PathProbe;

PathProber::PathProber(link::TimerService& timers, Observer& observer)
    : timers_(timers), observer_(observer), alarm_(timers.CreateAlarm([this] { OnTimeout(); })) {}

void PathProber::HandleNewPath(const PathMtuLimits& limits) {
  search_.HandleNewPath(limits);
  told_ = search_.packet_size();
  too_large_ = observer_.DatagramsTooLarge();
  Arm();
}

void PathProber::HandleSent(size_t size) {
  search_.HandleSent(timers_.Now(), size);
  Arm();
}

void PathProber::HandleRecord(ByteSpan record) {
  const std::optional<PathProbe> probe = codec::ParsePathProbe(record);
  if (!probe) return;
  if (probe->kind == PathProbe::Kind::kProbe) {
    observer_.SendProbe(
        codec::SerializePathProbe({PathProbe::Kind::kAnswer, probe->id, probe->size}));
    return;
  }
  // A probe that left in fragments was answered as well.
  NoteTooLarge();
  search_.HandleAnswer(timers_.Now(), probe->id, probe->size);
  Pump();
}

void PathProber::OnTimeout() {
  armed_ = Timestamp::Max();
  const Timestamp now = timers_.Now();
  if (const Duration round_trip = observer_.RoundTrip(); round_trip > Duration(0)) {
    search_.SetRoundTrip(round_trip);
  }
  if (!NoteTooLarge()) search_.HandleTimeout(now);
  Pump();
}

// What the kernel refuses is known behind the turn in which it was sent.
bool PathProber::NoteTooLarge() {
  const uint64_t refused = observer_.DatagramsTooLarge();
  if (std::exchange(too_large_, refused) == refused) return false;
  search_.HandleTooLarge(timers_.Now());
  return true;
}

void PathProber::Pump() {
  if (std::exchange(told_, search_.packet_size()) != search_.packet_size()) {
    observer_.OnPacketSize(search_.packet_size());
  }
  while (const std::optional<PathMtuSearch::Probe> probe = search_.PollProbe()) {
    observer_.SendProbe(codec::SerializePathProbe(
        {PathProbe::Kind::kProbe, probe->id, base::CheckedCast<uint16_t>(probe->size)}));
  }
  Arm();
}

void PathProber::Arm() {
  const Timestamp next = search_.NextTimeout();
  if (next == armed_) return;
  armed_ = next;
  alarm_->ArmAt(next);
}

}  // namespace ming::webrtc
