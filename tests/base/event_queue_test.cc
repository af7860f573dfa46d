#include "ming/base/event_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace ming {
namespace {

TEST(EventQueueTest, GivesEventsInOrderAndOnce) {
  EventQueue<std::string> queue;
  EXPECT_EQ(queue.Poll(), std::nullopt);
  queue.Push("a");
  queue.Push("b");
  EXPECT_EQ(queue.Poll(), "a");
  EXPECT_EQ(queue.Poll(), "b");
  EXPECT_EQ(queue.Poll(), std::nullopt);
}

TEST(EventQueueTest, TakesMoreWhileItIsPolled) {
  EventQueue<int> queue;
  queue.Push(1);
  queue.Push(2);
  EXPECT_EQ(queue.Poll(), 1);
  queue.Push(3);
  EXPECT_EQ(queue.Poll(), 2);
  EXPECT_EQ(queue.Poll(), 3);
  EXPECT_EQ(queue.Poll(), std::nullopt);
  queue.Push(4);
  EXPECT_EQ(queue.Poll(), 4);
}

TEST(EventQueueTest, MovesWhatCannotBeCopied) {
  EventQueue<std::unique_ptr<int>> queue;
  queue.Push(std::make_unique<int>(7));
  const auto event = queue.Poll();
  ASSERT_TRUE(event);
  EXPECT_EQ(**event, 7);
}

}  // namespace
}  // namespace ming
