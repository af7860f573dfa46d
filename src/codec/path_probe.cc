#include "ming/codec/path_probe.h"

#include <glog/logging.h>

#include "ming/base/byte_io.h"

namespace ming::codec {

bool IsPathProbe(ByteSpan record) {
  const std::optional<uint32_t> ports = ByteReader(record).ReadU32();
  return ports && *ports == 0;
}

std::optional<PathProbe> ParsePathProbe(ByteSpan record) {
  if (!IsPathProbe(record)) return std::nullopt;
  ByteReader reader(record.Skip(sizeof(uint32_t)));
  const std::optional<uint8_t> kind = reader.ReadU8();
  const std::optional<uint8_t> reserved = reader.ReadU8();
  const std::optional<uint16_t> size = reader.ReadU16();
  const std::optional<uint32_t> id = reader.ReadU32();
  if (!kind || !reserved || !size || !id || *size < kPathProbeHeader) return std::nullopt;
  if (*kind == static_cast<uint8_t>(PathProbe::Kind::kProbe) && *size == record.size()) {
    return PathProbe{PathProbe::Kind::kProbe, *id, *size};
  }
  if (*kind == static_cast<uint8_t>(PathProbe::Kind::kAnswer) && reader.remaining() == 0) {
    return PathProbe{PathProbe::Kind::kAnswer, *id, *size};
  }
  return std::nullopt;
}

ByteBuffer SerializePathProbe(const PathProbe& probe) {
  CHECK_GE(probe.size, kPathProbeHeader);
  ByteBuffer record;
  ByteWriter writer(record);
  writer.WriteU32(0);
  writer.WriteU8(static_cast<uint8_t>(probe.kind));
  writer.WriteU8(0);
  writer.WriteU16(probe.size);
  writer.WriteU32(probe.id);
  if (probe.kind == PathProbe::Kind::kProbe) {
    while (record.size() < probe.size) writer.WriteU8(0);
  }
  return record;
}

}  // namespace ming::codec
