// What a long-running command prints first: what it does, and what to type on the other side. Pure.
#ifndef MING_CLI_ANNOUNCEMENT_H_
#define MING_CLI_ANNOUNCEMENT_H_

#include <string>
#include <vector>

#include "ming/base/ip_address.h"

namespace ming::cli {

struct ServerAnnouncement {
  HostPort listen;  // with the real port
  bool tls = false;
  bool tokens = false;
  std::string machine;  // how others may call this machine
};

struct TunnelAnnouncement {
  std::string id;
  std::string protocol;  // "tcp", "udp"
  std::string signal;    // URL as the user wrote it
  bool token = false;
};

// Lines, each with its end.
std::string AnnounceServer(const ServerAnnouncement& server);
std::string AnnounceHost(const TunnelAnnouncement& tunnel, const HostPort& remote);
// `local`: where it listens, with real ports.
std::string AnnounceClient(const TunnelAnnouncement& tunnel, const std::vector<std::string>& local);

}  // namespace ming::cli

#endif  // MING_CLI_ANNOUNCEMENT_H_
