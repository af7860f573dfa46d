// Endpoint: where one end of a load is (an address, a port, maybe a network namespace), and its
// sockets. A load ends the process on the first error: a run with an error is no measurement.
#ifndef MING_LOAD_ENDPOINT_H_
#define MING_LOAD_ENDPOINT_H_

#include <netinet/in.h>

#include <cstddef>
#include <string>

#include "ming/net/unique_fd.h"

namespace ming::load {

using net::UniqueFd;

struct Endpoint {
  sockaddr_in address{};
  std::string network_namespace;  // of `ip netns`; empty: this one
};

// "127.0.0.1:7000", or "name/10.0.0.2:7000" inside a namespace.
Endpoint ParseEndpoint(const std::string& text);

// Prints the words and what errno says, then ends the process with 1.
[[noreturn]] void Die(const std::string& what);
// The same for something that errno does not explain.
[[noreturn]] void DieOf(const std::string& what);

// Non-blocking listener with a long queue. An empty `congestion` leaves the system's choice.
UniqueFd Listen(const Endpoint& at, const std::string& congestion);
// A connected, blocking socket without delay.
UniqueFd Connect(const Endpoint& to, const std::string& congestion);
// The same without waiting: non-blocking, perhaps not connected yet.
UniqueFd StartConnect(const Endpoint& to);
// UDP, with large buffers; bound to `at`.
UniqueFd BindDatagrams(const Endpoint& at);
// UDP, connected.
UniqueFd ConnectDatagrams(const Endpoint& to);
// Blocking; the next connection of a listener of Listen().
UniqueFd Accept(const UniqueFd& listener);

void SetNonBlocking(const UniqueFd& fd);
void SetNoDelay(const UniqueFd& fd);
void SendAll(const UniqueFd& fd, const void* bytes, size_t size);
void ReceiveAll(const UniqueFd& fd, void* bytes, size_t size);

// SO_ERROR: what became of StartConnect().
int TakeError(const UniqueFd& fd);

}  // namespace ming::load

#endif  // MING_LOAD_ENDPOINT_H_
