#include "ming/webrtc/setup_times.h"

#include <gtest/gtest.h>

#include <chrono>

namespace ming::webrtc {
namespace {

using std::chrono::microseconds;

TEST(SetupTimesTest, AreToldInMilliseconds) {
  EXPECT_EQ(DescribeSetup({microseconds(2100), microseconds(1234), microseconds(980)}),
            "Set up in 4.3 ms (path 2.1, DTLS 1.2, SCTP 1.0)");
}

}  // namespace
}  // namespace ming::webrtc
