// ConnectionRace: which address of a host to try when (RFC 8305, "happy eyeballs"). Pure: it holds
// no socket; the connector acts on its answers.
#ifndef MING_NET_CONNECTION_RACE_H_
#define MING_NET_CONNECTION_RACE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/net/socket_address.h"

namespace ming::net {

// The addresses with families alternating, starting with the family of the first; the order within
// a family is kept (RFC 8305, section 4).
std::vector<SocketAddress> AlternateFamilies(const std::vector<SocketAddress>& addresses);

class ConnectionRace {
 public:
  // `candidates` are numbered from 0 in the order of preference. `delay`: how long a started one
  // has before the next joins it.
  ConnectionRace(size_t candidates, Duration delay) : candidates_(candidates), delay_(delay) {}

  // The candidate to start now, if one is due. Ask again until it says none.
  std::optional<size_t> PollStart(Timestamp now);
  // When PollStart will have one, if nothing else happens; Timestamp::Max(): never.
  Timestamp NextStart() const;
  // One that was started failed (`why` is not ok): the next may start at once.
  void HandleFailure(const Status& why);
  // All were started and failed.
  bool lost() const { return failed_ == candidates_; }
  // Of the failures so far the one to report: the answer of a host says more than that another
  // address leads nowhere. Ok: none.
  const Status& error() const { return error_; }

 private:
  size_t candidates_;
  Duration delay_;
  size_t started_ = 0;
  size_t failed_ = 0;
  Status error_;
  Timestamp next_start_{Duration::min()};  // at once
};

}  // namespace ming::net

#endif  // MING_NET_CONNECTION_RACE_H_
