// RateControl: how fast to send, and how much may be on the way. Pure.
//
// A model of the path in place of a reaction to losses, after BBR (Cardwell et al., 2016): the rate
// at which bytes were delivered, as the highest of the last ten round trips, and the shortest round
// trip of the last ten seconds. Packets leave at that rate; eight round trips in turn try a quarter
// more, a quarter less and then keep to it. Before that the rate doubles in each round trip, until
// one brings no more than the one before and a queue stands, or three do. What is on the way stays
// near twice what the path holds, so a queue grows to one round trip at most. Losses cost what they
// lose and no more: a path that loses up to a fifth is used at its rate, and where losses come from
// sending too fast the rate delivered does not grow, so neither does the rate sent.
#ifndef MING_SCTP_RATE_CONTROL_H_
#define MING_SCTP_RATE_CONTROL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/time.h"

namespace ming::sctp {

// What one SACK tells.
struct AckSample {
  uint64_t delivered = 0;         // bytes, since the start, this SACK included
  uint64_t delivered_before = 0;  // when the packet that the sample is about was sent
  size_t acknowledged = 0;        // bytes, by this SACK
  uint64_t lost = 0;              // bytes found lost, since the start
  size_t on_the_way = 0;          // bytes, behind this SACK
  std::optional<double> rate;     // bytes a second; none: too short to tell
  std::optional<Duration> round_trip;
  Duration smoothed_round_trip{0};
  bool limited_by_sender = false;  // the sample's rate is that of the sender
};

class RateControl {
 public:
  // Packets are up to `packet_size` bytes.
  explicit RateControl(size_t packet_size);

  void SetPacketSize(size_t bytes) { packet_size_ = bytes; }

  void HandleAck(Timestamp now, const AckSample& sample);
  // Nothing came back for long: one packet at a time until something does.
  void HandleSilence() { silent_ = true; }
  // Something else than window() bounds what is on the way: the start is over.
  void HandleLimit() { full_ = full_ || bandwidth_ > 0; }
  // Nothing is on the way any more: the clock of the model stood still.
  void HandleIdleStart(Timestamp now);
  // Another path: nothing is known.
  void Restart();

  // Bytes a second; none before the first sample: only window() limits.
  std::optional<double> pacing_rate() const;
  // The model's rate, bytes a second, without what tries more or less.
  double bandwidth() const { return bandwidth_; }
  // Bytes that may be on the way.
  size_t window() const;
  std::optional<Duration> shortest_round_trip() const { return shortest_; }

 private:
  enum class Mode { kStartup, kDrain, kCruise, kMeasure };
  static constexpr size_t kRounds = 10;

  void CountRound(const AckSample& sample);
  void UpdateBandwidth(const AckSample& sample);
  void UpdateAggregation(Timestamp now, const AckSample& sample);
  void CheckFull(const AckSample& sample);
  bool QueueStands(const AckSample& sample) const;
  void UpdateShortest(Timestamp now, const AckSample& sample);
  void UpdateMode(Timestamp now, const AckSample& sample);
  void UpdateCycle(Timestamp now, const AckSample& sample);
  void StartCruise(Timestamp now);
  void Measure(Timestamp now, const AckSample& sample);
  void UpdateWindow(const AckSample& sample);
  size_t InFlight(double gain) const;
  double pacing_gain() const;

  size_t packet_size_;
  Mode mode_ = Mode::kStartup;
  bool silent_ = false;

  uint64_t round_end_ = 0;  // `delivered` when a packet was sent whose acknowledgment ends it
  uint64_t round_ = 0;
  bool round_began_ = false;
  uint64_t round_lost_ = 0;             // `lost` when the round began
  uint64_t round_delivered_ = 0;        // `delivered` then
  bool lossy_round_ = false;            // the one that ended last
  std::array<double, kRounds> best_{};  // of each round
  double bandwidth_ = 0;

  std::optional<Duration> shortest_;
  Timestamp shortest_at_;
  bool shortest_expired_ = false;
  std::optional<Timestamp> measured_until_;
  uint64_t measure_round_ = 0;

  double full_bandwidth_ = 0;
  int rounds_without_growth_ = 0;
  bool full_ = false;

  size_t phase_ = 0;
  Timestamp phase_began_;

  // Acknowledgments that come in lumps: what one brought beyond the rate.
  Timestamp lump_began_;
  size_t lump_ = 0;
  std::array<size_t, kRounds> lumps_{};

  size_t window_ = 0;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_RATE_CONTROL_H_
