// PathProber: PathMtuSearch with the loop's time and the records of a connection. It answers the
// peer's probes as well.
#ifndef MING_WEBRTC_PATH_PROBER_H_
#define MING_WEBRTC_PATH_PROBER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "ming/base/bytes.h"
#include "ming/base/time.h"
#include "ming/link/timer_service.h"
#include "ming/webrtc/path_mtu_search.h"

namespace ming::webrtc {

class PathProber {
 public:
  // Called from the loop, and inside HandleRecord. No method may call the prober.
  class Observer {
   public:
    virtual ~Observer() = default;
    // One record for the peer, valid during the call; it may be lost.
    virtual void SendProbe(ByteSpan record) = 0;
    // Packets may have so many bytes from here on.
    virtual void OnPacketSize(size_t bytes) = 0;
    // Datagrams so far that the first link did not take in one piece.
    virtual uint64_t DatagramsTooLarge() const = 0;
    virtual Duration RoundTrip() const = 0;
  };

  // `timers` and `observer` outlive the prober.
  PathProber(link::TimerService& timers, Observer& observer);
  PathProber(const PathProber&) = delete;
  PathProber& operator=(const PathProber&) = delete;

  // The size in use is the base, without a call to the observer.
  void HandleNewPath(const PathMtuLimits& limits);
  // A packet left. Cheap, and without a call to the observer.
  void HandleSent(size_t size);
  // One that IsPathProbe of the peer, hostile or not; valid during the call.
  void HandleRecord(ByteSpan record);

 private:
  void OnTimeout();
  bool NoteTooLarge();
  void Pump();
  void Arm();

  link::TimerService& timers_;
  Observer& observer_;
  PathMtuSearch search_;
  size_t told_ = 0;  // the size that the observer knows
  uint64_t too_large_ = 0;
  Timestamp armed_ = Timestamp::Max();
  std::unique_ptr<link::Alarm> alarm_;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_PATH_PROBER_H_
