// A report as Prometheus reads it (text exposition format, version 0.0.4). Pure.
#ifndef MING_ADMIN_METRICS_TEXT_H_
#define MING_ADMIN_METRICS_TEXT_H_

#include <string>
#include <vector>

#include "ming/admin/role_report.h"

namespace ming::admin {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// "ming_sessions_total 3": HELP, TYPE and the samples of each metric, each name with its prefix.
// Lines, the last one without its end.
std::string FormatMetrics(const std::vector<Metric>& metrics);

// A number as short as it is exact: "3", "0.25".
std::string FormatNumber(double value);

}  // namespace ming::admin

#endif  // MING_ADMIN_METRICS_TEXT_H_
