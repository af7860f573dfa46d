// The commands of ming_load that use TCP. Each plays both ends, the application and the service,
// and prints one line of JSON.
#ifndef MING_LOAD_STREAM_LOAD_H_
#define MING_LOAD_STREAM_LOAD_H_

#include "ming/load/options.h"

namespace ming::load {

// Bulk streams, a ping-pong, or both at once, for a while. Prints "begin" and "end" around the time
// that counts.
void RunStreams(Options options);
// Connections one after another: from connect() to the first byte back.
void RunConnect(Options options);

}  // namespace ming::load

#endif  // MING_LOAD_STREAM_LOAD_H_
