#include "ming/tunnel/channel_stream_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core_driver.h"

namespace ming::tunnel {
namespace {

using link::ReadState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- Between two ming ----

TEST(ChannelStreamCoreTest, CarriesBytesBothWays) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  EXPECT_EQ(opener.core.SendAllowance(), 1000U);
  opener.Sent(400);
  EXPECT_EQ(opener.core.SendAllowance(), 600U);
  opener.Text("open");
  opener.Data("hello ");
  opener.Data("world");
  EXPECT_EQ(opener.ReadAll(), "hello world");
  EXPECT_EQ(opener.last_state, ReadState::kWouldBlock);
}

TEST(ChannelStreamCoreTest, TellsOnceThatThereIsSomethingToRead) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.ReadAll();
  opener.Data("a");
  opener.Data("b");
  EXPECT_THAT(opener.TakeLog(), ElementsAre("readable"));
}

TEST(ChannelStreamCoreTest, ShowsAMessageWithoutCopyingIt) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  ByteBuffer message = ByteBuffer::CopyOf(std::string(900, 'x'));
  const uint8_t* const bytes = message.data();
  opener.core.HandleMessage(opener.now, link::MessageKind::kBinary, std::move(message));
  EXPECT_EQ(opener.core.Peek(65536).bytes.data(), bytes);
  EXPECT_EQ(opener.core.Peek(10).bytes.size(), 10U);
}

TEST(ChannelStreamCoreTest, AcceptorSaysOpenBeforeItsFirstByte) {
  CoreDriver acceptor(MingOptions(ChannelSide::kAcceptor));
  acceptor.core.ConfirmOpen();
  EXPECT_EQ(acceptor.core.SendAllowance(), 0U) << "data must not overtake `open`";
  acceptor.Sent(0);  // drains
  EXPECT_THAT(acceptor.TakeLog(), ElementsAre("text:open", "writable"));
  EXPECT_GT(acceptor.core.SendAllowance(), 0U);
}

TEST(ChannelStreamCoreTest, OneDirectionEndsWhileTheOtherGoesOn) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.CloseWrite();
  EXPECT_THAT(opener.TakeLog(), ElementsAre("text:end"));
  EXPECT_EQ(opener.core.SendAllowance(), 0U);
  opener.Data("answer");
  EXPECT_EQ(opener.ReadAll(), "answer");
  EXPECT_EQ(opener.last_state, ReadState::kWouldBlock);
  opener.Text("end");
  EXPECT_THAT(opener.TakeLog(), ElementsAre("close", "readable"));
  opener.ReadAll();
  EXPECT_EQ(opener.last_state, ReadState::kEnd);
}

TEST(ChannelStreamCoreTest, PeerEndsFirst) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.Data("all of it");
  opener.Text("end");
  EXPECT_FALSE(opener.closes());
  EXPECT_GT(opener.core.SendAllowance(), 0U);
  EXPECT_EQ(opener.ReadAll(), "all of it");
  EXPECT_EQ(opener.last_state, ReadState::kEnd);
  opener.CloseWrite();
  EXPECT_THAT(opener.TakeLog(), ElementsAre("text:end", "close"));
}

TEST(ChannelStreamCoreTest, BytesBeforeTheEndAreReadAfterTheChannelIsGone) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.Data("late");
  opener.CloseWrite();
  opener.Text("end");
  opener.ChannelClosed(Status(StatusCode::kUnavailable, "path lost"));
  EXPECT_TRUE(opener.core.failure().ok());
  EXPECT_EQ(opener.ReadAll(), "late");
  EXPECT_EQ(opener.last_state, ReadState::kEnd);
}

TEST(ChannelStreamCoreTest, ChannelClosedBeforeTheEndIsAReset) {
  for (const bool we_ended : {false, true}) {
    CoreDriver opener(MingOptions(ChannelSide::kOpener));
    opener.Text("open");
    opener.Data("half");
    if (we_ended) opener.CloseWrite();
    opener.TakeLog();
    opener.ChannelClosed();
    EXPECT_THAT(opener.TakeLog(), ElementsAre("failed"));
    EXPECT_EQ(opener.ReadAll(), "");
    EXPECT_EQ(opener.last_state, ReadState::kWouldBlock);
  }
}

