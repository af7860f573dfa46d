// TSNs wrap around (RFC 9260, section 1.7): they are compared by RFC 1982 only.
#ifndef MING_SCTP_TSN_H_
#define MING_SCTP_TSN_H_

#include <cstdint>

namespace ming::sctp {

inline bool IsAfter(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }
inline bool IsAtOrAfter(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) >= 0; }

}  // namespace ming::sctp

#endif  // MING_SCTP_TSN_H_
