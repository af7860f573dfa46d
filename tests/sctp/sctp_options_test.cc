#include "ming/sctp/sctp_options.h"

#include <gtest/gtest.h>

namespace ming::sctp {
namespace {

TEST(SctpOptionsTest, DefaultsAreValid) { EXPECT_TRUE(Validate({}).ok()); }

TEST(SctpOptionsTest, NamesAllProblemsAtOnce) {
  SctpOptions options;
  options.local_port = 0;
  options.max_packet_size = 575;
  options.send_buffer = 1;
  options.rto_min = options.rto_max + std::chrono::milliseconds(1);
  const Status status = Validate(options);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  for (const char* part : {"port", "packet", "buffer", "send queue", "retransmission"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << part << ": " << status.message();
  }
}

TEST(SctpOptionsTest, PacketSizeHasBothBounds) {
  SctpOptions options;
  for (const auto& [size, valid] :
       {std::pair<size_t, bool>{576, true}, {16347, true}, {16348, false}}) {
    options.max_packet_size = size;
    EXPECT_EQ(Validate(options).ok(), valid) << size;
  }
}

}  // namespace
}  // namespace ming::sctp
