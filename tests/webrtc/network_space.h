// Networks of their own for one test process: the calling thread enters one, and sockets and
// processes that it then makes belong to it for ever. Needs root.
#ifndef MING_TESTS_WEBRTC_NETWORK_SPACE_H_
#define MING_TESTS_WEBRTC_NETWORK_SPACE_H_

#include <string>
#include <vector>

#include "ming/net/unique_fd.h"

namespace ming::webrtc {

class NetworkSpace {
 public:
  // Whether this process may make them.
  static bool Available();

  // A new one, with loopback up.
  NetworkSpace();

  // Inside until destroyed.
  class Visit {
   public:
    explicit Visit(const NetworkSpace& space);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    net::UniqueFd home_;
  };

  // A cable between two of them; its ends get `address`es such as "10.9.1.1/24".
  struct End {
    const NetworkSpace& space;
    std::string name;
    std::string address;
  };
  static void Connect(const End& a, const End& b, int mtu = 1500);
  // One line of `ip` inside, without "ip": {"link", "set", "up", "x"}.
  void Ip(const std::vector<std::string>& words) const;
  // Datagrams that were cut into IP fragments here.
  size_t FragmentedDatagrams() const;

 private:
  net::UniqueFd fd_;
};

}  // namespace ming::webrtc

#endif  // MING_TESTS_WEBRTC_NETWORK_SPACE_H_
