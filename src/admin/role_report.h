// RoleReport: what a running role says about itself. The admin pages know roles by nothing else.
#ifndef MING_ADMIN_ROLE_REPORT_H_
#define MING_ADMIN_ROLE_REPORT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ming::admin {

// Something about a role in words: {"path", "direct udp"}.
struct Fact {
  std::string name;  // snake_case
  std::string value;
};

enum class MetricKind {
  kGauge,    // goes up and down
  kCounter,  // never falls while the process lives; its name ends in "_total"
  // Counts by upper bound: a cumulative sample for each, labelled "le", the last one "+Inf"; then
  // the sum of what was counted.
  kHistogram,
};

struct Sample {
  std::string label_value;  // empty where the metric has no label
  double value = 0;
};

// One family of numbers. Values of labels are from a fixed set, never a peer's words.
struct Metric {
  std::string name;  // snake_case without prefix: "path_bytes_total"; base units
  std::string help;  // one sentence without full stop
  MetricKind kind = MetricKind::kGauge;
  std::string label_name;  // "direction"; empty: one sample without label
  std::vector<Sample> samples;
  double histogram_sum = 0;
  std::string prefix = "ming_";
};

// A metric without label.
inline Metric Gauge(std::string name, std::string help, double value) {
  return {std::move(name), std::move(help), MetricKind::kGauge, "", {{"", value}}, 0, "ming_"};
}
inline Metric Counter(std::string name, std::string help, double value) {
  return {std::move(name), std::move(help), MetricKind::kCounter, "", {{"", value}}, 0, "ming_"};
}

struct RoleReport {
  std::string role;  // "server", "host", "client"
  // Why the role cannot do its work now, one line; nothing: it can.
  std::optional<std::string> not_ready;
  std::vector<Fact> facts;
  std::vector<Metric> metrics;
};

class ReportSource {
 public:
  virtual ~ReportSource() = default;
  // A view of this moment. Called inside an engine: looks only, changes nothing.
  virtual RoleReport Report() const = 0;
};

}  // namespace ming::admin

#endif  // MING_ADMIN_ROLE_REPORT_H_
