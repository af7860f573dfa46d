// A WebSocket URL that parses reads back as the same from its own text.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ming/ws/ws_url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ming::ws::ParseWsUrl;
  const auto url = ParseWsUrl({reinterpret_cast<const char*>(data), size});
  if (!url.ok()) return 0;
  const std::string text = url->ToString();
  if (text.size() > 2048) return 0;  // the port was not written out in the input
  const auto again = ParseWsUrl(text);
  CHECK(again.ok()) << again.status().ToString();
  CHECK_EQ(again->ToString(), text);
  CHECK(!url->endpoint.host.empty());
  CHECK_EQ(url->target.front(), '/');
  CHECK(!url->HostHeader().empty());
  return 0;
}
