#include "ming/reverse/reverse_log.h"

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ming/base/log_event.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseReason;
using std::chrono::milliseconds;

constexpr char kConn[] = "0123456789abcdef0123456789abcdef";

class ReverseLogTest : public testing::Test, private google::LogSink {
 public:
  ~ReverseLogTest() override {
    google::RemoveLogSink(this);
    FLAGS_v = verbosity_;
  }

 protected:
  ReverseLogTest() : verbosity_(FLAGS_v) {
    FLAGS_v = 1;
    google::AddLogSink(this);
  }

  std::vector<std::string> lines_;
  const ReverseConnId conn_ = *ReverseConnId::Parse(kConn);

 private:
  // NOLINTNEXTLINE(readability-function-size): glog's own signature
  void send(google::LogSeverity /*severity*/, const char* /*full_filename*/,
            const char* /*base_filename*/, int /*line*/, const google::LogMessageTime& /*time*/,
            const char* message, size_t size) override {
    lines_.emplace_back(message, size);
  }

  const int verbosity_;
};

using Lines = std::vector<std::string>;

TEST_F(ReverseLogTest, TheServerNamesItsEvents) {
  ServerLog log;
  log.Write(ClientUp{LinkId(1), "home", "0011223344556677", "192.0.2.1"});
  log.Write(ConnNew{CallerId(7), "203.0.113.9:4000"});
  log.Write(ConnPaired{CallerId(7), conn_, milliseconds(3)});
  log.Write(ConnEnd{CallerId(7), conn_, ReverseReason::kDone, milliseconds(9), true}, {5, 6});
  log.Write(ClientDown{"home", ReverseReason::kControlLost});
  log.Write(Timestamp(), ClientBusy{"home", "192.0.2.2"});
  log.Write(Timestamp(), DataRejected{"192.0.2.3", codec::ReverseError::kUnknown});
  EXPECT_EQ(lines_, (Lines{"event=client_up id=home session=0011223344556677 peer=192.0.2.1",
                           "event=conn_new caller=7 src=203.0.113.9:4000",
                           "event=conn_paired caller=7 conn=" + std::string(kConn) + " ms=3",
                           "event=conn_end caller=7 conn=" + std::string(kConn) +
                               " reason=done in=5 out=6 ms=9",
                           "event=client_down id=home reason=control-lost",
                           "event=client_busy id=home peer=192.0.2.2",
                           "event=data_rejected code=UNKNOWN peer=192.0.2.3"}));
}

TEST_F(ReverseLogTest, SaysWhenAClientGetsNoCaller) {
  ServerLog().Write(ClientUp{LinkId(1), "hom", "0011223344556677", "192.0.2.1", false});
  EXPECT_EQ(lines_,
            (Lines{"event=client_up id=hom session=0011223344556677 peer=192.0.2.1 "
                   "note=\"no --listen-a is for its --id or --label: it gets no caller\""}));
}

TEST_F(ReverseLogTest, AnIdIsCutUntilItIsSpent) {
  ServerLog server;
  server.Write(ConnEnd{CallerId(1), conn_, ReverseReason::kPairTimeout, milliseconds(1), false},
               {});
  ClientLog client("a:1", "home");
  client.Write(client::ConnNew{conn_, "203.0.113.9:4000"});
  client.Write(client::ConnEnd{conn_, ReverseReason::kCallerGone, milliseconds(1), false}, {});
  EXPECT_EQ(lines_,
            (Lines{"event=pair_timeout caller=1 conn=01234567",
                   "event=conn_end caller=1 conn=01234567 reason=pair-timeout in=0 out=0 ms=1",
                   "event=conn_new conn=01234567 src=203.0.113.9:4000",
                   "event=conn_end conn=01234567 reason=caller-gone in=0 out=0 ms=1"}));
}

TEST_F(ReverseLogTest, TheClientNamesItsEvents) {
  ClientLog log("a.example:19090", "home");
  log.Write(client::ControlUp{"0011223344556677"});
  log.Write(client::ConnPaired{conn_, milliseconds(2)});
  log.WriteDialFailed(Timestamp(), ReverseReason::kTargetRefused, "b:1",
                      Status(StatusCode::kUnavailable, "connection refused"));
  log.Write(client::ControlDown{Status(StatusCode::kClosed, "gone")});
  log.Write(client::ReconnectWait{milliseconds(500)});
  EXPECT_EQ(
      lines_,
      (Lines{"event=client_up server=a.example:19090 id=home session=0011223344556677",
             "event=conn_paired conn=" + std::string(kConn) + " ms=2",
             "event=dial_failed reason=target-refused target=b:1 why=\"connection refused\"",
             "event=client_down server=a.example:19090 why=gone", "event=reconnect_wait ms=500"}));
}

TEST_F(ReverseLogTest, StrangersDoNotFillTheLog) {
  ServerLog log;
  const DataRejected rejected{"192.0.2.3", codec::ReverseError::kProto};
  for (int i = 0; i < 100; ++i) log.Write(Timestamp(), rejected);
  EXPECT_EQ(lines_.size(), 20U);
  log.Write(Timestamp() + std::chrono::seconds(2), rejected);
  EXPECT_EQ(lines_.back(), "event=data_rejected code=PROTO peer=192.0.2.3 held_back=80");
}

TEST_F(ReverseLogTest, NamesUdpCallers) {
  ServerLog().Write(ConnNew{CallerId(7), "203.0.113.9:53", CallerKind::kDatagrams});
  ClientLog("a:1", "home").Write(client::ConnNew{conn_, "203.0.113.9:53", CallerKind::kDatagrams});
  EXPECT_EQ(lines_, (Lines{"event=conn_new caller=7 src=203.0.113.9:53 proto=udp",
                           "event=conn_new conn=01234567 src=203.0.113.9:53 proto=udp"}));
}

TEST_F(ReverseLogTest, StatisticsAreOneLine) {
  ReverseCounters counters;
  counters.accepted = 3;
  counters.CountEnd(ReverseReason::kDone);
  counters.CountEnd(ReverseReason::kReset);
  StatsEvent(counters).Write();
  EXPECT_EQ(lines_, Lines{"event=stats accepted=3 paired=0 ended=2 failed=1 active=0 pending=0 "
                          "clients=0 in=0 out=0 reconnects=0"});
}

}  // namespace
}  // namespace ming::reverse
