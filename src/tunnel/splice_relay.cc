#include "ming/tunnel/splice_relay.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::tunnel {
namespace {

using SpliceState = link::SpliceEnd::State;

// The first bytes of a direction are copied: most connections never have more.
constexpr uint64_t kCopiedFirst = uint64_t{64} << 10;
// What came in one go must be so much for the next to be spliced: below, two system calls more cost
// more than the copy.
constexpr size_t kLeastBurst = size_t{16} << 10;
// One direction in one turn.
constexpr size_t kSpliceBudget = size_t{1} << 20;

link::SpliceEnd& SpliceEndOf(link::ByteStream& stream) {
  link::SpliceEnd* const end = stream.splice_end();
  CHECK(end != nullptr);
  return *end;
}

}  // namespace

CopyRelay::Progress SpliceRelay::Pump(Way way) {
  const uint64_t before = moved(way);
  Progress progress = Progress::kBlocked;
  if (Drain(way)) progress = IsForPipe(way) ? Splice(way) : CopyRelay::Pump(way);
  lane(way).last_burst = static_cast<size_t>(moved(way) - before);
  return progress;
}

bool SpliceRelay::IsForPipe(Way way) const {
  const Lane& lane = way == Way::kAToB ? a_to_b_lane_ : b_to_a_lane_;
  return !lane.refused && lane.last_burst >= kLeastBurst && moved(way) >= kCopiedFirst;
}

// An empty pipe is borrowed for as long as this lasts: bytes that the sink does not take keep it.
CopyRelay::Progress SpliceRelay::Splice(Way way) {
  Lane& lane = this->lane(way);
  link::SpliceEnd& from = SpliceEndOf(source(way));
  for (size_t budget = kSpliceBudget; budget > 0;) {
    if (sink(way).WritableBytes() == 0) return Progress::kBlocked;
    lane.pipe = pipes()->Borrow();
    if (lane.pipe == nullptr) return CopyRelay::Pump(way);
    const auto taken = from.SpliceTo(*lane.pipe, std::min(lane.pipe->capacity(), budget));
    lane.inside = taken.bytes;
    budget -= taken.bytes;
    if (!Drain(way)) return Progress::kBlocked;
    switch (taken.state) {
      case SpliceState::kMoved:
        break;
      case SpliceState::kWouldBlock:
        return Progress::kBlocked;
      case SpliceState::kEnd:
        return EndSink(way);
      case SpliceState::kRefused:
        lane.refused = true;
        return CopyRelay::Pump(way);
      case SpliceState::kHeld:
        return CopyRelay::Pump(way);
    }
  }
  return Progress::kYielded;
}

bool SpliceRelay::Drain(Way way) {
  Lane& lane = this->lane(way);
  if (lane.pipe == nullptr) return true;
  if (lane.inside > 0) {
    const size_t taken = SpliceEndOf(sink(way)).SpliceFrom(*lane.pipe, lane.inside);
    lane.inside -= taken;
    NoteMoved(way, taken);
  }
  if (lane.inside > 0) return false;
  pipes()->Return(std::move(lane.pipe));
  return true;
}

}  // namespace ming::tunnel
