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
  }
  return "";
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
    const std::string name = "ming_" + metric.name;
    if (!text.empty()) text += '\n';
    text += "# HELP " + name + " " + Escape(metric.help) + "\n";
    text += "# TYPE " + name + " " + std::string(KindName(metric.kind));
    for (const Sample& sample : metric.samples) {
      text += "\n" + name;
      if (!metric.label_name.empty()) {
        text += "{" + metric.label_name + "=\"" + Escape(sample.label_value) + "\"}";
      }
      text += " " + FormatNumber(sample.value);
    }
  }
  return text;
}

}  // namespace ming::admin
