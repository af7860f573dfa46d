#include "ming/codec/tunnel_control.h"

#include <gtest/gtest.h>

#include <string>

namespace ming::codec {
namespace {

StatusCode CodeOf(std::string_view text) {
  return ParseTunnelControl(ByteSpan(text)).status().code();
}

TEST(TunnelControl, GoldenMessagesRoundTrip) {
  const std::pair<TunnelControl, std::string> golden[] = {
      {TunnelOpened{}, "open"},
      {TunnelRefused{"connection refused"}, "refuse connection refused"},
      {TunnelEnd{}, "end"},
      {TunnelReset{"x"}, "reset x"},
      {TunnelCredit{65536}, "credit 65536"},
      {TunnelCredit{1}, "credit 1"},
      {TunnelCredit{kMaxTunnelCredit}, "credit 1073741824"},
  };
  for (const auto& [control, text] : golden) {
    EXPECT_EQ(SerializeTunnelControl(control).AsText(), text);
    const auto parsed = ParseTunnelControl(ByteSpan(text));
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_TRUE(*parsed == control) << text;
  }
}

TEST(TunnelControl, RefusesWhatIsNotExactlyOneForm) {
  for (const char* bad : {"",
                          " ",
                          "open ",
                          "open x",
                          "end ",
                          "end\n",
                          "refuse",
                          "refuse ",
                          "reset",
                          "reset ",
                          "credit",
                          "credit ",
                          "credit 0",
                          "credit 01",
                          "credit -1",
                          "credit +1",
                          "credit 1 ",
                          "credit  1",
                          "credit 1 2",
                          "credit 1073741825",
                          "credit 4294967297",
                          "credit 18446744073709551617",
                          "credit 99999999999999999999999",
                          "refuse a\nb",
                          "reset \x7F",
                          "refuse \xC3\xA4"}) {
    EXPECT_EQ(CodeOf(bad), StatusCode::kMalformed) << bad;
  }
  EXPECT_EQ(CodeOf(std::string_view("end\0", 4)), StatusCode::kMalformed);
}

TEST(TunnelControl, UnknownWordsAreUnsupported) {
  for (const char* unknown : {"o", "ope", "openx", "OPEN", "pause", "pause 3", "creditx 1"}) {
    EXPECT_EQ(CodeOf(unknown), StatusCode::kUnsupported) << unknown;
  }
}

TEST(TunnelControl, ReasonsAreBounded) {
  const std::string longest(kMaxTunnelReasonBytes, 'r');
  for (const std::string word : {"refuse ", "reset "}) {
    EXPECT_TRUE(ParseTunnelControl(ByteSpan(std::string_view(word + longest))).ok());
    EXPECT_EQ(CodeOf(word + longest + 'r'), StatusCode::kMalformed);
    EXPECT_EQ(CodeOf(word + std::string(1 << 20, 'r')), StatusCode::kMalformed);
  }
}

TEST(TunnelControl, WritesAnyReasonSoThatItParses) {
  const auto reason_after = [](const std::string& reason) {
    const auto parsed = ParseTunnelControl(SerializeTunnelControl(TunnelReset{reason}));
    EXPECT_TRUE(parsed.ok());
    return parsed.ok() ? std::get<TunnelReset>(*parsed).reason : "";
  };
  EXPECT_EQ(reason_after(""), "unknown");
  EXPECT_EQ(reason_after("a\r\nb\xC3\xA4"), "a??b??");
  EXPECT_EQ(reason_after(std::string(500, 'x')), std::string(kMaxTunnelReasonBytes, 'x'));
}

}  // namespace
}  // namespace ming::codec
