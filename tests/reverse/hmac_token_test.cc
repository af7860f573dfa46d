// The check values of RT1: these lines are what other implementations send.
#include "ming/reverse/hmac_token.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "ming/codec/reverse_line.h"

namespace ming::reverse {
namespace {

constexpr char kNonce[] = "00112233445566778899aabbccddeeff";

// The token of the check values, at their time.
class CheckKey final : public TokenKey {
 public:
  std::string Mac(std::string_view text) const override { return token_.Mac(text); }
  int64_t UnixSeconds() const override { return 1700000000; }

 private:
  const HmacToken token_{Secret("s3cret")};
};

class CheckRandom final : public Random {
 public:
  uint64_t Next64() override {
    return std::exchange(first_, false) ? 0x0011223344556677 : 0x8899aabbccddeeff;
  }

 private:
  bool first_ = true;
};

std::string ControlLine(const std::string& id) {
  CheckRandom random;
  codec::ReverseControl line;
  line.params.Add("id", id);
  SignControl(CheckKey(), random, id, line.params);
  return codec::SerializeReverseLine(codec::ReverseFirstLine(line));
}

TEST(HmacTokenTest, SignsAControlLine) {
  EXPECT_EQ(ControlLine("alpha"),
            "RT1 CONTROL id=alpha ts=1700000000 nonce=" + std::string(kNonce) +
                " mac=f58eacbccb89fadb8283484912659786ae66332c91243d2abc67569a57888bce\n");
  EXPECT_EQ(ControlLine("default"),
            "RT1 CONTROL id=default ts=1700000000 nonce=" + std::string(kNonce) +
                " mac=ecf7c3f4a572b51e5957cb374e40b219d3c1aeac844ebc28bf687729f165648e\n");
}

TEST(HmacTokenTest, SignsADataLine) {
  const std::string conn = "0123456789abcdef0123456789abcdef";
  codec::ReverseData line{*codec::ReverseConnId::Parse(conn), {}};
  SignData(CheckKey(), line.conn, line.params);
  EXPECT_EQ(codec::SerializeReverseLine(codec::ReverseFirstLine(line)),
            "RT1 DATA " + conn +
                " mac=99daa9ef91b866f4e558915248e97cfd10776bb146843c5b4ccc990ae093d380\n");
}

TEST(HmacTokenTest, TakesTheCheckValues) {
  const auto line = codec::ParseReverseFirstLine(
      "RT1 CONTROL id=alpha ts=1700000000 nonce=00112233445566778899aabbccddeeff "
      "mac=f58eacbccb89fadb8283484912659786ae66332c91243d2abc67569a57888bce");
  ASSERT_TRUE(line.ok());
  const CheckKey key;
  TokenChecker checker(key, 10);
  const auto& control = std::get<codec::ReverseControl>(*line);
  EXPECT_TRUE(checker.CheckControl(Timestamp(), "alpha", control.params).ok());
}

TEST(HmacTokenTest, KnowsTheTime) { EXPECT_GT(HmacToken(Secret("x")).UnixSeconds(), 1700000000); }

}  // namespace
}  // namespace ming::reverse