TEST(ChannelStreamCoreTest, ChannelClosedBeforeOurEndIsAReset) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.Text("end");
  opener.ChannelClosed();
  EXPECT_TRUE(opener.Did("failed"));
}

TEST(ChannelStreamCoreTest, RefusalFailsTheStreamWithTheReason) {
  CoreDriver acceptor(MingOptions(ChannelSide::kAcceptor));
  acceptor.Refuse("connection refused");
  EXPECT_THAT(acceptor.TakeLog(), ElementsAre("text:refuse connection refused", "close"));

  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("refuse connection refused");
  EXPECT_THAT(opener.TakeLog(), ElementsAre("close", "failed"));
  EXPECT_THAT(opener.core.failure().message(), HasSubstr("connection refused"));
  opener.ChannelClosed();
  EXPECT_THAT(opener.TakeLog(), IsEmpty()) << "one terminal event";
}

TEST(ChannelStreamCoreTest, ResetIsCarriedAtEveryStage) {
  const auto run = [](const std::function<void(CoreDriver&)>& before) {
    CoreDriver local(MingOptions(ChannelSide::kAcceptor));
    before(local);
    local.TakeLog();
    local.Reset("gone");
    EXPECT_THAT(local.TakeLog(), ElementsAre("text:reset gone", "close"));

    CoreDriver remote(MingOptions(ChannelSide::kAcceptor));
    before(remote);
    remote.TakeLog();
    remote.Text("reset gone");
    EXPECT_THAT(remote.TakeLog(), ElementsAre("close", "failed"));
    EXPECT_THAT(remote.core.failure().message(), HasSubstr("gone"));
  };
  run([](CoreDriver&) {});
  run([](CoreDriver& core) { core.ConfirmOpen(); });
  run([](CoreDriver& core) { core.Data("x"); });
  run([](CoreDriver& core) { core.Text("end"); });
  run([](CoreDriver& core) {
    core.ConfirmOpen();
    core.CloseWrite();
  });
}

TEST(ChannelStreamCoreTest, ResetAfterBothEndsTakesNothingBack) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.Text("end");
  opener.CloseWrite();
  opener.TakeLog();
  opener.Reset("late");
  EXPECT_THAT(opener.TakeLog(), IsEmpty());
}

TEST(ChannelStreamCoreTest, MessagesBehindBothEndsTakeNothingBack) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.Data("all of it");
  opener.Text("end");
  opener.CloseWrite();
  opener.Data("more");
  opener.Text("reset late");
  EXPECT_TRUE(opener.core.failure().ok());
  EXPECT_EQ(opener.ReadAll(), "all of it");
  EXPECT_EQ(opener.last_state, ReadState::kEnd);
}

TEST(ChannelStreamCoreTest, CreditStopsAndResumesTheWriter) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Sent(opener.core.SendAllowance());
  EXPECT_EQ(opener.core.SendAllowance(), 0U);
  opener.Text("credit 10");
  EXPECT_THAT(opener.TakeLog(), ElementsAre("writable"));
  EXPECT_EQ(opener.core.SendAllowance(), 10U);
}

TEST(ChannelStreamCoreTest, ConsumedBytesAreGrantedAgainByTheQuarter) {
  CoreDriver acceptor(MingOptions(ChannelSide::kAcceptor));
  acceptor.Data(std::string(1000, 'x'));
  acceptor.Consume(249);
  EXPECT_THAT(acceptor.TakeLog(), IsEmpty());
  acceptor.Consume(1);
  EXPECT_THAT(acceptor.TakeLog(), ElementsAre("text:credit 250"));
  acceptor.Data(std::string(250, 'y'));
  EXPECT_TRUE(acceptor.core.failure().ok());
}

