// A relay that reads and writes, as plain as one can be: what a hop costs without anything clever.
#ifndef MING_LOAD_RELAY_H_
#define MING_LOAD_RELAY_H_

#include "ming/load/options.h"

namespace ming::load {

// Relays every connection made to --entry to --service until the process is killed.
[[noreturn]] void RunRelay(Options options);

}  // namespace ming::load

#endif  // MING_LOAD_RELAY_H_
