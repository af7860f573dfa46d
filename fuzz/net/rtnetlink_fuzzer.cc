// The rtnetlink parser: any bytes end in reports or in an error.
#include <glog/logging.h>

#include <variant>

#include "ming/net/rtnetlink.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto reports = ming::net::ParseNetlink(ming::ByteSpan(data, size));
  if (!reports.ok()) return 0;
  for (const ming::net::NetlinkReport& report : *reports) {
    if (const auto* refusal = std::get_if<ming::net::NetlinkRefusal>(&report.what)) {
      CHECK_GE(refusal->error_number, 0);
    }
  }
  return 0;
}