// Consumes windows of `window` bytes, each in `time`, and gives what was granted beyond them.
size_t GrantedBeyond(CoreDriver& acceptor, int windows, Duration time) {
  size_t granted = 0;
  size_t consumed = 0;
  for (int i = 0; i < windows * 4; ++i) {
    acceptor.Data(std::string(250, 'x'));
    acceptor.Consume(250);
    consumed += 250;
    acceptor.Advance(time / 4);
    for (const std::string& line : acceptor.TakeLog()) {
      constexpr std::string_view kCredit = "text:credit ";
      if (line.compare(0, kCredit.size(), kCredit) == 0) {
        granted += std::stoul(line.substr(kCredit.size()));
      }
    }
  }
  EXPECT_TRUE(acceptor.core.failure().ok());
  EXPECT_TRUE(acceptor.core.IsConsistent());
  return granted - consumed;
}

TEST(ChannelStreamCoreTest, AWindowThatIsConsumedFastGrowsUpToItsLimit) {
  ChannelStreamOptions options = MingOptions(ChannelSide::kAcceptor);
  options.window_budget = std::make_shared<WindowBudget>(size_t{1} << 20);
  CoreDriver acceptor(options);
  EXPECT_EQ(GrantedBeyond(acceptor, 3, std::chrono::seconds(1)), 0U);
  EXPECT_EQ(GrantedBeyond(acceptor, 100, std::chrono::milliseconds(10)), 15000U);
}

TEST(ChannelStreamCoreTest, AWindowGrowsWithinTwoLongRoundTrips) {
  ChannelStreamOptions options = MingOptions(ChannelSide::kAcceptor);
  options.window_budget = std::make_shared<WindowBudget>(size_t{1} << 20);
  CoreDriver acceptor(options);
  EXPECT_EQ(GrantedBeyond(acceptor, 3, std::chrono::milliseconds(700)), 0U);
  EXPECT_GT(GrantedBeyond(acceptor, 3, std::chrono::milliseconds(500)), 0U);
}

TEST(ChannelStreamCoreTest, WindowsGrowByAQuarterOfWhatIsLeftAndGiveItBack) {
  const auto budget = std::make_shared<WindowBudget>(2000);
  ChannelStreamOptions options = MingOptions(ChannelSide::kAcceptor);
  options.window_budget = budget;
  {
    CoreDriver acceptor(options);
    EXPECT_EQ(GrantedBeyond(acceptor, 3, std::chrono::milliseconds(10)), 500U);
    EXPECT_EQ(budget->left(), 1500U);
    acceptor.Reset("enough");
    EXPECT_EQ(budget->left(), 2000U);
  }
  EXPECT_EQ(budget->left(), 2000U);
}

TEST(ChannelStreamCoreTest, NoCreditIsGrantedBehindTheEnd) {
  CoreDriver acceptor(MingOptions(ChannelSide::kAcceptor));
  acceptor.Data(std::string(1000, 'x'));
  acceptor.Text("end");
  acceptor.ReadAll();
  EXPECT_THAT(acceptor.TakeLog(), IsEmpty());
}

TEST(ChannelStreamCoreTest, UnknownControlWordsOfALaterVersionAreIgnored) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("ping 7");
  EXPECT_TRUE(opener.core.failure().ok());
}

TEST(ChannelStreamCoreTest, EmptyMessagesCarryNothing) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.ReadAll();
  opener.Data("");
  EXPECT_THAT(opener.TakeLog(), IsEmpty());
}

struct Violation {
  const char* name;
  ChannelSide side;
  std::vector<std::string> messages;  // "text:..." or data
};

class ChannelStreamCoreViolationTest : public ::testing::TestWithParam<Violation> {};

