#include "ming/sctp/reassembly.h"

namespace ming::sctp {

Result<std::optional<ByteBuffer>> Reassembly::Add(StreamId stream, link::Ordering ordering,
                                                  ByteBuffer piece, bool last) {
  const auto it = incomplete_.find({stream, ordering});
  const size_t before = it == incomplete_.end() ? 0 : it->second.size();
  if (before + piece.size() > max_message_) {
    return Status(StatusCode::kResourceExhausted, "the peer sent a message of more than " +
                                                      std::to_string(max_message_) +
                                                      " bytes, the limit it was told");
  }
  if (it == incomplete_.end()) {
    if (last) return std::optional<ByteBuffer>(std::move(piece));
  } else {
    it->second.Append(piece);
    if (last) {
      std::optional<ByteBuffer> whole(std::move(it->second));
      incomplete_.erase(it);
      total_ -= before;
      return whole;
    }
  }
  if (total_ + piece.size() > max_total_) {
    return Status(StatusCode::kResourceExhausted,
                  "incomplete messages hold more than " + std::to_string(max_total_) + " bytes");
  }
  total_ += piece.size();
  if (it == incomplete_.end()) incomplete_.emplace(Key(stream, ordering), std::move(piece));
  return std::optional<ByteBuffer>();
}

void Reassembly::Discard(StreamId stream) {
  for (const link::Ordering ordering : {link::Ordering::kOrdered, link::Ordering::kUnordered}) {
    const auto it = incomplete_.find({stream, ordering});
    if (it == incomplete_.end()) continue;
    total_ -= it->second.size();
    incomplete_.erase(it);
  }
}

}  // namespace ming::sctp
