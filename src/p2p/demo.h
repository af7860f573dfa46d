// Demo: the whole main job in one process on loopback: signaling server, host, client and a
// built-in target, with real ICE, DTLS and SCTP. What goes through is checked byte for byte.
#ifndef MING_P2P_DEMO_H_
#define MING_P2P_DEMO_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ming/base/status.h"
#include "ming/base/time.h"

namespace ming::p2p {

class TunnelServices;

struct DemoOptions {
  // Bytes sent each way over TCP, 1 to 1 TiB.
  uint64_t tcp_bytes = uint64_t{256} << 20;
  // UDP datagrams sent to an echo and back, 1 to 1e9.
  uint64_t datagrams = 10'000;
  // Bytes of each, 16 to 16384. The default is what fits one packet of the path.
  size_t datagram_bytes = 1000;
  // Round trips of one byte through the tunnel, whose median is reported, 1 to 1e6.
  size_t round_trips = 200;
  // The whole run at most, 1 s to 24 h: a run that stands still ends as kTimeout.
  Duration time_limit = std::chrono::minutes(10);

  // All problems at once, one a line; ok when there are none.
  Status Validate() const;
};

enum class DemoPhase { kConnecting, kToHost, kToClient, kRoundTrips, kDatagrams };

// "connecting", "TCP to the host", ...
std::string_view DemoPhaseName(DemoPhase phase);

// How far a phase is: about ten times a second, and once when it is finished.
struct DemoProgress {
  DemoPhase phase = DemoPhase::kConnecting;
  uint64_t done = 0;   // bytes, round trips or datagrams
  uint64_t total = 0;  // at least 1
  Duration elapsed{0};
  bool finished = false;
};

// What a run found; as far as it came where it failed.
struct DemoReport {
  uint64_t bytes_to_host = 0;
  uint64_t bytes_to_client = 0;
  Duration time_to_host{0};
  Duration time_to_client{0};
  // Of what arrived, lower-case hex; equal to what was sent in a good run.
  std::string sha256_to_host;
  std::string sha256_to_client;
  Duration round_trip_time{0};  // of one byte through the tunnel and back, median
  uint64_t datagrams_sent = 0;
  uint64_t datagrams_returned = 0;  // each counted once, content compared
  uint64_t datagrams_damaged = 0;   // other content, or seen twice
  Duration time_of_datagrams{0};
  std::string path;  // "direct udp"
};

// The commands for doing the same between two machines, one a line with comments, ready to print.
// `program` is how this one was called: "ming".
std::string DemoNextSteps(std::string_view program);

class Demo {
 public:
  // Called from the loop.
  class Observer {
   public:
    virtual ~Observer() = default;
    // May not destroy the demo.
    virtual void OnDemoProgress(const DemoProgress& progress) = 0;
    // Exactly once, and last. Ok only if everything was equal, and no datagram was lost; otherwise
    // the first thing that was not. May destroy the demo through TimerService::DeferDelete.
    virtual void OnDemoDone(const Status& result, const DemoReport& report) = 0;
  };

  // Begins at once. `services` and `observer` outlive the demo. CHECKs that `options` validates.
  static std::unique_ptr<Demo> Start(TunnelServices& services, const DemoOptions& options,
                                     Observer& observer);
  // Drops everything; nothing follows.
  virtual ~Demo() = default;
};

}  // namespace ming::p2p

#endif  // MING_P2P_DEMO_H_
