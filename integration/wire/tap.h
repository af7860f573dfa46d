// Tap: a network interface whose other end is this process, inside a network namespace.
#ifndef MING_WIRE_TAP_H_
#define MING_WIRE_TAP_H_

#include <cstddef>
#include <optional>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/status.h"

namespace ming::wire {

// Where the interface is: "homeA/wan0" is wan0 in the namespace homeA of `ip netns`.
struct TapPlace {
  std::string network_namespace;
  std::string interface;
};
Result<TapPlace> ParseTapPlace(std::string_view text);

class Tap {
 public:
  // Frames a kernel may send us: an MTU of up to 9000 and the Ethernet header.
  static constexpr size_t kMaxFrame = 9216;

  // Makes the interface, up, with an MTU of 1500. The thread stays in that namespace. It needs
  // root.
  static Result<Tap> Open(const TapPlace& place);
  Tap(Tap&& other) noexcept;
  Tap& operator=(Tap&&) = delete;
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;
  // The interface goes with it, as when a cable is cut.
  ~Tap();

  // Readable when frames wait.
  int descriptor() const { return frames_; }
  // The size of the next frame, now in `buffer`; nothing where none waits; a failure when the
  // interface is gone.
  Result<std::optional<size_t>> Read(MutableByteSpan buffer);
  // False where the interface did not take it (it is down).
  bool Write(ByteSpan frame);
  Status SetMtu(int mtu);

 private:
  Tap(int frames, int control, std::string interface);
  Status Bring(int mtu);

  int frames_;
  int control_;  // a socket of the namespace
  std::string interface_;
};

}  // namespace ming::wire

#endif  // MING_WIRE_TAP_H_
