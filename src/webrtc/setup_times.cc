#include "ming/webrtc/setup_times.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace ming::webrtc {
namespace {

std::string Milliseconds(Duration duration) {
  std::array<char, 32> digits{};
  const std::chrono::duration<double, std::milli> milliseconds = duration;
  std::snprintf(digits.data(), digits.size(), "%.1f", milliseconds.count());
  return std::string(digits.data());
}

}  // namespace

std::string DescribeSetup(const SetupTimes& times) {
  return "Set up in " + Milliseconds(times.total()) + " ms (path " + Milliseconds(times.path) +
         ", DTLS " + Milliseconds(times.dtls) + ", SCTP " + Milliseconds(times.sctp) + ")";
}

}  // namespace ming::webrtc
