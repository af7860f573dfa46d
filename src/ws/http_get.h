// HttpGet: one plain HTTP GET request and its whole answer, for asking a process how it is.
#ifndef MING_WS_HTTP_GET_H_
#define MING_WS_HTTP_GET_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"

namespace ming::net {
class Resolver;
}  // namespace ming::net

namespace ming::ws {

class WsContext;

struct HttpGetOptions {
  // A name or an address, and a port other than 0.
  HostPort server;
  // The request target: begins with '/', visible ASCII only.
  std::string target = "/";
  // From the start, name resolution included, to the last byte of the answer; over all addresses.
  Duration timeout = std::chrono::seconds(3);
  // The longest body taken, bytes, 1 to 16 MiB.
  size_t max_body = size_t{1024} * 1024;
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const HttpGetOptions& options);

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// Tries the addresses of the server one after the other until one accepts. Failures: kUnavailable
// where none can be connected to; kTimeout; kClosed for a connection that ended before the answer
// did; kProtocolViolation for an answer that is not HTTP; kResourceExhausted for a long one.
class HttpGet {
 public:
  using DoneCallback = std::function<void(Result<HttpAnswer>)>;

  // CHECKs that `options` validates. `done` runs once, from the loop; it may destroy the HttpGet.
  // Destroying it before cancels: no callback.
  static std::unique_ptr<HttpGet> Start(WsContext& context, net::Resolver& resolver,
                                        const HttpGetOptions& options, DoneCallback done);
  virtual ~HttpGet() = default;
};

}  // namespace ming::ws

#endif  // MING_WS_HTTP_GET_H_
