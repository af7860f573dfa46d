#include "ming/net/alarm_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "ming/base/random.h"

namespace ming::net {
namespace {

using std::chrono::seconds;

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

Timestamp At(int second) { return Timestamp(seconds(second)); }

std::vector<AlarmHeap::Node*> PopAll(AlarmHeap& heap, Timestamp now) {
  std::vector<AlarmHeap::Node*> popped;
  while (auto* node = heap.PopDue(now, kNoLimit)) popped.push_back(node);
  return popped;
}

TEST(AlarmHeapTest, EmptyHeapHasNoTime) {
  AlarmHeap heap;
  EXPECT_EQ(heap.next_time(), Timestamp::Max());
  EXPECT_EQ(heap.PopDue(At(100), kNoLimit), nullptr);
}

TEST(AlarmHeapTest, PopsInOrderOfTime) {
  AlarmHeap heap;
  AlarmHeap::Node late;
  AlarmHeap::Node early;
  AlarmHeap::Node middle;
  heap.Arm(late, At(3));
  heap.Arm(early, At(1));
  heap.Arm(middle, At(2));
  EXPECT_EQ(heap.next_time(), At(1));
  EXPECT_THAT(PopAll(heap, At(5)), testing::ElementsAre(&early, &middle, &late));
}

TEST(AlarmHeapTest, EqualTimesKeepTheOrderOfArming) {
  AlarmHeap heap;
  std::vector<AlarmHeap::Node> nodes(100);
  for (auto& node : nodes) heap.Arm(node, At(1));
  for (auto& node : nodes) EXPECT_EQ(heap.PopDue(At(1), kNoLimit), &node);
}

TEST(AlarmHeapTest, LeavesWhatIsNotDue) {
  AlarmHeap heap;
  AlarmHeap::Node node;
  heap.Arm(node, At(2));
  EXPECT_EQ(heap.PopDue(At(1), kNoLimit), nullptr);
  EXPECT_TRUE(node.in_heap());
  EXPECT_EQ(heap.PopDue(At(2), kNoLimit), &node);
  EXPECT_FALSE(node.in_heap());
}

TEST(AlarmHeapTest, LeavesWhatWasArmedAfterTheLimit) {
  AlarmHeap heap;
  AlarmHeap::Node before;
  AlarmHeap::Node after;
  heap.Arm(before, At(1));
  const uint64_t limit = heap.arm_count();
  heap.Arm(after, At(1));
  EXPECT_EQ(heap.PopDue(At(1), limit), &before);
  EXPECT_EQ(heap.PopDue(At(1), limit), nullptr);
  EXPECT_TRUE(after.in_heap());
}

TEST(AlarmHeapTest, CancelIsHarmlessTwice) {
  AlarmHeap heap;
  AlarmHeap::Node node;
  heap.Arm(node, At(1));
  heap.Cancel(node);
  heap.Cancel(node);
  EXPECT_TRUE(heap.empty());
}

// Thousands of random arms, moves and cancels agree with a sorted set.
TEST(AlarmHeapTest, AgreesWithASortedSet) {
  using Key = std::pair<Timestamp, uint64_t>;
  SeededRandom random(42);
  AlarmHeap heap;
  std::vector<AlarmHeap::Node> nodes(3000);
  std::vector<Key> keys(nodes.size());
  std::set<std::pair<Key, size_t>> model;
  for (int step = 0; step < 30000; ++step) {
    const size_t i = random.Below(nodes.size());
    model.erase({keys[i], i});
    if (random.Below(3) == 0) {
      heap.Cancel(nodes[i]);
    } else {
      keys[i] = {At(static_cast<int>(random.Below(500))), heap.arm_count()};
      heap.Arm(nodes[i], keys[i].first);
      model.insert({keys[i], i});
    }
    if (step % 1000 == 0) {
      ASSERT_TRUE(heap.IsConsistent());
    }
  }
  ASSERT_EQ(heap.size(), model.size());
  for (const auto& [key, i] : model) {
    ASSERT_EQ(heap.next_time(), key.first);
    ASSERT_EQ(heap.PopDue(key.first, kNoLimit), &nodes[i]);
  }
  EXPECT_TRUE(heap.empty());
}

}  // namespace
}  // namespace ming::net
