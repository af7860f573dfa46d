// ClientHello: what a client says of itself in the first line of its control connection.
#ifndef MING_REVERSE_CLIENT_HELLO_H_
#define MING_REVERSE_CLIENT_HELLO_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "ming/codec/reverse_line.h"
#include "ming/reverse/handshakes.h"
#include "ming/reverse/reverse_types.h"
#include "ming/reverse/server_core_options.h"

namespace ming::reverse {

struct ClientHello {
  LinkId link;
  std::string address;  // without port
  std::string id;
  std::vector<std::string> labels;
  // What both ends agree on: it carries datagrams; so many connections ahead of need;
  // those serve one caller after another.
  bool udp = false;
  size_t ahead = 0;
  bool reuse = false;
};

// Nothing where the id or a label is none, or there are too many labels. A number of connections
// that is none counts as 0.
std::optional<ClientHello> ReadClientHello(const Handshakes::Origin& origin,
                                           const codec::ReverseControl& control,
                                           const ServerCoreOptions& options);

}  // namespace ming::reverse

#endif  // MING_REVERSE_CLIENT_HELLO_H_
