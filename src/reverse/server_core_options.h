// How the server's half of RT1 is set up.
#ifndef MING_REVERSE_SERVER_CORE_OPTIONS_H_
#define MING_REVERSE_SERVER_CORE_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

// A second client while one is connected.
enum class SecondClient {
  kReject,   // it is refused if the first one is alive
  kReplace,  // it takes the first one's place
};

// A caller while no client is connected.
enum class Offline {
  kWait,      // up to the pair time
  kFailFast,  // is reset at once
};

// Which clients serve the callers of one listener.
struct ClientSelector {
  enum class Kind { kAny, kId, kLabel };
  Kind kind = Kind::kAny;
  std::string name;  // of kId and kLabel
};

struct ServerCoreOptions {
  // One for each listener on port A, at least one. Where all are kAny there is one client at a
  // time; else one for each id.
  std::vector<ClientSelector> listeners{1};
  // The first line on port B, 10 ms to 10 min.
  Duration handshake_timeout = std::chrono::seconds(5);
  // From accept on A until its data connection is there, 10 ms to 1 h.
  Duration pair_timeout = std::chrono::seconds(10);
  // A PING when nothing was sent for so long; three such intervals without a line are a loss. 0: no
  // heartbeat; else 10 ms to 1 h.
  Duration heartbeat = std::chrono::seconds(15);
  // How long a connected client has to show life when a second one comes, 10 ms to 10 min.
  Duration probe_timeout = std::chrono::seconds(3);
  // How long relays may go on after a loss of control or a stop, 0 to 24 h.
  Duration drain_timeout = std::chrono::seconds(5);
  // Callers that wait, and callers that are relayed, 1 to 1,000,000.
  size_t max_pending = 1024;
  size_t max_relays = 4096;
  // Connections on B without a complete first line, of all and of one address, beside those that
  // announced callers make us expect; and clients that wait for the result of a probe. 1 to
  // 1,000,000.
  size_t max_handshakes = 256;
  size_t max_handshakes_per_address = 32;
  // Connected clients where there are several, 1 to 10,000.
  size_t max_clients = 256;
  // Successful CONTROL lines remembered against replay, where there is a token, 1 to 1,000,000.
  size_t max_nonces = 16384;
  // Links without a name by HandleLinkName are refused, and clients whose id is not that name.
  bool client_certificates = false;
  SecondClient second_client = SecondClient::kReject;
  Offline offline = Offline::kWait;
  Orphans orphans = Orphans::kDrain;
  // Callers of kDatagrams are served, by clients that offer it.
  bool udp = false;
  // Data connections that one client opens before there are callers, at most, where it offers it;
  // 0 to kMaxAhead. Together with the relays they stay within max_relays.
  size_t ahead = 64;

  // All problems at once, one a line; ok when there are none.
  Status Validate() const;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_SERVER_CORE_OPTIONS_H_
