// Many connections that carry one byte each way: opened at a pace, proven, then closed or held.
#ifndef MING_LOAD_CROWD_LOAD_H_
#define MING_LOAD_CROWD_LOAD_H_

#include "ming/load/options.h"

namespace ming::load {

// Echoes whatever comes, over any number of connections, until the process is killed.
[[noreturn]] void RunEcho(Options options);
// Opens --count connections, evenly within --seconds, and says how many were answered and when.
// With --hold 1 it keeps them after that until standard input ends.
void RunCrowd(Options options);

}  // namespace ming::load

#endif  // MING_LOAD_CROWD_LOAD_H_
