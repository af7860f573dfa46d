#include "ming/cli/metric_values.h"

#include <utility>

namespace ming::cli {

admin::Metric MetricParts(std::string name, std::string help, std::string label,
                          const std::vector<MetricPart>& parts) {
  admin::Metric metric{
      std::move(name), std::move(help), admin::MetricKind::kCounter, std::move(label), {}};
  for (const MetricPart& part : parts) {
    metric.samples.push_back({part.label, MetricNumber(part.value)});
  }
  return metric;
}

}  // namespace ming::cli
