// Wire: two TAP interfaces, a lane in each direction between them, and the commands that change
// them.
#ifndef MING_WIRE_WIRE_H_
#define MING_WIRE_WIRE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/wire/lane_core.h"
#include "ming/wire/tap.h"

namespace ming::wire {

class Wire {
 public:
  Wire(Tap a, Tap b, uint64_t seed);
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Carries frames and answers commands, until standard input ends (ok) or an interface is gone.
  Status Run();

 private:
  // From the TAP with the same index to the other one.
  enum Direction : size_t { kAToB, kBToA };

  Status ReadFrames(size_t from);
  void DeliverDue();
  // False at the end of the input.
  bool ReadCommands();
  std::string Answer(std::string_view line);
  std::string Set(std::string_view arguments, bool clear);
  std::string SetMtu(std::string_view argument);
  std::string Counters() const;

  SeededRandom random_;
  std::array<Tap, 2> taps_;
  std::array<LaneCore, 2> lanes_;
  std::array<uint64_t, 2> refused_{};  // frames the interface behind a lane did not take
  std::vector<uint8_t> buffer_;
  std::string input_;
};

}  // namespace ming::wire

#endif  // MING_WIRE_WIRE_H_
