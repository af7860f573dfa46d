#include "ming/tunnel/receive_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "ming/base/random.h"

namespace ming::tunnel {
namespace {

TEST(ReceiveQueueTest, KeepsTheOrderOfBytesThroughRandomCuts) {
  SeededRandom random(7);
  ReceiveQueue queue;
  std::string pushed;
  std::string taken;
  for (int step = 0; step < 5000; ++step) {
    if (random.Below(2) == 0) {
      const std::string message = random.Alphanumeric(random.Below(1200));
      pushed += message;
      queue.Push(ByteBuffer::CopyOf(message));
    } else if (!queue.empty()) {
      const ByteSpan front = queue.Front();
      ASSERT_FALSE(front.empty());
      const size_t count = 1 + random.Below(front.size());
      taken += front.First(count).AsText();
      queue.Consume(count);
    }
    ASSERT_EQ(queue.size(), pushed.size() - taken.size());
  }
  EXPECT_EQ(taken, pushed.substr(0, taken.size()));
  queue.Clear();
  EXPECT_TRUE(queue.Front().empty());
}

TEST(ReceiveQueueTest, JoinsSmallMessages) {
  ReceiveQueue queue;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    queue.Push(ByteBuffer::CopyOf("x"));
    expected += 'x';
  }
  // One buffer for each message would show one byte at a time.
  EXPECT_EQ(queue.Front().AsText(), expected);
}

}  // namespace
}  // namespace ming::tunnel
