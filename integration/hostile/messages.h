// The signaling messages that attacks send: well formed up to what an attack spoils.
#ifndef MING_HOSTILE_MESSAGES_H_
#define MING_HOSTILE_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace ming::hostile {

// Seeded by default: a run can be repeated.
using Generator = std::mt19937_64;

// `payload` is JSON; empty: null.
std::string MakeMessage(std::string_view type, const std::string& payload, std::string_view target,
                        std::string_view sender);
std::string MakeRegistration(std::string_view id);
// An offer of a peer with credentials, a fingerprint and an address of its own that never answers.
std::string MakeOfferMessage(std::string_view target, std::string_view sender, Generator& random);
// A host candidate of documentation addresses; `foundation_bytes` long foundation.
std::string MakeCandidateMessage(std::string_view target, std::string_view sender, uint64_t number,
                                 size_t foundation_bytes = 4);

}  // namespace ming::hostile

#endif  // MING_HOSTILE_MESSAGES_H_
