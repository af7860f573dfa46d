#include "ming/webrtc/send_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>

namespace ming::webrtc {
namespace {

using testing::AnyOf;

constexpr size_t kTurn = SendLine::kTurnBytes;
constexpr size_t kLight = SendLine::kLightBytes;
// What one message carries in bulk.
constexpr size_t kMessage = size_t{64} << 10;

class SendLineTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(line_.empty()); }

  SendLine::Member& at(char name) { return members_.at(static_cast<size_t>(name - 'a')); }
  // Begins the turn of whoever is next; its name.
  char Begin() {
    const SendLine::Member& next = line_.BeginTurn();
    return static_cast<char>('a' + (&next - members_.data()));
  }
  // Whole messages while it may, and then it wants more.
  size_t SendAll(char name) {
    size_t sent = 0;
    while (line_.MaySend(at(name))) {
      line_.NoteSent(at(name), kMessage);
      sent += kMessage;
    }
    line_.Add(at(name));
    return sent;
  }
  void Send(char name, size_t bytes) {
    ASSERT_TRUE(line_.MaySend(at(name)));
    line_.NoteSent(at(name), bytes);
  }
  // The next turn, all of it; whose it was.
  char Bulk() {
    const char name = Begin();
    SendAll(name);
    line_.EndTurn(SendLine::Room::kLeft);
    return name;
  }
  std::string Bulk(int turns) {
    std::string names;
    for (int i = 0; i < turns; ++i) names += Bulk();
    return names;
  }
  // They have had their first turns, and wait in this order.
  void AddBulk(const std::string& names) {
    for (const char name : names) {
      line_.Add(at(name));
      ASSERT_EQ(Begin(), name);
      Send(name, kLight);
      line_.Add(at(name));
      line_.EndTurn(SendLine::Room::kLeft);
    }
  }

  SendLine line_;

 private:
  std::array<SendLine::Member, 8> members_;
};

TEST_F(SendLineTest, BulkTakesLongTurnsOneAfterTheOther) {
  AddBulk("abc");
  EXPECT_EQ(Bulk(6), "abcabc");
  ASSERT_EQ(Begin(), 'a');
  EXPECT_EQ(SendAll('a'), kTurn);
  line_.EndTurn(SendLine::Room::kLeft);
  line_.Clear();
}

TEST_F(SendLineTest, StandsInLineOnce) {
  line_.Add(at('a'));
  line_.Add(at('a'));
  EXPECT_EQ(Begin(), 'a');
  line_.EndTurn(SendLine::Room::kLeft);
}

TEST_F(SendLineTest, ANewOneGoesAheadOfBulkWithAShortTurn) {
  AddBulk("abc");
  line_.Add(at('d'));
  ASSERT_EQ(Begin(), 'd');
  EXPECT_EQ(SendAll('d'), kMessage) << "the message that goes beyond the turn is the last";
  line_.EndTurn(SendLine::Room::kLeft);
  EXPECT_EQ(Bulk(4), "abcd");
  line_.Clear();
}

TEST_F(SendLineTest, WhoSendsLittleGoesAheadEachTime) {
  AddBulk("ab");
  for (int i = 0; i < 3; ++i) {
    line_.Add(at('d'));
    ASSERT_EQ(Begin(), 'd');
    Send('d', 100);
    line_.EndTurn(SendLine::Room::kLeft);
    EXPECT_THAT(std::string(1, Bulk()), AnyOf("a", "b"));
  }
  line_.Clear();
}

TEST_F(SendLineTest, WhoSentMuchAndPausedStandsBehindTheOthers) {
  AddBulk("ab");
  ASSERT_EQ(Begin(), 'a');
  Send('a', kLight + 1);
  line_.EndTurn(SendLine::Room::kLeft);
  line_.Add(at('a'));
  EXPECT_EQ(Bulk(2), "ba");
  line_.Clear();
}

TEST_F(SendLineTest, LightOnesTakeHalfAtMost) {
  AddBulk("a");
  size_t light = 0;
  for (int i = 0; i < 1000; ++i) {
    line_.Add(at('d'));
    const char name = Begin();
    if (name == 'd') {
      Send('d', kLight);
      light += kLight;
    } else {
      EXPECT_LE(light, kTurn);
      light = 0;
      SendAll(name);
    }
    line_.EndTurn(SendLine::Room::kLeft);
  }
  EXPECT_LE(light, kTurn);
  line_.Clear();
}

TEST_F(SendLineTest, KeepsItsPlaceWhereTheRoomWasUsedUp) {
  AddBulk("abc");
  ASSERT_EQ(Begin(), 'a');
  line_.Add(at('a'));
  line_.EndTurn(SendLine::Room::kUsedUp);
  EXPECT_EQ(Bulk(3), "abc");
  line_.Clear();
}

TEST_F(SendLineTest, WhoSentSomethingBeforeTheRoomWasUsedUpGoesToTheEnd) {
  AddBulk("abc");
  ASSERT_EQ(Begin(), 'a');
  Send('a', kMessage);
  line_.Add(at('a'));
  line_.EndTurn(SendLine::Room::kUsedUp);
  EXPECT_EQ(Bulk(3), "bca");
  line_.Clear();
}

TEST_F(SendLineTest, NobodyElseMaySendInATurn) {
  AddBulk("ab");
  ASSERT_EQ(Begin(), 'a');
  EXPECT_FALSE(line_.MaySend(at('b')));
  line_.NoteSent(at('b'), kTurn);
  EXPECT_TRUE(line_.MaySend(at('a')));
  line_.EndTurn(SendLine::Room::kLeft);
  EXPECT_FALSE(line_.MaySend(at('a')));
  line_.Clear();
}

TEST_F(SendLineTest, WhoLeavesIsForgotten) {
  AddBulk("abc");
  line_.Add(at('d'));
  line_.Remove(at('d'));
  line_.Remove(at('b'));
  line_.Remove(at('b'));
  ASSERT_EQ(Begin(), 'a');
  line_.Add(at('a'));
  line_.Remove(at('a'));
  line_.EndTurn(SendLine::Room::kLeft);
  EXPECT_EQ(Bulk(), 'c');
  line_.Clear();
}

TEST_F(SendLineTest, ClearInATurnEndsIt) {
  AddBulk("ab");
  ASSERT_EQ(Begin(), 'a');
  line_.Add(at('a'));
  line_.Clear();
  EXPECT_TRUE(line_.empty());
  line_.EndTurn(SendLine::Room::kLeft);
  EXPECT_TRUE(line_.empty());
  line_.Add(at('a'));
  EXPECT_FALSE(line_.empty());
  line_.Clear();
}

}  // namespace
}  // namespace ming::webrtc
