// How the client's half of RT1 is set up.
#ifndef MING_REVERSE_CLIENT_CORE_OPTIONS_H_
#define MING_REVERSE_CLIENT_CORE_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

// How the client comes back after a loss.
struct ReconnectOptions {
  bool enabled = true;
  // The k-th delay is least * 2^k, at most `most`, times 0.8 to 1.2. 10 ms to 24 h.
  Duration least = std::chrono::milliseconds(500);
  Duration most = std::chrono::seconds(30);
  // Attempts without success before it gives up; 0: never.
  size_t count = 0;
  bool after_replace = false;
  bool after_refusal = false;  // of the token or the certificate
};

struct ClientCoreOptions {
  // [A-Za-z0-9._-], 1 to 64 bytes.
  std::string id = "default";
  // Groups that the client belongs to, each like an id; at most 8.
  std::vector<std::string> labels;
  // From connecting on B to the reply, 10 ms to 10 min.
  Duration handshake_timeout = std::chrono::seconds(5);
  // How long relays may go on after a loss of control or a stop, 0 to 24 h.
  Duration drain_timeout = std::chrono::seconds(5);
  // Connections at once, dialling ones included, 1 to 1,000,000.
  size_t max_conns = 4096;
  Orphans orphans = Orphans::kDrain;
  // Offers the server to carry datagrams as well.
  bool udp = false;
  // Data connections that it opens before there is a caller, at most; the server asks for them as
  // it needs them. They count as connections. 0: none, and none is offered; at most kMaxAhead. Not
  // with dial_first.
  size_t ahead = 0;
  // The target of a stream is dialled before the data connection, so that one that does not answer
  // costs none.
  bool dial_first = false;
  ReconnectOptions reconnect;

  // All problems at once, one a line; ok when there are none.
  Status Validate() const;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_CLIENT_CORE_OPTIONS_H_
