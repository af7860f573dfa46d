// Script: a fuzz input as a starting state and commands, one a line, so that seeds can be read:
//   2            the first byte picks the state
//   m1{"type":…} command 'm' for connection 1, with a text
#ifndef MING_FUZZ_SIGNALING_SCRIPT_H_
#define MING_FUZZ_SIGNALING_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ming::fuzz {

struct Command {
  char verb = 0;
  unsigned number = 0;  // 0 to 15
  std::string_view text;
};

class Script {
 public:
  Script(const uint8_t* data, size_t size);

  // Below `states`.
  unsigned TakeState(unsigned states);
  // False at the end.
  bool Next(Command& command);

 private:
  std::string_view rest_;
};

// Applies each command to a Harness that begins in one of `states` states.
template <typename Harness>
void Play(const uint8_t* data, size_t size, unsigned states) {
  Script script(data, size);
  Harness harness(script.TakeState(states));
  Command command;
  while (script.Next(command)) harness.Apply(command);
}

// A decimal number of at most six digits at the front of `text`; 0 where there is none.
unsigned NumberOf(std::string_view text);

}  // namespace ming::fuzz

#endif  // MING_FUZZ_SIGNALING_SCRIPT_H_
