#include "ming/webrtc/channel_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ming/base/random.h"

namespace ming::webrtc {
namespace {

using std::chrono::seconds;

constexpr std::array<uint8_t, 1> kAck = {2};

ByteBuffer OpenMessage(const std::string& label) {
  codec::DataChannelOpen open;
  open.label = label;
  return codec::SerializeDataChannelOpen(open);
}

// A table with its events noted by kind.
class TableTest : public ::testing::Test {
 protected:
  explicit TableTest(ChannelTableOptions options = ChannelTableOptions()) : table_(options) {}

  void Drain() {
    while (auto event = table_.PollEvent()) {
      if (auto* control = std::get_if<SendControl>(&*event)) {
        controls_.push_back(std::move(*control));
      } else if (auto* reset = std::get_if<ResetStream>(&*event)) {
        resets_.push_back(reset->stream.value());
      } else if (auto* request = std::get_if<RequestStreams>(&*event)) {
        requests_.push_back(request->total);
      } else if (auto* remote = std::get_if<RemoteChannel>(&*event)) {
        remotes_.push_back(*remote);
      } else if (auto* closed = std::get_if<ChannelClosed>(&*event)) {
        EXPECT_EQ(closed_.count(closed->id), 0u) << "closed twice";
        closed_[closed->id] = closed->why;
      }
    }
    EXPECT_TRUE(table_.IsConsistent());
  }
  ChannelId Open(const std::string& label = "x") {
    const Result<ChannelId> id = table_.Open(label, {});
    EXPECT_TRUE(id.ok());
    Drain();
    return *id;
  }
  void Control(uint16_t stream, ByteSpan wire) {
    table_.HandleControl(now_, StreamNumber(stream), wire);
    Drain();
  }
  void IncomingReset(uint16_t stream) {
    table_.HandleIncomingReset(now_, StreamNumber(stream));
    Drain();
  }
  void OutgoingReset(uint16_t stream) {
    table_.HandleOutgoingReset(now_, StreamNumber(stream));
    Drain();
  }
  void Close(ChannelId id) {
    table_.Close(now_, id);
    Drain();
  }
  void Up(StreamParity parity = StreamParity::kEven, uint16_t streams = 16) {
    table_.HandleAssociationUp(parity, streams);
    Drain();
  }
  bool Closed(ChannelId id) const { return closed_.count(id) != 0; }

