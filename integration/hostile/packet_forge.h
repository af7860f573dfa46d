// PacketForge: SCTP packets (RFC 9260) by hand inside a living association: chunks of any shape
// behind the right tag, ports and checksum, DATA with the next TSN.
#ifndef MING_HOSTILE_PACKET_FORGE_H_
#define MING_HOSTILE_PACKET_FORGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/conformance/raw_peer.h"

namespace ming::hostile {

using Bytes = std::vector<uint8_t>;

void AppendU16(Bytes& bytes, size_t value);
void AppendU32(Bytes& bytes, uint64_t value);

// A chunk with its real length, padded.
Bytes MakeChunk(uint8_t type, uint8_t flags, const Bytes& value);

// DATA: the flags of RFC 9260, section 3.3.1.
constexpr uint8_t kWhole = 3;
constexpr uint8_t kFirst = 2;
constexpr uint8_t kMiddle = 0;
constexpr uint8_t kUnordered = 4;

class PacketForge {
 public:
  // Watches what `peer` sends from its start on; the peer outlives the forge.
  explicit PacketForge(conformance::RawPeer& peer);

  // From here on the peer's own association neither says nor hears anything.
  void TakeOver();

  Bytes MakeData(uint8_t flags, uint16_t stream, uint16_t sequence, uint32_t ppid,
                 const Bytes& payload);
  // Leaves a gap in front of the next DATA.
  void SkipTsn(uint64_t count) { next_tsn_ += static_cast<uint32_t>(count); }
  uint32_t next_tsn() const { return next_tsn_; }
  // One packet of these chunks; false: DTLS takes no more.
  bool Send(const Bytes& chunks);
  // The same with another verification tag, or a wrong checksum.
  bool SendWith(const Bytes& chunks, uint32_t tag, bool right_checksum);
  // Packets of the association that were seen, to be spoiled.
  const std::vector<Bytes>& samples() const { return samples_; }
  uint32_t tag() const { return tag_; }
  // The last TSN of the victim.
  uint32_t victim_tsn() const { return victim_tsn_; }

 private:
  void Learn(ByteSpan packet);
  void LearnFromVictim(ByteSpan packet);

  conformance::RawPeer& peer_;
  bool taken_over_ = false;
  Bytes ports_;  // as they stand in the packets we send
  uint32_t tag_ = 0;
  uint32_t next_tsn_ = 0;
  uint32_t victim_tsn_ = 0;
  std::vector<Bytes> samples_;
};

}  // namespace ming::hostile

#endif  // MING_HOSTILE_PACKET_FORGE_H_
