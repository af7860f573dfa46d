#include "ming/reverse/token_auth.h"

#include <gtest/gtest.h>

#include <string>

#include "fake_token_key.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseParams;
using std::chrono::seconds;

class TokenAuthTest : public testing::Test {
 protected:
  ReverseParams Signed(const std::string& id = "alpha") {
    ReverseParams params;
    SignControl(key_, random_, id, params);
    return params;
  }
  // `params` with one value replaced.
  static ReverseParams With(const ReverseParams& params, const std::string& key,
                            const std::string& value) {
    ReverseParams changed;
    for (const auto& [name, old] : params.all()) changed.Add(name, name == key ? value : old);
    return changed;
  }
  StatusCode Check(const ReverseParams& params, const std::string& id = "alpha") {
    return checker_.CheckControl(now_, id, params).code();
  }

  FakeTokenKey key_{"s3cret"};
  SeededRandom random_{1};
  TokenChecker checker_{key_, 3};
  Timestamp now_{seconds(5)};
};

TEST_F(TokenAuthTest, TakesWhatTheTokenSigned) { EXPECT_EQ(Check(Signed()), StatusCode::kOk); }

TEST_F(TokenAuthTest, RefusesWithoutEachParameter) {
  const ReverseParams whole = Signed();
  for (const char* missing : {"ts", "nonce", "mac"}) {
    ReverseParams part;
    for (const auto& [name, value] : whole.all()) {
      if (name != missing) part.Add(name, value);
    }
    EXPECT_EQ(Check(part), StatusCode::kPermissionDenied) << missing;
  }
}

TEST_F(TokenAuthTest, RefusesAnotherToken) {
  ReverseParams params;
  SignControl(FakeTokenKey("other"), random_, "alpha", params);
  EXPECT_EQ(Check(params), StatusCode::kPermissionDenied);
}

TEST_F(TokenAuthTest, RefusesWhatWasSignedForAnotherIdTimeOrNonce) {
  const ReverseParams params = Signed();
  EXPECT_EQ(Check(params, "beta"), StatusCode::kPermissionDenied);
  EXPECT_EQ(Check(With(params, "ts", "1700000001")), StatusCode::kPermissionDenied);
  EXPECT_EQ(Check(With(params, "nonce", std::string(32, '0'))), StatusCode::kPermissionDenied);
  EXPECT_EQ(checker_.nonce_count(), 0u) << "only holders of the token fill the memory";
}

TEST_F(TokenAuthTest, RefusesANonceThatIsNone) {
  ReverseParams params;
  params.Add("ts", "1700000000");
  params.Add("nonce", "1");
  params.Add("mac", key_.Mac("RT1|CONTROL|alpha|1700000000|1"));
  EXPECT_EQ(Check(params), StatusCode::kPermissionDenied);
}

TEST_F(TokenAuthTest, TakesClocksThatDifferByAMinuteAndNotMore) {
  for (const int64_t difference : {-60, 60}) {
    const ReverseParams params = Signed();
    key_.clock += difference;
    EXPECT_EQ(Check(params), StatusCode::kOk) << difference;
    key_.clock += difference < 0 ? -1 : 1;
    EXPECT_EQ(Check(params), StatusCode::kPermissionDenied) << difference;
  }
}

TEST_F(TokenAuthTest, RefusesAReplayForAsLongAsItsTimeIsGood) {
  const ReverseParams params = Signed();
  key_.clock -= 60;  // the sender's clock is a minute ahead
  EXPECT_EQ(Check(params), StatusCode::kOk);
  EXPECT_EQ(Check(params), StatusCode::kPermissionDenied);
  now_ = now_ + seconds(119);
  key_.clock += 119;
  EXPECT_EQ(Check(params), StatusCode::kPermissionDenied);
  now_ = now_ + seconds(2);
  key_.clock += 2;  // forgotten, and too old
  EXPECT_EQ(Check(params), StatusCode::kPermissionDenied);
}

TEST_F(TokenAuthTest, RemembersNoMoreThanItsLimit) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Check(Signed()), StatusCode::kOk);
  EXPECT_EQ(Check(Signed()), StatusCode::kResourceExhausted);
  EXPECT_EQ(checker_.nonce_count(), 3u);
  now_ = now_ + kNonceMemory;
  EXPECT_EQ(Check(Signed()), StatusCode::kOk);
  EXPECT_EQ(checker_.nonce_count(), 1u);
}

TEST_F(TokenAuthTest, ChecksTheMacOfADataConnection) {
  const ReverseConnId conn = ReverseConnId::Draw(random_);
  ReverseParams params;
  EXPECT_EQ(checker_.CheckData(conn, params).code(), StatusCode::kPermissionDenied);
  SignData(key_, conn, params);
  EXPECT_TRUE(checker_.CheckData(conn, params).ok());
  EXPECT_FALSE(checker_.CheckData(ReverseConnId::Draw(random_), params).ok());
}

}  // namespace
}  // namespace ming::reverse