TEST_P(ChannelStreamCoreViolationTest, ResetsTheStreamAndTellsThePeer) {
  CoreDriver core(MingOptions(GetParam().side));
  for (const std::string& message : GetParam().messages) {
    EXPECT_TRUE(core.core.failure().ok());
    core.TakeLog();
    message.rfind("text:", 0) == 0 ? core.Text(message.substr(5)) : core.Data(message);
  }
  EXPECT_THAT(core.TakeLog(), ElementsAre(HasSubstr("text:reset "), "close", "failed"));
  EXPECT_FALSE(core.core.failure().ok());
  core.Data("more");
  core.Text("end");
  core.ChannelClosed();
  EXPECT_THAT(core.TakeLog(), IsEmpty());
  EXPECT_EQ(core.core.buffered_bytes(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    All, ChannelStreamCoreViolationTest,
    ::testing::Values(Violation{"DataBeforeOpen", ChannelSide::kOpener, {"x"}},
                      Violation{"EndBeforeOpen", ChannelSide::kOpener, {"text:end"}},
                      Violation{"OpenTwice", ChannelSide::kOpener, {"text:open", "text:open"}},
                      Violation{"OpenFromOpener", ChannelSide::kAcceptor, {"text:open"}},
                      Violation{"RefuseFromOpener", ChannelSide::kAcceptor, {"text:refuse no"}},
                      Violation{
                          "RefuseAfterOpen", ChannelSide::kOpener, {"text:open", "text:refuse no"}},
                      Violation{"DataBehindEnd", ChannelSide::kAcceptor, {"text:end", "x"}},
                      Violation{"EmptyDataBehindEnd", ChannelSide::kAcceptor, {"text:end", ""}},
                      Violation{"EndTwice", ChannelSide::kAcceptor, {"text:end", "text:end"}},
                      Violation{"MoreThanCredit", ChannelSide::kAcceptor, {std::string(1001, 'x')}},
                      Violation{"MoreThanCreditInTwo",
                                ChannelSide::kAcceptor,
                                {std::string(1000, 'x'), std::string(1, 'x')}},
                      Violation{"BadCredit", ChannelSide::kAcceptor, {"text:credit x"}},
                      Violation{"ZeroCredit", ChannelSide::kAcceptor, {"text:credit 0"}},
                      Violation{"EmptyText", ChannelSide::kAcceptor, {"text:"}}),
    [](const auto& violation) { return std::string(violation.param.name); });

TEST(ChannelStreamCoreTest, ControlOfAFeatureThatIsNotInUseIsAViolation) {
  ChannelStreamOptions options = MingOptions(ChannelSide::kAcceptor);
  options.terms.credit.reset();
  CoreDriver half_close_only(options);
  half_close_only.Text("credit 5");
  EXPECT_TRUE(half_close_only.Did("failed"));

  options = MingOptions(ChannelSide::kAcceptor);
  options.terms.half_close = false;
  CoreDriver credit_only(options);
  credit_only.Text("end");
  EXPECT_THAT(credit_only.TakeLog(), ElementsAre("close", "failed"));
}

TEST(ChannelStreamCoreTest, ControlWaitsForTheChannelAndHoldsBackData) {
  CoreDriver opener(MingOptions(ChannelSide::kOpener));
  opener.Text("open");
  opener.core.CloseWrite(opener.now);
  EXPECT_EQ(opener.core.NextAction(), ChannelAction::kSendControl);
  EXPECT_EQ(opener.core.NextAction(), ChannelAction::kSendControl) << "until it was sent";
  opener.Text("end");
  EXPECT_TRUE(opener.closes());
}

TEST(ChannelStreamCoreTest, EndResumesAPausedChannelSoThatItCanClose) {
  ChannelStreamOptions options = MingOptions(ChannelSide::kAcceptor);
  options.terms.credit.reset();
  options.receive_high_water = 10;
  options.receive_low_water = 0;
  CoreDriver acceptor(options);
  acceptor.ConfirmOpen();
  acceptor.Data(std::string(11, 'x'));
  acceptor.CloseWrite();
  acceptor.TakeLog();
  acceptor.Text("end");
  EXPECT_THAT(acceptor.TakeLog(), ElementsAre("resume", "close"));
  acceptor.ReadAll();
  EXPECT_THAT(acceptor.TakeLog(), IsEmpty());
}

// ---- Toward a foreign peer ----

TEST(ForeignChannelStreamTest, TextIsData) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.Text("end");
  EXPECT_EQ(opener.ReadAll(), "end");
}

TEST(ForeignChannelStreamTest, CloseAfterBytesIsTheEnd) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.Data("bytes");
  opener.ChannelClosed();
  EXPECT_EQ(opener.ReadAll(), "bytes");
  EXPECT_EQ(opener.last_state, ReadState::kEnd);
  opener.CloseWrite();
  EXPECT_TRUE(opener.core.failure().ok());
}

