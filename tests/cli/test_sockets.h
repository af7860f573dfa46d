// Plain loopback sockets for the tests of whole processes. Reading waits 20 s at most.
#ifndef MING_TESTS_CLI_TEST_SOCKETS_H_
#define MING_TESTS_CLI_TEST_SOCKETS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "ming/net/unique_fd.h"

namespace ming::cli {

// A TCP socket that listens on a free port of 127.0.0.1.
class ListeningSocket {
 public:
  ListeningSocket();
  net::UniqueFd Accept() const;
  // "127.0.0.1:40000".
  const std::string& address() const { return address_; }

 private:
  net::UniqueFd fd_;
  std::string address_;
};

net::UniqueFd ConnectTo(uint16_t port);
void SendAll(const net::UniqueFd& fd, const std::string& text);
// As many bytes, or fewer at the end of the stream.
std::string ReceiveExactly(const net::UniqueFd& fd, size_t count);

// The number behind `mark` in `text`.
uint16_t PortAfter(const std::string& text, const std::string& mark);

}  // namespace ming::cli

#endif  // MING_TESTS_CLI_TEST_SOCKETS_H_
