#include "ming/cli/exit_code.h"

#include <gtest/gtest.h>

namespace ming::cli {
namespace {

ExitCode Of(StatusCode code) { return ExitCodeFor(Status(code, "x")); }
ExitCode Of(p2p::TunnelEnd end) { return ExitCodeFor(end, Status(StatusCode::kInternal, "x")); }

TEST(ExitCode, OfOurOwnFailures) {
  EXPECT_EQ(ExitCodeFor(Status::Ok()), ExitCode::kOk);
  EXPECT_EQ(Of(StatusCode::kInvalidArgument), ExitCode::kUsage);
  EXPECT_EQ(Of(StatusCode::kResourceExhausted), ExitCode::kLimit);
  for (const StatusCode code :
       {StatusCode::kMalformed, StatusCode::kProtocolViolation, StatusCode::kUnavailable,
        StatusCode::kTimeout, StatusCode::kClosed, StatusCode::kPermissionDenied,
        StatusCode::kUnsupported, StatusCode::kInternal}) {
    EXPECT_EQ(Of(code), ExitCode::kFailure) << StatusCodeName(code);
  }
}

TEST(ExitCode, OfTunnels) {
  EXPECT_EQ(Of(p2p::TunnelEnd::kStopped), ExitCode::kOk);
  EXPECT_EQ(Of(p2p::TunnelEnd::kServerLost), ExitCode::kLost);
  EXPECT_EQ(Of(p2p::TunnelEnd::kRefused), ExitCode::kRefused);
  EXPECT_EQ(Of(p2p::TunnelEnd::kIdTaken), ExitCode::kRefused);
  EXPECT_EQ(Of(p2p::TunnelEnd::kHostNotFound), ExitCode::kNotFound);
  EXPECT_EQ(Of(p2p::TunnelEnd::kNoPath), ExitCode::kNotFound);
  EXPECT_EQ(Of(p2p::TunnelEnd::kFailed), ExitCode::kFailure);
}

TEST(ExitCode, FailedTunnelGoesByItsStatus) {
  const Status limit(StatusCode::kResourceExhausted, "x");
  EXPECT_EQ(ExitCodeFor(p2p::TunnelEnd::kFailed, limit), ExitCode::kLimit);
  EXPECT_EQ(ExitCodeFor(p2p::TunnelEnd::kFailed, Status::Ok()), ExitCode::kFailure);
}

TEST(ExitCode, NumbersArePublished) {
  EXPECT_EQ(static_cast<int>(ExitCode::kOk), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::kFailure), 1);
  EXPECT_EQ(static_cast<int>(ExitCode::kUsage), 2);
  EXPECT_EQ(static_cast<int>(ExitCode::kLost), 3);
  EXPECT_EQ(static_cast<int>(ExitCode::kRefused), 4);
  EXPECT_EQ(static_cast<int>(ExitCode::kNotFound), 5);
  EXPECT_EQ(static_cast<int>(ExitCode::kLimit), 6);
}

}  // namespace
}  // namespace ming::cli
