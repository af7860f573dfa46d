// Path probes: what parses names its own size, and parses again from what is written.
#include <glog/logging.h>

#include "ming/base/bytes.h"
#include "ming/codec/path_probe.h"

using ming::codec::PathProbe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto probe = ming::codec::ParsePathProbe({data, size});
  if (!probe) return 0;
  CHECK(ming::codec::IsPathProbe({data, size}));
  const ming::ByteBuffer record = ming::codec::SerializePathProbe(*probe);
  CHECK_EQ(record.size(), size);
  const auto again = ming::codec::ParsePathProbe(record);
  CHECK(again.has_value());
  CHECK_EQ(static_cast<int>(again->kind), static_cast<int>(probe->kind));
  CHECK_EQ(again->id, probe->id);
  CHECK_EQ(again->size, probe->size);
  return 0;
}
