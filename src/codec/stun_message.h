// STUN messages (RFC 8489) as ICE uses them (RFC 8445, section 7.1): reading and writing. The keyed
// hash of MESSAGE-INTEGRITY is computed elsewhere.
#ifndef MING_CODEC_STUN_MESSAGE_H_
#define MING_CODEC_STUN_MESSAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"

namespace ming::codec {

enum class StunClass : uint8_t { kRequest, kIndication, kSuccess, kError };

inline constexpr uint16_t kStunBinding = 1;

// Attribute types (RFC 8489, section 18.3; RFC 8445, section 16.1).
enum class StunType : uint16_t {
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
};

using StunTransaction = std::array<uint8_t, 12>;

struct StunAttribute {
  uint16_t type = 0;
  std::vector<uint8_t> value;  // without padding
};

struct StunAddress {
  IpAddress ip;
  Port port;

  friend bool operator==(const StunAddress& a, const StunAddress& b) {
    return a.ip == b.ip && a.port == b.port;
  }
};

struct StunMessage {
  StunClass message_class = StunClass::kRequest;
  uint16_t method = kStunBinding;
  StunTransaction transaction{};
  std::vector<StunAttribute> attributes;  // in their order, unknown ones included

  // The first of that type; null: none. Valid as long as the message is not changed.
  const StunAttribute* Find(StunType type) const;
  // The value of an attribute of 4 or 8 bytes.
  std::optional<uint64_t> Number(StunType type) const;
  // Of kUsername; empty: none.
  std::string Username() const;
  // Of kErrorCode: 300 to 699.
  std::optional<int> ErrorCode() const;
  std::optional<StunAddress> XorMappedAddress() const;
};

// One whole message. kMalformed: no STUN (see IsStunMessage), or attributes that overrun it.
// Nothing is authenticated.
Result<StunMessage> ParseStunMessage(ByteSpan wire);

// Where MESSAGE-INTEGRITY stands in a whole message: what its HMAC-SHA1 covers (a copy, with the
// length it had then) and the hash that the sender gave. Nothing: there is none.
struct StunIntegrity {
  ByteBuffer covered;
  std::array<uint8_t, 20> hash{};
};
std::optional<StunIntegrity> FindStunIntegrity(ByteSpan wire);

// Whether the last attribute of a whole message is a FINGERPRINT that fits (RFC 8489, section
// 14.7).
bool StunFingerprintFits(ByteSpan wire);

// Writes one message, attribute by attribute.
class StunWriter {
 public:
  StunWriter(StunClass message_class, uint16_t method, const StunTransaction& transaction);

  void Add(StunType type, ByteSpan value) { Add(static_cast<uint16_t>(type), value); }
  // Any type, known or not; at most 60,000 bytes in all.
  void Add(uint16_t type, ByteSpan value);
  void AddText(StunType type, const std::string& text) { Add(type, ByteSpan(text)); }
  void AddU32(StunType type, uint32_t value);
  void AddU64(StunType type, uint64_t value);
  void AddXorMappedAddress(const StunAddress& address);
  // What MESSAGE-INTEGRITY covers if it is added next; valid until the next call.
  ByteSpan CoveredByIntegrity();
  void AddIntegrity(const std::array<uint8_t, 20>& hash);
  // Last.
  void AddFingerprint();

  ByteSpan wire() const { return wire_; }

 private:
  void SetLength(size_t extra);

  StunTransaction transaction_;
  ByteBuffer wire_;
};

}  // namespace ming::codec

#endif  // MING_CODEC_STUN_MESSAGE_H_
