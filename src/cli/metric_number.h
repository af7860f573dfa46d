// MetricNumber: what a counter or a state is as a metric.
#ifndef MING_CLI_METRIC_NUMBER_H_
#define MING_CLI_METRIC_NUMBER_H_

#include <cstdint>

namespace ming::cli {

// Exact up to 2^53.
inline double MetricNumber(uint64_t value) { return static_cast<double>(value); }
inline double MetricNumber(bool value) { return value ? 1 : 0; }

}  // namespace ming::cli

#endif  // MING_CLI_METRIC_NUMBER_H_
