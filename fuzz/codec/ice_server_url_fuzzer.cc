// STUN and TURN URLs: what parses is written and parsed again as the same value.
#include <glog/logging.h>

#include "ming/base/bytes.h"
#include "ming/codec/ice_server_url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto server = ming::codec::ParseIceServerUrl(ming::ByteSpan(data, size).AsText());
  if (!server.ok()) return 0;
  CHECK(!server->address.host.empty());
  CHECK_EQ(server->username.empty(), server->password.empty());
  CHECK_EQ(server->ToString().find('@'), std::string::npos);
  const auto again = ming::codec::ParseIceServerUrl(ming::codec::SerializeIceServerUrl(*server));
  CHECK(again.ok()) << again.status().ToString();
  CHECK(*again == *server);
  return 0;
}
