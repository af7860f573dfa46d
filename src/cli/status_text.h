// Numbers as a status line or a report shows them to people. Pure.
#ifndef MING_CLI_STATUS_TEXT_H_
#define MING_CLI_STATUS_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "ming/base/time.h"

namespace ming::cli {

// "41.2 MB/s", "0 B/s": powers of 1000.
std::string FormatRate(double bytes_per_second);
// "0.4 ms", "23 ms", "1.5 s".
std::string FormatDelay(Duration delay);
// "1 client", "2 clients".
std::string FormatCount(uint64_t count, const std::string& noun);

// The rate of a counter between two looks at it.
class RateMeter {
 public:
  // Per second since the last call; 0 at the first.
  double Update(Timestamp now, uint64_t total);

 private:
  struct Sample {
    Timestamp when;
    uint64_t total = 0;
  };
  std::optional<Sample> last_;
};

}  // namespace ming::cli

#endif  // MING_CLI_STATUS_TEXT_H_
