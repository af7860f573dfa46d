#include "ming/net/datagram_batch.h"

#include <gtest/gtest.h>

#include <vector>

namespace ming::net {
namespace {

void AppendSizes(DatagramBatch& batch, const std::vector<size_t>& sizes) {
  uint8_t fill = 0;
  for (const size_t size : sizes) {
    batch.Append(std::vector<uint8_t>(size, fill++));
  }
}

TEST(DatagramBatch, JoinsEqualSizesAndOneShorterAtTheEnd) {
  DatagramBatch batch;
  AppendSizes(batch, {1200, 1200, 1200, 300, 1200});
  const DatagramBatch::Run run = batch.Front();
  EXPECT_EQ(run.segment, 1200u);
  EXPECT_EQ(run.count, 4u);
  ASSERT_EQ(run.bytes.size(), 3900u);
  EXPECT_EQ(run.bytes[0], 0);
  EXPECT_EQ(run.bytes[3600], 3);
  batch.Pop(run);
  EXPECT_EQ(batch.Front().count, 1u);
  EXPECT_EQ(batch.Front().bytes[0], 4);
}

TEST(DatagramBatch, ALargerOneStartsANewRun) {
  DatagramBatch batch;
  AppendSizes(batch, {100, 1200, 1200});
  EXPECT_EQ(batch.Front().count, 1u);
  batch.Pop(batch.Front());
  EXPECT_EQ(batch.Front().count, 2u);
}

TEST(DatagramBatch, KeepsToWhatTheKernelTakes) {
  DatagramBatch many;
  AppendSizes(many, std::vector<size_t>(65, 10));
  EXPECT_EQ(many.Front().count, 64u);
  DatagramBatch large;
  AppendSizes(large, std::vector<size_t>(5, 16384));
  EXPECT_EQ(large.Front().count, 3u);
  DatagramBatch exact;
  AppendSizes(exact, std::vector<size_t>(51, 1300));
  EXPECT_EQ(exact.Front().count, 50u);
  EXPECT_EQ(exact.Front().bytes.size(), DatagramBatch::kMaxRunBytes);
}

TEST(DatagramBatch, KnowsWhenARunIsFull) {
  DatagramBatch many;
  AppendSizes(many, std::vector<size_t>(63, 10));
  EXPECT_TRUE(many.RunHasRoomFor(10));
  AppendSizes(many, {10});
  EXPECT_FALSE(many.RunHasRoomFor(10));
  DatagramBatch large;
  AppendSizes(large, std::vector<size_t>(49, 1300));
  EXPECT_TRUE(large.RunHasRoomFor(1300));
  EXPECT_FALSE(large.RunHasRoomFor(1301));
}

TEST(DatagramBatch, TakesOneAloneWhereSegmentationIsRefused) {
  DatagramBatch batch;
  AppendSizes(batch, {1200, 1200});
  batch.Pop(batch.FrontAlone());
  EXPECT_EQ(batch.count(), 1u);
  EXPECT_EQ(batch.bytes(), 1200u);
  EXPECT_EQ(batch.FrontAlone().bytes[0], 1);
  batch.Pop(batch.FrontAlone());
  EXPECT_TRUE(batch.empty());
  AppendSizes(batch, {7});
  EXPECT_EQ(batch.Front().bytes.size(), 7u);
}

}  // namespace
}  // namespace ming::net
