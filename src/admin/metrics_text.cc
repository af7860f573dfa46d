#include "ming/admin/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace ming::admin {
namespace {

// HELP escapes backslash and line feed; the value of a label its quotation mark, too.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string_view KindName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kHistogram:
      return "histogram";
  }
  return "";
}

void AddSample(const Metric& metric, const std::string& name, const Sample& sample,
               std::string& text) {
  text += "\n" + name;
  if (!metric.label_name.empty()) {
    text += "{" + metric.label_name + "=\"" + Escape(sample.label_value) + "\"}";
  }
  text += " " + FormatNumber(sample.value);
}

void AddHistogram(const Metric& metric, const std::string& name, std::string& text) {
  for (const Sample& sample : metric.samples) AddSample(metric, name + "_bucket", sample, text);
  const double count = metric.samples.empty() ? 0 : metric.samples.back().value;
  text += "\n" + name + "_sum " + FormatNumber(metric.histogram_sum);
  text += "\n" + name + "_count " + FormatNumber(count);
}

}  // namespace

std::string FormatNumber(double value) {
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  std::array<char, 64> text{};
  char* const end = text.data() + text.size();
  const bool whole = std::floor(value) == value && std::fabs(value) <= kExactIntegers;
  const auto result = whole ? std::to_chars(text.data(), end, static_cast<int64_t>(value))
                            : std::to_chars(text.data(), end, value);
  return {text.data(), result.ptr};
}

std::string FormatMetrics(const std::vector<Metric>& metrics) {
  std::string text;
  for (const Metric& metric : metrics) {
    const std::string name = metric.prefix + metric.name;
    if (!text.empty()) text += '\n';
    text += "# HELP " + name + " " + Escape(metric.help) + "\n";
    text += "# TYPE " + name + " " + std::string(KindName(metric.kind));
    if (metric.kind == MetricKind::kHistogram) {
      AddHistogram(metric, name, text);
      continue;
    }
    for (const Sample& sample : metric.samples) AddSample(metric, name, sample, text);
  }
  return text;
}

}  // namespace ming::admin
