// What counters and states of a role are as metrics.
#ifndef MING_CLI_METRIC_VALUES_H_
#define MING_CLI_METRIC_VALUES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ming/admin/metrics_text.h"

namespace ming::cli {

// Exact up to 2^53.
inline double MetricNumber(uint64_t value) { return static_cast<double>(value); }
inline double MetricNumber(bool value) { return value ? 1 : 0; }

struct MetricPart {
  std::string label;
  uint64_t value;
};
// A counter that a label cuts into parts.
admin::Metric MetricParts(std::string name, std::string help, std::string label,
                          const std::vector<MetricPart>& parts);

}  // namespace ming::cli

#endif  // MING_CLI_METRIC_VALUES_H_