  Timestamp now_{seconds(1)};
  ChannelTable table_;
  std::vector<SendControl> controls_;
  std::vector<uint16_t> resets_;
  std::vector<uint16_t> requests_;
  std::vector<RemoteChannel> remotes_;
  std::map<ChannelId, Status> closed_;
};

using ChannelTableTest = TableTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(ChannelTableTest, OpensWhenTheAssociationIsUp) {
  const ChannelId id = Open("tunnel-tcp");
  EXPECT_THAT(controls_, IsEmpty());
  Up(StreamParity::kOdd);
  ASSERT_EQ(controls_.size(), 1u);
  EXPECT_EQ(controls_[0].stream, StreamNumber(1));
  EXPECT_EQ(controls_[0].wire.span(), OpenMessage("tunnel-tcp").span());
  EXPECT_FALSE(table_.acknowledged(id));
  Control(1, {kAck.data(), kAck.size()});
  EXPECT_TRUE(table_.acknowledged(id));
  EXPECT_EQ(table_.Find(StreamNumber(1)), id);
}

TEST_F(ChannelTableTest, TakesTheFourByteAckOfPion) {
  Up();
  const ChannelId id = Open();
  Control(0, std::vector<uint8_t>{2, 0, 0, 0});
  EXPECT_TRUE(table_.acknowledged(id));
}

TEST_F(ChannelTableTest, AcknowledgesThePeersChannel) {
  Up();
  Control(1, OpenMessage("their"));
  ASSERT_EQ(remotes_.size(), 1u);
  EXPECT_EQ(remotes_[0].label, "their");
  ASSERT_EQ(controls_.size(), 1u);
  EXPECT_EQ(controls_[0].stream, StreamNumber(1));
  EXPECT_TRUE(table_.acknowledged(remotes_[0].id));
}

TEST_F(ChannelTableTest, ClosesWhenBothDirectionsAreReset) {
  Up();
  const ChannelId id = Open();
  Control(0, {kAck.data(), kAck.size()});
  Close(id);
  EXPECT_THAT(resets_, ElementsAre(0));
  OutgoingReset(0);
  EXPECT_FALSE(Closed(id));
  IncomingReset(0);
  ASSERT_TRUE(Closed(id));
  EXPECT_TRUE(closed_[id].ok());
  EXPECT_THAT(resets_, ElementsAre(0)) << "the answer of the peer is not answered";
}

TEST_F(ChannelTableTest, AnswersThePeersReset) {
  Up();
  Control(1, OpenMessage("x"));
  IncomingReset(1);
  EXPECT_THAT(resets_, ElementsAre(1));
  ASSERT_TRUE(Closed(remotes_[0].id));
  EXPECT_TRUE(closed_[remotes_[0].id].ok());
  OutgoingReset(1);
  IncomingReset(1);
  EXPECT_THAT(resets_, ElementsAre(1));
  Control(1, OpenMessage("again"));
  EXPECT_EQ(remotes_.size(), 2u);
}

TEST_F(ChannelTableTest, DoesNotWaitForeverForThePeersReset) {
  Up();
  const ChannelId id = Open();
  Close(id);
  OutgoingReset(0);
  EXPECT_EQ(table_.NextTimeout(), now_ + seconds(5));
  table_.HandleTimeout(now_ + seconds(5));
  Drain();
  ASSERT_TRUE(Closed(id));
  EXPECT_TRUE(closed_[id].ok());
  EXPECT_EQ(table_.NextTimeout(), Timestamp::Max());
}

TEST_F(ChannelTableTest, UsesAStreamAgainOnlyAfterBothResets) {
  Up(StreamParity::kEven, 2);
  table_.HandleStreamsRefused();
  const ChannelId first = Open();
  Close(first);
  OutgoingReset(0);
  EXPECT_EQ(controls_.size(), 1u);
  IncomingReset(0);
  const ChannelId second = Open();
  EXPECT_EQ(controls_.size(), 2u);
  EXPECT_EQ(table_.Find(StreamNumber(0)), second);
}

TEST_F(ChannelTableTest, FreshStreamsComeBeforeUsedOnes) {
  Up(StreamParity::kEven, 6);
  const ChannelId first = Open();
  Close(first);
  OutgoingReset(0);
  IncomingReset(0);
  EXPECT_EQ(table_.stream(Open()), StreamNumber(2));
  EXPECT_EQ(table_.stream(Open()), StreamNumber(4));
  EXPECT_EQ(table_.stream(Open()), StreamNumber(0));
}

TEST_F(ChannelTableTest, AsksForMoreStreamsAndGivesUpWhenRefused) {
  Up(StreamParity::kEven, 2);
  Open();
  const ChannelId second = Open();
  EXPECT_THAT(requests_, ElementsAre(64));
  table_.HandleStreams(4);
  Drain();
  EXPECT_EQ(table_.stream(second), StreamNumber(2));
  const ChannelId third = Open();
  EXPECT_EQ(requests_.size(), 2u);
  table_.HandleStreamsRefused();
  Drain();
  ASSERT_TRUE(Closed(third));
  EXPECT_EQ(closed_[third].code(), StatusCode::kResourceExhausted);
}

TEST_F(ChannelTableTest, APeerThatRefusesAnOpenIsReported) {
  Up();
  const ChannelId id = Open();
  IncomingReset(0);
  ASSERT_TRUE(Closed(id));
  EXPECT_EQ(closed_[id].code(), StatusCode::kUnavailable);
  EXPECT_THAT(resets_, ElementsAre(0));
}

TEST_F(ChannelTableTest, RefusesATruncatedOpen) {
  Up();
  const ByteBuffer open = OpenMessage("label");
  Control(1, open.span().First(open.size() - 1));
  Control(3, ByteSpan());
  EXPECT_THAT(resets_, ElementsAre(1, 3));
  EXPECT_THAT(remotes_, IsEmpty());
  EXPECT_EQ(table_.violations(), 2u);
}

TEST_F(ChannelTableTest, RefusesALabelThatIsNotUtf8) {
  Up();
  codec::DataChannelOpen open;
  open.label = "aa";
  ByteBuffer wire = codec::SerializeDataChannelOpen(open);
  wire.data()[wire.size() - 1] = 0xFF;
  Control(1, wire);
  EXPECT_THAT(resets_, ElementsAre(1));
  EXPECT_THAT(remotes_, IsEmpty());
}

TEST_F(ChannelTableTest, RefusesAnOpenOnOurOwnStreams) {
  Up(StreamParity::kEven);
  Control(0, OpenMessage("x"));
  EXPECT_THAT(resets_, ElementsAre(0));
  EXPECT_THAT(remotes_, IsEmpty());
  // We go around that stream until the peer has cleaned it up.
  EXPECT_EQ(table_.stream(Open()), StreamNumber(2));
}

TEST_F(ChannelTableTest, DoesNotTakeAFreeStreamThatThePeerMisuses) {
  Up(StreamParity::kEven, 2);
  table_.HandleStreamsRefused();
  Close(Open());
  OutgoingReset(0);
  IncomingReset(0);
  Control(0, OpenMessage("x"));
  EXPECT_THAT(resets_, ElementsAre(0, 0));
  EXPECT_TRUE(Closed(Open())) << "there is no other stream";
  OutgoingReset(0);
  IncomingReset(0);
  EXPECT_EQ(table_.stream(Open()), StreamNumber(0));
}

TEST_F(ChannelTableTest, AnOpenOnAStreamInUseEndsThatChannel) {
  Up();
  Control(1, OpenMessage("first"));
  Control(1, OpenMessage("second"));
  EXPECT_EQ(remotes_.size(), 1u);
  ASSERT_TRUE(Closed(remotes_[0].id));
  EXPECT_EQ(closed_[remotes_[0].id].code(), StatusCode::kProtocolViolation);
  EXPECT_THAT(resets_, ElementsAre(1));
}

TEST_F(ChannelTableTest, AStreamOfHostileOpensIsAnsweredOnce) {
  Up();
  for (int i = 0; i < 100; ++i) Control(1, std::vector<uint8_t>{3});
  EXPECT_THAT(resets_, ElementsAre(1));
  EXPECT_EQ(table_.violations(), 100u);
  OutgoingReset(1);
  for (int i = 0; i < 100; ++i) Control(1, OpenMessage("x"));
  EXPECT_THAT(resets_, ElementsAre(1)) << "until the peer resets its direction";
  IncomingReset(1);
  Control(1, OpenMessage("x"));
  EXPECT_EQ(remotes_.size(), 1u);
}

TEST_F(ChannelTableTest, TakesAnOpenThatOvertakesTheConfirmationOfOurReset) {
  Up();
  Control(1, OpenMessage("first"));
  Close(remotes_[0].id);
  IncomingReset(1);  // the peer has seen our reset, and reset its own direction
  Control(1, OpenMessage("second"));
  ASSERT_EQ(remotes_.size(), 2u);
  OutgoingReset(1);  // that of the first channel
  EXPECT_FALSE(Closed(remotes_[1].id));
  Close(remotes_[1].id);
  OutgoingReset(1);
  IncomingReset(1);
  EXPECT_TRUE(Closed(remotes_[1].id));
}

TEST_F(ChannelTableTest, IgnoresUnknownMessagesOnAnOpenChannel) {
  Up();
  const ChannelId id = Open();
  Control(0, std::vector<uint8_t>{0x7F, 1, 2});
  EXPECT_FALSE(Closed(id));
  EXPECT_EQ(table_.violations(), 1u);
}

TEST_F(ChannelTableTest, IgnoresResetsOfStreamsThatAreNotInUse) {
  Up();
  IncomingReset(1);
  IncomingReset(65534);
  OutgoingReset(1);
  OutgoingReset(65534);
  table_.HandleResetFailed(StreamNumber(65534));
  Drain();
  EXPECT_THAT(resets_, IsEmpty());
}

TEST_F(ChannelTableTest, AStreamThatCannotBeResetIsRetired) {
  Up(StreamParity::kEven, 4);
  const ChannelId id = Open();
  Close(id);
  table_.HandleResetFailed(StreamNumber(0));
  Drain();
  ASSERT_TRUE(Closed(id));
  EXPECT_EQ(closed_[id].code(), StatusCode::kUnsupported);
  IncomingReset(0);
  EXPECT_EQ(table_.stream(Open()), StreamNumber(2));
  EXPECT_EQ(table_.stream(Open()), std::nullopt);
}

TEST_F(ChannelTableTest, TheEndClosesAllInOrder) {
  const ChannelId waiting = Open();
  Up();
  const ChannelId closing = Open();
  Close(closing);
  Control(1, OpenMessage("x"));
  table_.HandleAssociationDown(Status(StatusCode::kTimeout, "gone"));
  Drain();
  EXPECT_EQ(closed_.size(), 3u);
  EXPECT_EQ(closed_[waiting].code(), StatusCode::kTimeout);
  EXPECT_EQ(table_.Open("late", {}).status().code(), StatusCode::kUnavailable);
  Control(3, OpenMessage("late"));
  EXPECT_EQ(remotes_.size(), 1u);
  EXPECT_EQ(table_.channel_count(), 0u);
}

TEST_F(ChannelTableTest, ChecksItsOwnLabels) {
  EXPECT_EQ(table_.Open(std::string(65536, 'x'), {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(table_.Open("\xFF", {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(table_.Open(std::string(65535, 'x'), {}).ok());
}

TEST_F(ChannelTableTest, TakesTheLongestLabelOfThePeer) {
  Up(StreamParity::kEven, 8);
  Control(1, OpenMessage(std::string(65535, 'x')));
  EXPECT_EQ(remotes_.size(), 1u);
  EXPECT_TRUE(resets_.empty());
}

class LimitedTableTest : public TableTest {
 protected:
  LimitedTableTest()
      : TableTest([] {
          ChannelTableOptions options;
          options.max_channels = 2;
          options.max_label_bytes = 4;
          return options;
        }()) {}
};

TEST_F(LimitedTableTest, AsksForNoMoreStreamsThanItsChannelsNeed) {
  Up(StreamParity::kEven, 2);
  Open();
  Open();
  EXPECT_THAT(requests_, ElementsAre(6)) << "a peer with the same limit refuses more as a whole";
}

TEST_F(LimitedTableTest, BoundsChannelsOfBothSidesTogether) {
  Up();
  Open();
  Control(1, OpenMessage("x"));
  Control(3, OpenMessage("y"));
  EXPECT_EQ(remotes_.size(), 1u);
  EXPECT_THAT(resets_, ElementsAre(3));
  EXPECT_EQ(table_.Open("z", {}).status().code(), StatusCode::kResourceExhausted);
}

TEST_F(LimitedTableTest, BoundsLabels) {
  Up();
  Control(1, OpenMessage("1234"));
  EXPECT_EQ(remotes_.size(), 1u);
  Control(3, OpenMessage("12345"));
  EXPECT_THAT(resets_, ElementsAre(3));
  codec::DataChannelOpen open;
  open.protocol = "12345";
  Control(5, codec::SerializeDataChannelOpen(open));
  EXPECT_THAT(resets_, ElementsAre(3, 5));
}

// Two tables over a network that delivers messages and resets in order, as SCTP does on each
// stream, and confirms resets late.
class TwoTables {
 public:
  explicit TwoTables(uint64_t seed) : random_(seed) {
    a_.table.HandleAssociationUp(StreamParity::kEven, 8);
    b_.table.HandleAssociationUp(StreamParity::kOdd, 8);
    a_.peer = &b_;
    b_.peer = &a_;
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Side& side = random_.Below(2) == 0 ? a_ : b_;
      switch (random_.Below(6)) {
        case 0:
          if (side.open.size() < 10) {
            const auto id = side.table.Open("x", {});
            if (id.ok()) side.open.insert(*id);
          }
          break;
        case 1:
          if (!side.open.empty()) side.table.Close(now_, *side.open.begin());
          break;
        case 2:
          Confirm(side);
          break;
        default:
          Deliver(side);
      }
      Pump(a_);
      Pump(b_);
    }
  }
  // Closes everything and delivers what is under way.
  void Settle() {
    for (Side* side : {&a_, &b_}) {
      for (const ChannelId id : std::set<ChannelId>(side->open)) side->table.Close(now_, id);
      Pump(*side);
    }
    for (int i = 0; i < 1000; ++i) {
      for (Side* side : {&a_, &b_}) {
        Deliver(*side);
        Confirm(*side);
        Pump(a_);
        Pump(b_);
      }
    }
    EXPECT_EQ(a_.table.channel_count(), 0u);
    EXPECT_EQ(b_.table.channel_count(), 0u);
    EXPECT_EQ(a_.table.violations() + b_.table.violations(), 0u);
    EXPECT_GT(a_.closed + b_.closed, 0u);
  }

 private:
  struct Item {
    enum class Kind { kControl, kReset } kind;
    StreamNumber stream;
    ByteBuffer wire;
  };
  struct Side {
    ChannelTable table{ChannelTableOptions()};
    Side* peer = nullptr;
    std::deque<Item> inbox;
    std::deque<StreamNumber> confirmations;
    std::set<ChannelId> open;
    size_t closed = 0;
  };

  void Pump(Side& side) {
    while (auto event = side.table.PollEvent()) {
      if (auto* control = std::get_if<SendControl>(&*event)) {
        side.peer->inbox.push_back(
            {Item::Kind::kControl, control->stream, std::move(control->wire)});
      } else if (auto* reset = std::get_if<ResetStream>(&*event)) {
        side.peer->inbox.push_back({Item::Kind::kReset, reset->stream, ByteBuffer()});
      } else if (auto* remote = std::get_if<RemoteChannel>(&*event)) {
        side.open.insert(remote->id);
      } else if (auto* closed = std::get_if<ChannelClosed>(&*event)) {
        EXPECT_EQ(side.open.erase(closed->id), 1u);
        EXPECT_TRUE(closed->why.ok() || closed->why.code() == StatusCode::kUnavailable);
        ++side.closed;
      } else if (std::holds_alternative<RequestStreams>(*event)) {
        // Never granted and never refused: channels wait for streams that come free.
      }
    }
    EXPECT_TRUE(side.table.IsConsistent());
  }

  void Deliver(Side& side) {
    if (side.inbox.empty()) return;
    const Item item = std::move(side.inbox.front());
    side.inbox.pop_front();
    if (item.kind == Item::Kind::kControl) {
      return side.table.HandleControl(now_, item.stream, item.wire);
    }
    side.peer->confirmations.push_back(item.stream);
    side.table.HandleIncomingReset(now_, item.stream);
  }

  void Confirm(Side& side) {
    if (side.confirmations.empty()) return;
    const StreamNumber stream = side.confirmations.front();
    side.confirmations.pop_front();
    side.table.HandleOutgoingReset(now_, stream);
  }

  SeededRandom random_;
  Timestamp now_{seconds(1)};
  Side a_;
  Side b_;
};

TEST(TwoChannelTables, AgreeWhateverTheOrder) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    TwoTables tables(seed);
    tables.Run(500);
    tables.Settle();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ming::webrtc
