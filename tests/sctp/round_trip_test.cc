#include "ming/sctp/round_trip.h"

#include <gtest/gtest.h>

namespace ming::sctp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RoundTrip Steady(Duration sample) {
  RoundTrip round_trip(milliseconds(20), milliseconds(500));
  for (int i = 0; i < 200; ++i) round_trip.Add(sample);
  return round_trip;
}

TEST(RoundTripTest, AssumesASecondAtFirst) {
  const RoundTrip round_trip(milliseconds(20), milliseconds(500));
  EXPECT_FALSE(round_trip.smoothed().has_value());
  EXPECT_EQ(round_trip.ProbeTimeout(), seconds(1));
  EXPECT_EQ(round_trip.SilenceTimeout(0), seconds(1));
}

TEST(RoundTripTest, TheFirstSampleCountsAndLaterOnesAreSmoothed) {
  RoundTrip round_trip(milliseconds(20), milliseconds(500));
  round_trip.Add(milliseconds(80));
  EXPECT_EQ(round_trip.smoothed(), milliseconds(80));
  round_trip.Add(milliseconds(160));
  EXPECT_EQ(round_trip.smoothed(), milliseconds(90));
  round_trip.Reset();
  EXPECT_FALSE(round_trip.smoothed().has_value());
}

TEST(RoundTripTest, AProbeWaitsForTwoRoundTripsAndThePeersDelay) {
  EXPECT_EQ(Steady(milliseconds(100)).ProbeTimeout(), milliseconds(220));
}

TEST(RoundTripTest, SilenceDoublesUpToItsBound) {
  const RoundTrip near = Steady(milliseconds(10));
  EXPECT_EQ(near.SilenceTimeout(0), milliseconds(200));
  EXPECT_EQ(near.SilenceTimeout(1), milliseconds(400));
  EXPECT_EQ(near.SilenceTimeout(100), milliseconds(500));
  // A path longer than the bound is given its round trip.
  const RoundTrip far = Steady(seconds(1));
  EXPECT_GE(far.SilenceTimeout(0), milliseconds(1020));
  EXPECT_EQ(far.SilenceTimeout(3), far.SilenceTimeout(0));
}

}  // namespace
}  // namespace ming::sctp
