// SignalingServerCoreOptions: who is let in, and every limit of the signaling server's core. Pure.
#ifndef MING_SIGNALING_SIGNALING_SERVER_OPTIONS_H_
#define MING_SIGNALING_SIGNALING_SERVER_OPTIONS_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "ming/base/secret.h"
#include "ming/base/time.h"

namespace ming::signaling {

struct SignalingServerCoreOptions {
  // Bearer tokens that are let in; none: everybody is.
  std::vector<Secret> valid_tokens;
  // A host ID that is registered with this token only. Such a token lets its connection in even
  // where valid_tokens does not name it, but then only as that host.
  std::map<std::string, Secret> host_tokens;
  // Values of the Origin header that are let in, compared without case; "*": all. A request without
  // Origin is not a browser's and always passes.
  std::vector<std::string> allowed_origins = {"*"};

  // Longest message taken, bytes, 1 KiB to 1 MiB. The SDP of a host with many addresses is beyond
  // the 10,240 bytes of the original.
  size_t max_message_size = size_t{64} * 1024;
  // Longest ID, bytes, 1 to 256.
  size_t max_id_length = 128;
  // Established connections at once, 1 to 1,000,000.
  size_t max_connections = 16'384;
  // The same for one source: an IPv4 address or an IPv6 /64. Loopback, where reverse proxies
  // connect from, is not limited. 1 to 1,000,000.
  size_t max_connections_per_source = 1'024;
  // New connections of one source: a bucket of `connection_burst` (1 to 1e6) that fills with
  // `connection_rate` a second (0.1 to 1e6); where it is empty, HTTP 429. Each may offer a host a
  // session. Loopback is not limited.
  double connection_rate = 20.0;
  double connection_burst = 256.0;
  // Messages of one connection: a bucket of `message_burst` (1 to 1e6) that fills with
  // `message_rate` a second (0.1 to 1e6). Where it is empty the connection is not read for a
  // moment, so nothing is lost. A host that answers many clients at once sends a dozen messages for
  // each.
  double message_rate = 100.0;
  double message_burst = 500.0;
  // Refused tokens of one source: so many at once (1 to 10,000), one more each
  // `auth_failure_refill`; beyond that its requests get HTTP 429. Loopback is not limited.
  size_t auth_failure_burst = 20;
  Duration auth_failure_refill = std::chrono::seconds(6);
  // From the upgrade to the first message.
  Duration first_message_timeout = std::chrono::seconds(10);
  // How long the holder of an ID that somebody else wants has to answer a ping.
  Duration probe_timeout = std::chrono::seconds(2);
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const SignalingServerCoreOptions& options);

// Why `id` cannot be one; empty: it can. An ID is 1 to `max_length` bytes of UTF-8 without control
// characters, so that it is fit for a log line.
std::string WhyBadId(const std::string& id, size_t max_length);

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_SERVER_OPTIONS_H_