TEST(ForeignChannelStreamTest, CloseBeforeAnyByteIsAResetForTheOpener) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.Sent(10);
  opener.ChannelClosed();
  EXPECT_THAT(opener.TakeLog(), ElementsAre("failed"));
}

TEST(ForeignChannelStreamTest, CloseBeforeAnyByteIsTheEndForTheAcceptor) {
  CoreDriver acceptor(ForeignOptions(ChannelSide::kAcceptor));
  acceptor.ReadAll();
  acceptor.ChannelClosed();
  EXPECT_THAT(acceptor.TakeLog(), ElementsAre("readable"));
  acceptor.ReadAll();
  EXPECT_EQ(acceptor.last_state, ReadState::kEnd);
}

TEST(ForeignChannelStreamTest, FailureOfTheChannelIsAReset) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.Data("bytes");
  opener.ChannelClosed(Status(StatusCode::kTimeout, "path lost"));
  EXPECT_THAT(opener.TakeLog(), ElementsAre("failed"));
  EXPECT_EQ(opener.core.failure().code(), StatusCode::kTimeout);
}

TEST(ForeignChannelStreamTest, ConfirmAndRefuseSendNoText) {
  CoreDriver confirmed(ForeignOptions(ChannelSide::kAcceptor));
  confirmed.ConfirmOpen();
  EXPECT_THAT(confirmed.TakeLog(), IsEmpty());
  CoreDriver refused(ForeignOptions(ChannelSide::kAcceptor));
  refused.Refuse("no");
  EXPECT_THAT(refused.TakeLog(), ElementsAre("close"));
}

TEST(ForeignChannelStreamTest, WaitsForTheAnswerAfterOurEndAndThenCloses) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.ReadAll();
  opener.CloseWrite();
  EXPECT_THAT(opener.TakeLog(), IsEmpty()) << "closing now would cut the answer";
  opener.Advance(std::chrono::seconds(4));
  opener.Data("answer");
  EXPECT_EQ(opener.ReadAll(), "answer");
  opener.Advance(std::chrono::milliseconds(4999));
  EXPECT_FALSE(opener.closes());
  opener.Advance(std::chrono::milliseconds(1));
  EXPECT_TRUE(opener.closes());
  opener.ReadAll();
  EXPECT_EQ(opener.last_state, ReadState::kEnd);
}

TEST(ForeignChannelStreamTest, GraceWithoutAnyAnswerIsAResetForTheOpener) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.CloseWrite();
  opener.Advance(std::chrono::seconds(5));
  EXPECT_THAT(opener.TakeLog(), ElementsAre("close", "failed"));
  EXPECT_EQ(opener.core.failure().code(), StatusCode::kTimeout);
}

TEST(ForeignChannelStreamTest, GraceDoesNotRunWhileBytesWaitForOurReader) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.Data("unread");
  opener.CloseWrite();
  EXPECT_EQ(opener.core.NextTimeout(), Timestamp::Max());
  opener.Advance(std::chrono::hours(1));
  EXPECT_FALSE(opener.closes());
  opener.ReadAll();
  EXPECT_EQ(opener.core.NextTimeout(), opener.now + std::chrono::seconds(5));
}

TEST(ForeignChannelStreamTest, WriteToAPeerThatClosedFailsOnceItsBytesAreRead) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.Data("bytes");
  opener.ChannelClosed();
  EXPECT_EQ(opener.core.SendAllowance(), 0U);
  EXPECT_FALSE(opener.core.write_is_void()) << "failing now would lose the bytes";
  opener.ReadAll();
  EXPECT_THAT(opener.TakeLog(), ElementsAre("writable"));
  ASSERT_TRUE(opener.core.write_is_void());
  opener.core.HandleVoidWrite();
  EXPECT_EQ(opener.core.PollEvent(), ChannelStreamEvent::kFailed);
  EXPECT_EQ(opener.core.failure().code(), StatusCode::kClosed);
}

