#include "ming/base/option_problems.h"

#include <gtest/gtest.h>

namespace ming {
namespace {

TEST(OptionProblemsTest, NoProblemIsOk) {
  OptionProblems problems;
  problems.Range("size", size_t{1}, 1, 2);
  problems.Range("size", size_t{2}, 1, 2);
  problems.Require(true, "never said");
  problems.Include("part", Status::Ok());
  EXPECT_TRUE(problems.ToStatus().ok());
}

TEST(OptionProblemsTest, NamesEveryProblemOnALineOfItsOwn) {
  OptionProblems problems;
  problems.Range("size", size_t{3}, 1, 2);
  problems.Range("wait", std::chrono::seconds(0), std::chrono::seconds(1), std::chrono::minutes(1));
  problems.Require(false, "nothing to do");
  problems.Include("part", Status(StatusCode::kInvalidArgument, "broken"));
  const Status status = problems.ToStatus();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "size is not within 1 to 2\n"
            "wait is not within 1s to 1m\n"
            "nothing to do\n"
            "part: broken");
}

}  // namespace
}  // namespace ming
