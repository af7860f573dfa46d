#include "ming/conformance/sdp_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ming/codec/sdp.h"

namespace ming::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Description(codec::SdpSetup setup = codec::SdpSetup::kActpass) {
  codec::SessionDescription description;
  description.session_id = 7;
  description.ice = {"ufrag", Secret("passwordOf22Characters")};
  description.fingerprints = {{"sha-256", std::vector<uint8_t>(32, 0xAB)}};
  description.setup = setup;
  return codec::SerializeSessionDescription(description);
}

TEST(SdpText, WhatWeWritePasses) {
  const std::string text = Description();
  EXPECT_EQ(JudgeSdpForm(text), "");
  EXPECT_EQ(JudgeSctpSection(text), "");
  EXPECT_EQ(JudgeIceCredentials(text), "");
  EXPECT_EQ(JudgeFingerprint(text), "");
  EXPECT_EQ(JudgeSections(text, Description(codec::SdpSetup::kActive)), "");
}

TEST(SdpText, FormIsJudged) {
  const std::string text = Description();
  EXPECT_THAT(JudgeSdpForm(WithBareLineFeeds(text)), HasSubstr("CRLF"));
  EXPECT_THAT(JudgeSdpForm(WithoutSdpLines(text, "v=")), HasSubstr("v=0"));
  EXPECT_THAT(JudgeSdpForm(WithoutSdpLines(text, "t=")), HasSubstr("t="));
  EXPECT_THAT(JudgeSdpForm(text + "nonsense\r\n"), HasSubstr("nonsense"));
}

TEST(SdpText, SectionIsJudged) {
  const std::string text = Description();
  EXPECT_NE(JudgeSctpSection(WithoutSdpLines(text, "m=")), "");
  EXPECT_NE(JudgeSctpSection(WithoutSdpLines(text, "a=sctp-port")), "");
  EXPECT_NE(JudgeSctpSection(WithSdpLine(text, "a=max-message-size:", "a=max-message-size:x")), "");
  EXPECT_NE(
      JudgeSctpSection(WithSdpLine(text, "m=", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel")),
      "");
  EXPECT_EQ(JudgeSctpSection(AsLegacyForm(text)), "");
}

TEST(SdpText, SectionsOfAnAnswerAreJudged) {
  const std::string offer = Description();
  const std::string answer = Description(codec::SdpSetup::kActive);
  EXPECT_NE(JudgeSections(offer, WithSdpLine(answer, "a=mid:", "a=mid:other")), "");
  EXPECT_NE(JudgeSections(offer, WithoutSdpLines(answer, "a=group:")), "");
  EXPECT_NE(JudgeSections(WithAudioSection(offer), answer), "") << "a section is gone";
}

TEST(SdpText, CredentialsAreJudged) {
  const std::string text = Description();
  EXPECT_NE(JudgeIceCredentials(WithoutSdpLines(text, "a=ice-pwd:")), "");
  EXPECT_NE(JudgeIceCredentials(WithSdpLine(text, "a=ice-ufrag:", "a=ice-ufrag:abc")), "");
  EXPECT_NE(JudgeIceCredentials(WithSdpLine(text, "a=ice-ufrag:", "a=ice-ufrag:abc-d")), "");
  EXPECT_NE(
      JudgeIceCredentials(WithSdpLine(text, "a=ice-pwd:", "a=ice-pwd:" + std::string(21, 'x'))),
      "");
}

TEST(SdpText, FingerprintIsJudged) {
  const std::string text = Description();
  EXPECT_NE(JudgeFingerprint(WithSdpLine(text, "a=fingerprint:", "a=fingerprint:sha-1 AB:CD")), "");
  EXPECT_NE(JudgeFingerprint(WithSdpLine(text, "a=fingerprint:", "a=fingerprint:sha-256 ab:cd")),
            "");
}

TEST(SdpText, EditsKeepTheRest) {
  const std::string text = Description();
  EXPECT_EQ(SdpLines(WithBareLineFeeds(text)), SdpLines(text));
  EXPECT_THAT(SdpValues(WithMediaLine(text, "a=x:1"), "a=x:"), ElementsAre("1"));
  const std::string moved = AtSessionLevel(text, "a=setup:");
  EXPECT_LT(moved.find("a=setup:actpass"), moved.find("m="));
  for (const std::string& edited :
       {WithBareLineFeeds(text), AsLegacyForm(text), WithAudioSection(text), moved,
        WithSessionLine(text, "a=x-unknown")}) {
    const auto parsed = codec::ParseSessionDescription(edited, codec::SdpKind::kOffer);
    EXPECT_TRUE(parsed.ok()) << parsed.status().ToString() << "\n" << edited;
  }
}

}  // namespace
}  // namespace ming::conformance