TEST(ForeignChannelStreamTest, PausesAboveTheHighWaterMarkAndResumesAtTheLow) {
  ChannelStreamOptions options = ForeignOptions(ChannelSide::kOpener);
  options.receive_high_water = 1000;
  options.receive_low_water = 200;
  options.receive_limit = 2000;
  CoreDriver opener(options);
  opener.Data(std::string(1000, 'x'));
  EXPECT_THAT(opener.TakeLog(), IsEmpty());
  opener.Data("x");
  EXPECT_THAT(opener.TakeLog(), ElementsAre("pause"));
  opener.Consume(800);
  EXPECT_THAT(opener.TakeLog(), IsEmpty());
  opener.Consume(1);
  EXPECT_THAT(opener.TakeLog(), ElementsAre("resume"));
}

TEST(ForeignChannelStreamTest, ReceiveLimitIsExact) {
  ChannelStreamOptions options = ForeignOptions(ChannelSide::kOpener);
  options.receive_high_water = 1000;
  options.receive_limit = 2000;
  options.receive_low_water = 0;
  CoreDriver opener(options);
  opener.Data(std::string(1999, 'x'));
  opener.Data("x");
  EXPECT_TRUE(opener.core.failure().ok());
  opener.Data("x");
  EXPECT_EQ(opener.core.failure().code(), StatusCode::kResourceExhausted);
}

TEST(ForeignChannelStreamTest, ResetClosesTheChannel) {
  CoreDriver opener(ForeignOptions(ChannelSide::kOpener));
  opener.Data("x");
  opener.Reset("gone");
  EXPECT_THAT(opener.TakeLog(), ElementsAre("close"));
}

TEST(ForeignChannelStreamTest, ResetResumesAPausedChannelSoThatItCanClose) {
  ChannelStreamOptions options = ForeignOptions(ChannelSide::kOpener);
  options.receive_high_water = 10;
  options.receive_low_water = 0;
  CoreDriver opener(options);
  opener.Data(std::string(11, 'x'));
  opener.TakeLog();
  opener.Reset("gone");
  EXPECT_THAT(opener.TakeLog(), ElementsAre("resume", "close"));
}

// ---- Options ----

TEST(ChannelStreamOptionsTest, NamesAllProblemsAtOnce) {
  ChannelStreamOptions options;
  EXPECT_TRUE(Validate(options).ok());
  options.receive_low_water = options.receive_high_water;
  options.close_grace = Duration::zero();
  options.terms.max_message_bytes = 0;
  options.terms.credit = CreditTerms{0, 0};
  const std::string problems = Validate(options).message();
  EXPECT_THAT(problems, HasSubstr("low-water"));
  EXPECT_THAT(problems, HasSubstr("grace"));
  EXPECT_THAT(problems, HasSubstr("message size"));
  EXPECT_THAT(problems, HasSubstr("receive credit"));
}

TEST(ChannelTermsTest, FollowTheAgreement) {
  codec::MingAgreement agreement;
  EXPECT_FALSE(TermsFrom(agreement, 16384).speaks_control());
  agreement.half_close = true;
  agreement.send_credit_bytes = 5000;
  agreement.receive_credit_bytes = 7000;
  agreement.send_message_bytes = 4096;
  const ChannelTerms terms = TermsFrom(agreement, 16384);
  EXPECT_TRUE(terms.half_close);
  ASSERT_TRUE(terms.credit);
  EXPECT_EQ(terms.credit->send, 5000U);
  EXPECT_EQ(terms.credit->receive, 7000U);
  EXPECT_EQ(terms.max_message_bytes, 4096U);
  agreement.send_message_bytes = 65536;
  EXPECT_EQ(TermsFrom(agreement, 16384).max_message_bytes, 16384U);
}

}  // namespace
}  // namespace ming::tunnel
