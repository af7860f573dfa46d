#include "ming/base/status.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "ming/base/time.h"

namespace ming {
namespace {

TEST(Status, ContextIsAddedInFrontAndKeepsTheCode) {
  const Status status =
      Status(StatusCode::kTimeout, "no answer", 7).WithContext("auth").WithContext("reverse");
  EXPECT_EQ(status.ToString(), "timeout: reverse: auth: no answer");
  EXPECT_EQ(status.detail(), 7);
  EXPECT_TRUE(Status().WithContext("x").ok());
}

TEST(Status, ErrnoBecomesACodeAndASentence) {
  const Status status = Status::FromErrno("connect", ECONNREFUSED);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "connect: Connection refused");
  EXPECT_EQ(Status::FromErrno("accept", EMFILE).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Status::FromErrno("read", ECONNRESET).code(), StatusCode::kClosed);
}

TEST(Result, CarriesAMoveOnlyValue) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  ASSERT_TRUE(result.ok());
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, ValueOfAFailureDies) {
  const Result<int> result(Status(StatusCode::kMalformed, "bad"));
  EXPECT_DEATH(static_cast<void>(result.value()), "malformed: bad");
}

TEST(Timestamp, AdditionSaturatesAtMax) {
  EXPECT_EQ(Timestamp::Max() + Duration(1), Timestamp::Max());
  EXPECT_EQ(Timestamp(Duration::max() - Duration(1)) + Duration(2), Timestamp::Max());
  EXPECT_EQ(Timestamp(Duration(5)) - Timestamp(Duration(3)), Duration(2));
}

}  // namespace
}  // namespace ming
