#include "ming/codec/signaling_message.h"

#include <gtest/gtest.h>

#include <string>

namespace ming::codec {
namespace {

// Bytes of Go's encoding/json for the messages of the original.
constexpr char kGoRegister[] = R"({"type":"register-host","payload":null,"sender_id":"myhost"})";
constexpr char kGoOffer[] =
    R"({"type":"offer","payload":{"sdp":{"type":"offer","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"}},)"
    R"("target_id":"myhost","sender_id":"6f9619ff-8b86-d011-b42d-00c04fc964ff"})";
constexpr char kGoCandidate[] =
    R"({"type":"candidate","payload":{"candidate":{"candidate":)"
    R"("candidate:2070692838 1 udp 2130706431 192.0.2.2 47327 typ host","sdpMid":"",)"
    R"("sdpMLineIndex":0,"usernameFragment":null}},"target_id":"myhost","sender_id":"c"})";
constexpr char kGoError[] =
    R"({"type":"error","payload":"target host 'x\u003c\u0026\u003e\u2028\t\"\\' not found",)"
    R"("target_id":"c"})";

SignalingMessage Parsed(std::string_view text) {
  auto message = ParseSignalingMessage(text);
  EXPECT_TRUE(message.ok()) << text << ": " << message.status().ToString();
  return message.ok() ? *message : SignalingMessage{};
}

StatusCode CodeOf(std::string_view text) { return ParseSignalingMessage(text).status().code(); }

std::string Nested(size_t depth, const std::string& inside) {
  return std::string(depth, '[') + inside + std::string(depth, ']');
}

TEST(SignalingMessage, ReadsTheGoldenMessages) {
  const SignalingMessage registration = Parsed(kGoRegister);
  EXPECT_EQ(registration.type, SignalingType::kRegisterHost);
  EXPECT_EQ(registration.payload, "null");
  EXPECT_EQ(registration.sender_id, "myhost");
  EXPECT_EQ(registration.target_id, "");

  const SignalingMessage offer = Parsed(kGoOffer);
  EXPECT_EQ(offer.type, SignalingType::kOffer);
  EXPECT_EQ(offer.target_id, "myhost");
  const auto description = ParseDescriptionPayload(offer.payload);
  ASSERT_TRUE(description.ok());
  EXPECT_EQ(description->kind, SdpKind::kOffer);
  EXPECT_EQ(description->sdp, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n");

  const SignalingMessage candidate_message = Parsed(kGoCandidate);
  EXPECT_EQ(candidate_message.type, SignalingType::kCandidate);
  const auto candidate = ParseCandidatePayload(candidate_message.payload);
  ASSERT_TRUE(candidate.ok());
  EXPECT_EQ(candidate->candidate.rfind("candidate:2070692838 ", 0), 0U);
  EXPECT_EQ(candidate->mid, "");
  EXPECT_EQ(candidate->mline_index, 0);
  EXPECT_FALSE(candidate->username_fragment);

  const SignalingMessage error = Parsed(kGoError);
  EXPECT_EQ(error.type, SignalingType::kError);
  EXPECT_EQ(ParseErrorPayload(error.payload), "target host 'x<&>\xE2\x80\xA8\t\"\\' not found");
}

TEST(SignalingMessage, WritesTheBytesOfGo) {
  EXPECT_EQ(SerializeSignalingMessage(MakeRegisterHost("myhost")), kGoRegister);
  EXPECT_EQ(SerializeSignalingMessage(
                MakeDescription({SdpKind::kOffer, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"}, "myhost",
                                "6f9619ff-8b86-d011-b42d-00c04fc964ff")),
            kGoOffer);
  CandidatePayload candidate;
  candidate.candidate = "candidate:2070692838 1 udp 2130706431 192.0.2.2 47327 typ host";
  candidate.mid = "";
  candidate.mline_index = 0;
  EXPECT_EQ(SerializeSignalingMessage(MakeCandidate(candidate, "myhost", "c")), kGoCandidate);
  EXPECT_EQ(
      SerializeSignalingMessage(MakeError("target host 'x<&>\xE2\x80\xA8\t\"\\' not found", "c")),
      kGoError);
}

TEST(SignalingMessage, GoldenMessagesAreForwardedByteForByte) {
  for (const char* text : {kGoRegister, kGoOffer, kGoCandidate, kGoError}) {
    EXPECT_EQ(SerializeSignalingMessage(Parsed(text)), text);
  }
}

TEST(SignalingMessage, ThePayloadKeepsItsText) {
  for (const char* payload :
       {"0.10", "1e5", "123456789012345678901234567890", "\"a\\u0041\\\"}{,:\\\\\"", "[ 1 , {} ]",
        "{\"b\":1,\"a\":[\"]\",\"}\"]}", "true", "\"\"", "{ }", "-0"}) {
    const std::string text =
        std::string("\xEF\xBB\xBF { \"x\" : [1,{\"payload\":2}] , \"payload\" :  ") + payload +
        " , \"type\":\"offer\"}\n";
    EXPECT_EQ(Parsed(text).payload, payload) << text;
    const std::string last =
        std::string("{\"type\":\"offer\",\"p\\u0061yload\":") + payload + "\t}";
    EXPECT_EQ(Parsed(last).payload, payload) << last;
  }
  EXPECT_EQ(Parsed("{\"type\":\"offer\"}").payload, "null");
  EXPECT_EQ(Parsed(R"({"type":"offer","payload":7,"x":{"payload":1}})").payload, "7");
}

TEST(SignalingMessage, UnknownTypesAndMembersAreKeptOrIgnored) {
  const SignalingMessage message = Parsed(
      R"({"type":"bye","version":3,"payload":[1],"target_id":null,"extra":{"type":"offer"}})");
  EXPECT_EQ(message.type, SignalingType::kUnknown);
  EXPECT_EQ(message.unknown_type, "bye");
  EXPECT_EQ(message.target_id, "");
  EXPECT_EQ(SerializeSignalingMessage(message), R"({"type":"bye","payload":[1]})");
}

TEST(SignalingMessage, EveryTruncationFails) {
  for (const std::string_view text : {kGoRegister, kGoOffer, kGoCandidate, kGoError}) {
    for (size_t size = 0; size < text.size(); ++size) {
      EXPECT_EQ(CodeOf(text.substr(0, size)), StatusCode::kMalformed) << size;
    }
  }
}

TEST(SignalingMessage, RefusesWhatIsNotOneJsonObject) {
  const std::string glued = std::string(kGoRegister) + kGoRegister;
  for (const std::string& bad :
       {std::string(),
        std::string("null"),
        std::string("[]"),
        std::string("\"offer\""),
        std::string("{}"),
        std::string(100, '\xFF'),
        glued,
        std::string("{\"type\":\"offer\",}"),
        std::string("{\"type\":\"offer\",\"payload\":NaN}"),
        std::string("{\"type\":\"offer\",\"payload\":Infinity}"),
        std::string("{\"type\":\"offer\",\"payload\":1e999}"),
        std::string("{\"type\":\"offer\",\"payload\":01}"),
        std::string("{\"type\":\"offer\",\"payload\":'x'}"),
        std::string("{\"type\":\"offer\"} // comment"),
        std::string("{\"type\":\"offer\",\"payload\":\"\\ud800\"}"),
        std::string("{\"type\":\"offer\"}\0{}", 19),
        std::string("{\"type\":\"offer\"}\0", 17),
        std::string("{\"type\":\"offer\",\"sender_id\":\"\xC3\"}"),
        std::string("{\"type\":\"offer\",\"sender_id\":\"\xC0\xAF\"}"),
        std::string("{\"type\":\"offer\",\"sender_id\":\"\xED\xA0\x80\"}")}) {
    EXPECT_EQ(CodeOf(bad), StatusCode::kMalformed) << bad;
  }
}

TEST(SignalingMessage, RefusesMembersNamedTwice) {
  for (const char* bad :
       {R"({"type":"offer","type":"answer"})", R"({"type":"offer","t\u0079pe":"answer"})",
        R"({"type":"offer","sender_id":"a","sender_id":"a"})",
        R"({"type":"offer","payload":{"sdp":1,"sdp":2}})",
        R"({"type":"offer","x":[{"a":1,"a":1}]})"}) {
    EXPECT_EQ(CodeOf(bad), StatusCode::kMalformed) << bad;
  }
  EXPECT_EQ(CodeOf(R"({"type":"offer","payload":[{"a":1},{"a":2}]})"), StatusCode::kOk);
}

TEST(SignalingMessage, TypeAndIdsAreStrings) {
  for (const char* bad :
       {R"({"payload":null})", R"({"type":null})", R"({"type":""})", R"({"type":3})",
        R"({"type":["offer"]})", R"({"type":"offer","sender_id":1})",
        R"({"type":"offer","target_id":{}})", R"({"type":"offer","target_id":["x"]})",
        R"({"type":"offer","sender_id":"a\u0000b"})", R"({"type":"offer","sender_id":"a\nb"})",
        R"({"type":"offer","target_id":"\u007f"})"}) {
    EXPECT_EQ(CodeOf(bad), StatusCode::kMalformed) << bad;
  }
}

TEST(SignalingMessage, DepthIsBoundedWithoutRecursion) {
  const SignalingLimits limits;
  const auto with_depth = [](size_t depth) {
    return "{\"type\":\"offer\",\"payload\":" + Nested(depth - 1, "1") + "}";
  };
  EXPECT_EQ(CodeOf(with_depth(limits.max_depth)), StatusCode::kOk);
  EXPECT_EQ(CodeOf(with_depth(limits.max_depth + 1)), StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(with_depth(10001)), StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(std::string(60000, '[')), StatusCode::kResourceExhausted);
  std::string objects;
  for (int i = 0; i < 10000; ++i) objects += "{\"a\":";
  EXPECT_EQ(CodeOf(objects), StatusCode::kResourceExhausted);
}

TEST(SignalingMessage, LengthsAreBounded) {
  const SignalingLimits limits;
  const auto padded = [](size_t size) {
    const std::string head = "{\"type\":\"offer\",\"x\":\"";
    return head + std::string(size - head.size() - 2, 'y') + "\"}";
  };
  EXPECT_EQ(CodeOf(padded(limits.max_bytes)), StatusCode::kOk);
  EXPECT_EQ(CodeOf(padded(limits.max_bytes + 1)), StatusCode::kResourceExhausted);

  const auto with_id = [](size_t size) {
    return "{\"type\":\"offer\",\"sender_id\":\"" + std::string(size, 'i') + "\"}";
  };
  EXPECT_EQ(CodeOf(with_id(limits.max_id_bytes)), StatusCode::kOk);
  EXPECT_EQ(CodeOf(with_id(limits.max_id_bytes + 1)), StatusCode::kResourceExhausted);

  const auto with_type = [](size_t size) {
    return "{\"type\":\"" + std::string(size, 't') + "\"}";
  };
  EXPECT_EQ(CodeOf(with_type(kMaxSignalingTypeBytes)), StatusCode::kOk);
  EXPECT_EQ(CodeOf(with_type(kMaxSignalingTypeBytes + 1)), StatusCode::kResourceExhausted);
}

TEST(SignalingMessage, WritesInvalidUtf8AsGoDoes) {
  const SignalingMessage error = MakeError("a\xFF\xC3(\x01", "");
  EXPECT_EQ(error.payload, R"("a\ufffd\ufffd(\u0001")");
}

TEST(DescriptionPayload, ReadsAnyMemberOrder) {
  const auto answer = ParseDescriptionPayload(R"({"sdp":{"sdp":"v=0","extra":1,"type":"answer"}})");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->kind, SdpKind::kAnswer);
}

TEST(DescriptionPayload, RefusesOtherShapes) {
  for (const char* bad :
       {"", "null", "1", "[]", "{}", R"({"sdp":null})", R"({"sdp":"v=0"})", R"({"sdp":{}})",
        R"({"sdp":{"type":"offer"}})", R"({"sdp":{"type":"offer","sdp":""}})",
        R"({"sdp":{"type":"offer","sdp":1}})", R"({"sdp":{"type":1,"sdp":"v=0"}})",
        R"({"sdp":{"sdp":"v=0"}})"}) {
    EXPECT_EQ(ParseDescriptionPayload(bad).status().code(), StatusCode::kMalformed) << bad;
  }
  EXPECT_EQ(ParseDescriptionPayload(R"({"sdp":{"type":"rollback","sdp":"v=0"}})").status().code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(ParseDescriptionPayload(Nested(10000, "")).status().code(),
            StatusCode::kResourceExhausted);
}

TEST(CandidatePayload, MembersMayBeNullOrMissing) {
  for (const char* text : {R"({"candidate":{"candidate":"candidate:x"}})",
                           R"({"candidate":{"candidate":"candidate:x","sdpMid":null,)"
                           R"("sdpMLineIndex":null,"usernameFragment":null}})"}) {
    const auto candidate = ParseCandidatePayload(text);
    ASSERT_TRUE(candidate.ok()) << text;
    EXPECT_EQ(candidate->candidate, "candidate:x");
    EXPECT_FALSE(candidate->mid || candidate->mline_index || candidate->username_fragment);
  }
  const auto full = ParseCandidatePayload(
      R"({"candidate":{"candidate":"c","sdpMid":"1","sdpMLineIndex":65535,"usernameFragment":"u"}})");
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->mid, "1");
  EXPECT_EQ(full->mline_index, 65535);
  EXPECT_EQ(full->username_fragment, "u");
}

TEST(CandidatePayload, EveryFormOfTheEndOfCandidates) {
  for (const char* end :
       {"null", "{}", R"({"candidate":null})", R"({"candidate":{}})",
        R"({"candidate":{"candidate":null}})", R"({"candidate":{"candidate":"","sdpMid":"0"}})"}) {
    const auto candidate = ParseCandidatePayload(end);
    ASSERT_TRUE(candidate.ok()) << end;
    EXPECT_EQ(candidate->candidate, "") << end;
  }
}

TEST(CandidatePayload, RefusesOtherShapes) {
  for (const char* bad :
       {"1", "[]", "\"x\"", R"({"candidate":"candidate:x"})", R"({"candidate":{"candidate":1}})",
        R"({"candidate":{"candidate":"x","sdpMid":0}})",
        R"({"candidate":{"candidate":"x","sdpMLineIndex":-1}})",
        R"({"candidate":{"candidate":"x","sdpMLineIndex":65536}})",
        R"({"candidate":{"candidate":"x","sdpMLineIndex":0.5}})",
        R"({"candidate":{"candidate":"x","sdpMLineIndex":"0"}})",
        R"({"candidate":{"candidate":"x","usernameFragment":{}}})"}) {
    EXPECT_EQ(ParseCandidatePayload(bad).status().code(), StatusCode::kMalformed) << bad;
  }
}

TEST(CandidatePayload, BoundsItsTexts) {
  const auto with = [](const char* member, size_t size) {
    const std::string payload = std::string(R"({"candidate":{"candidate":"c",")") + member +
                                "\":\"" + std::string(size, 'x') + "\"}}";
    return ParseCandidatePayload(payload).ok();
  };
  const auto text = [](size_t size) {
    return ParseCandidatePayload(R"({"candidate":{"candidate":")" + std::string(size, 'x') + "\"}}")
        .ok();
  };
  EXPECT_TRUE(text(kMaxCandidateTextBytes));
  EXPECT_FALSE(text(kMaxCandidateTextBytes + 1));
  EXPECT_FALSE(text(60'000));
  for (const char* member : {"sdpMid", "usernameFragment"}) {
    EXPECT_TRUE(with(member, kMaxCandidateNameBytes)) << member;
    EXPECT_FALSE(with(member, kMaxCandidateNameBytes + 1)) << member;
  }
}

TEST(CandidatePayload, RoundTrips) {
  CandidatePayload candidate;
  candidate.candidate = "candidate:\"\\\n";
  candidate.username_fragment = "u";
  const SignalingMessage message = MakeCandidate(candidate, "t", "s");
  const auto parsed = ParseCandidatePayload(Parsed(SerializeSignalingMessage(message)).payload);
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(*parsed == candidate);
}

TEST(ErrorPayload, WhatIsNoStringIsShownAsItIs) {
  EXPECT_EQ(ParseErrorPayload("\"no\""), "no");
  EXPECT_EQ(ParseErrorPayload("{\"code\":3}"), "{\"code\":3}");
  EXPECT_EQ(ParseErrorPayload("null"), "null");
}

}  // namespace
}  // namespace ming::codec
