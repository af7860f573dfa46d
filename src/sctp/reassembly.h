// Reassembly: joins the pieces in which the engine hands over large messages. Pieces of one stream
// and ordering come in order; those of different streams may alternate (RFC 8260).
#ifndef MING_SCTP_REASSEMBLY_H_
#define MING_SCTP_REASSEMBLY_H_

#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/message_channel.h"
#include "ming/sctp/sctp_options.h"

namespace ming::sctp {

class Reassembly {
 public:
  // `max_message`: bytes of one message; `max_total`: bytes of all that are incomplete.
  Reassembly(size_t max_message, size_t max_total)
      : max_message_(max_message), max_total_(max_total) {}

  // The next piece of a message; gives the message once `last` said that it is complete.
  // kResourceExhausted: a limit; the association cannot go on.
  Result<std::optional<ByteBuffer>> Add(StreamId stream, link::Ordering ordering, ByteBuffer piece,
                                        bool last);
  // The engine gave up the message that is incomplete on the stream, if any.
  void Discard(StreamId stream);

  size_t total_bytes() const { return total_; }

 private:
  using Key = std::pair<StreamId, link::Ordering>;

  size_t max_message_;
  size_t max_total_;
  size_t total_ = 0;
  std::map<Key, ByteBuffer> incomplete_;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_REASSEMBLY_H_
