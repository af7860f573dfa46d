// How long a connection took to become usable, step by step.
#ifndef MING_WEBRTC_SETUP_TIMES_H_
#define MING_WEBRTC_SETUP_TIMES_H_

#include <string>

#include "ming/base/time.h"

namespace ming::webrtc {

// How long each step took until channels could be used, from the moment both descriptions were
// known.
struct SetupTimes {
  Duration path{0};  // ICE: a pair works
  Duration dtls{0};
  Duration sctp{0};

  Duration total() const { return path + dtls + sctp; }
};

// "Set up in 4.3 ms (path 2.1, DTLS 1.2, SCTP 1.0)".
std::string DescribeSetup(const SetupTimes& times);

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_SETUP_TIMES_H_
