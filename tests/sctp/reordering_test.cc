#include "ming/sctp/reordering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace ming::sctp {
namespace {

using std::chrono::milliseconds;

constexpr Duration kShortest = milliseconds(40);
constexpr Duration kSmoothed = milliseconds(60);

Duration WindowOf(const Reordering& reordering, size_t arrived_packets = 3) {
  return reordering.Window(kShortest, kSmoothed, arrived_packets);
}

TEST(ReorderingTest, ThreePacketsAreEnoughWhereNothingWasOutOfOrder) {
  Reordering reordering;
  reordering.Start(1);
  reordering.NoteDelivered(1, 1);
  EXPECT_EQ(WindowOf(reordering, 2), kShortest / 4);
  EXPECT_EQ(WindowOf(reordering, 3), Duration(0));
}

TEST(ReorderingTest, WhatArrivesBehindALaterOneWasOvertaken) {
  Reordering reordering;
  reordering.Start(0xFFFFFFFF);  // TSNs wrap around
  reordering.NoteDelivered(0, 1);
  reordering.NoteDelivered(0xFFFFFFFF, 1);
  EXPECT_EQ(WindowOf(reordering), kShortest / 4);
  reordering.Reset();
  EXPECT_EQ(WindowOf(reordering), Duration(0));
}

TEST(ReorderingTest, ARepairThatArrivesLateProvesNothing) {
  Reordering reordering;
  reordering.Start(1);
  reordering.NoteDelivered(2, 1);
  reordering.NoteDelivered(1, 2);
  EXPECT_EQ(WindowOf(reordering), Duration(0));
}

TEST(ReorderingTest, EachRepairInVainWaitsLongerUpToARoundTrip) {
  Reordering reordering;
  reordering.NoteDuplicate(7);  // of the path
  EXPECT_EQ(WindowOf(reordering), Duration(0));
  reordering.NoteRepeated(7);
  for (int quarters = 1; quarters <= 12; ++quarters) {
    reordering.NoteDuplicate(7);
    EXPECT_EQ(WindowOf(reordering), std::min<Duration>(kSmoothed, quarters * kShortest / 4));
  }
}

TEST(ReorderingTest, AMillisecondIsTheLeast) {
  Reordering reordering;
  EXPECT_EQ(reordering.Window(std::nullopt, std::nullopt, 0), milliseconds(1));
  EXPECT_EQ(reordering.Window(std::chrono::microseconds(100), std::nullopt, 0), milliseconds(1));
}

}  // namespace
}  // namespace ming::sctp
