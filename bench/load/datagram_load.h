// Datagrams at a fixed rate, and how many of them arrived.
#ifndef MING_LOAD_DATAGRAM_LOAD_H_
#define MING_LOAD_DATAGRAM_LOAD_H_

#include "ming/load/options.h"

namespace ming::load {

// Sends --rate datagrams a second of --size bytes for --seconds; each counts once, wherever it is
// in the order.
void RunDatagrams(Options options);

}  // namespace ming::load

#endif  // MING_LOAD_DATAGRAM_LOAD_H_
