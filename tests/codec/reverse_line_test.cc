#include "ming/codec/reverse_line.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace ming::codec {
namespace {

constexpr std::string_view kId = "0123456789abcdef0123456789abcdef";

StatusCode FirstLineCode(std::string_view line) {
  return ParseReverseFirstLine(line).status().code();
}
StatusCode MessageCode(std::string_view line) { return ParseReverseMessage(line).status().code(); }

TEST(ReverseConnId, IsThirtyTwoLowerCaseDigits) {
  const auto id = ReverseConnId::Parse(kId);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->ToString(), kId);
  EXPECT_EQ(id->Prefix(), "01234567");
  EXPECT_EQ(id->high(), 0x0123456789abcdefu);
  for (const char* bad :
       {"", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef", "0123456789abcdeg0123456789abcdef"}) {
    EXPECT_FALSE(ReverseConnId::Parse(bad)) << bad;
  }
}

TEST(ReverseConnId, DrawsDifferentIds) {
  SeededRandom random(1);
  std::unordered_set<ReverseConnId> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(ReverseConnId::Draw(random)).second);
}

TEST(ReverseLine, GoldenFirstLines) {
  for (const std::string line :
       {"RT1 CONTROL", "RT1 CONTROL id=home",
        "RT1 CONTROL id=home label=web label2=", "RT1 DATA 0123456789abcdef0123456789abcdef",
        "RT1 DATA 0123456789abcdef0123456789abcdef session=0011223344556677 mac=00"}) {
    const auto parsed = ParseReverseFirstLine(line);
    ASSERT_TRUE(parsed.ok()) << line << ": " << parsed.status().ToString();
    EXPECT_EQ(SerializeReverseLine(*parsed), line + "\n");
  }
}

TEST(ReverseLine, RefusesWhatIsNoFirstLine) {
  for (const char* bad : {"",
                          "RT1",
                          "RT1 ",
                          "RT1  CONTROL",
                          " RT1 CONTROL",
                          "rt1 CONTROL",
                          "RT1 control",
                          "RT1 CONTROL ",
                          "RT1 CONTROL id",
                          "RT1 CONTROL id=a id=b",
                          "RT1 CONTROL =a",
                          "RT1 CONTROL Id=a",
                          "RT1 CONTROL 1d=a",
                          "RT1 CONTROL a-key-that-is-longer-than-32-byte=a",
                          "RT1 CONTROL id=a\tb",
                          "RT1 CONTROL id=\xC3\xA4",
                          "RT1 DATA",
                          "RT1 DATA ",
                          "RT1 DATA 0123456789abcdef",
                          "RT1 DATA id=a",
                          "RTx CONTROL",
                          "GET / HTTP/1.1"}) {
    EXPECT_EQ(FirstLineCode(bad), StatusCode::kMalformed) << bad;
  }
  EXPECT_EQ(FirstLineCode("RT1 CONTROL a-key-that-is-just-32-bytes-long=a"), StatusCode::kOk);
}

TEST(ReverseLine, TellsAnotherVersionFromGarbage) {
  for (const char* other : {"RT2 CONTROL", "RT2", "RT10 DATA x", "RT0 CONTROL"}) {
    EXPECT_EQ(FirstLineCode(other), StatusCode::kUnsupported) << other;
  }
}

TEST(ReverseLine, GoldenReplies) {
  for (const std::string line :
       {"OK", "OK session=0123456789abcdef pair-timeout=10000 heartbeat=0", "ERR BUSY",
        "ERR BUSY another client is connected", "ERR VERSION supported=1", "ERR TOO_LONG"}) {
    const auto parsed = ParseReverseReply(line);
    ASSERT_TRUE(parsed.ok()) << line;
    EXPECT_EQ(SerializeReverseLine(*parsed), line + "\n");
  }
  for (const char* bad : {"", "ok", "OK ", "OK x", "ERR", "ERR ", "ERRBUSY", "OK a=b a=c"}) {
    EXPECT_EQ(ParseReverseReply(bad).status().code(), StatusCode::kMalformed) << bad;
  }
}

TEST(ReverseLine, KeepsTheTextOfAnUnknownError) {
  const auto parsed = ParseReverseReply("ERR QUOTA  too much ");
  ASSERT_TRUE(parsed.ok());
  const auto& err = std::get<ReverseErr>(*parsed);
  EXPECT_FALSE(err.code);
  EXPECT_EQ(err.text, " too much ");
}

TEST(ReverseLine, GoldenMessages) {
  const std::string id(kId);
  for (const std::string& line :
       {"NEW_CONN " + id + " src=192.0.2.1:5000 ttl=9800",
        "NEW_CONN " + id + " src=[2001:db8::1]:5000 ttl=1", "AHEAD " + id,
        "AHEAD " + id + " later=1", "READY " + id, "CLOSE " + id + " pair-timeout",
        "CLOSE " + id + " target-refused", std::string("PING 0"),
        std::string("PONG 18446744073709551615"), std::string("BYE shutdown")}) {
    const auto parsed = ParseReverseMessage(line);
    ASSERT_TRUE(parsed.ok()) << line;
    EXPECT_EQ(SerializeReverseLine(*parsed), line + "\n");
  }
}

TEST(ReverseLine, EveryReasonRoundTrips) {
  for (size_t at = 0; at < kReverseReasonCount; ++at) {
    const auto reason = static_cast<ReverseReason>(at);
    const std::string line = "BYE " + std::string(ReverseReasonName(reason));
    const auto parsed = ParseReverseMessage(line);
    ASSERT_TRUE(parsed.ok()) << line;
    EXPECT_EQ(std::get<ReverseBye>(*parsed).reason, reason);
  }
}

TEST(ReverseLine, TellsUnknownVerbsFromMisuse) {
  for (const char* unknown : {"", "HELLO", "ping 1", "NEW_CONNX", "UDP 1"}) {
    EXPECT_EQ(MessageCode(unknown), StatusCode::kUnsupported) << unknown;
  }
  const std::string id(kId);
  for (const std::string& bad : {std::string("PING"),
                                 std::string("PING "),
                                 std::string("PING -1"),
                                 std::string("PING 1 2"),
                                 std::string("PING 18446744073709551616"),
                                 std::string("PONG x"),
                                 std::string("BYE"),
                                 std::string("BYE never"),
                                 std::string("BYE done "),
                                 std::string("CLOSE done"),
                                 std::string("AHEAD 0"),
                                 std::string("READY"),
                                 "READY " + id + " x",
                                 "AHEAD " + id + " x",
                                 "CLOSE " + id,
                                 "CLOSE " + id + " ",
                                 "CLOSE " + id + " gone",
                                 std::string("NEW_CONN x"),
                                 "NEW_CONN " + id + " src",
                                 "NEW_CONN " + id + "  ttl=1",
                                 std::string("PING 1\r")}) {
    EXPECT_EQ(MessageCode(bad), StatusCode::kMalformed) << bad;
  }
}

TEST(ReverseLine, CutsALongErrorText) {
  const std::string line =
      SerializeReverseLine(ReverseReply(ReverseErr{ReverseError::kLimit, std::string(600, 'x')}));
  EXPECT_EQ(line.size(), kMaxReverseLine);
  EXPECT_TRUE(ParseReverseReply(std::string_view(line).substr(0, line.size() - 1)).ok());
}

}  // namespace
}  // namespace ming::codec
