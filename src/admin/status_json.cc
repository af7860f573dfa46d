#include "ming/admin/status_json.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "ming/admin/metrics_text.h"

namespace ming::admin {
namespace {

using Json = nlohmann::ordered_json;

// Deeper than any document of ours; the parser recurses into what it gets.
constexpr int kMaxDepth = 4;

Json MetricValue(const Metric& metric) {
  const auto number = [](double value) { return Json::parse(FormatNumber(value)); };
  if (metric.label_name.empty()) {
    return metric.samples.empty() ? Json() : number(metric.samples.front().value);
  }
  Json values = Json::object();
  for (const Sample& sample : metric.samples) values[sample.label_value] = number(sample.value);
  if (metric.kind == MetricKind::kHistogram) values["sum"] = number(metric.histogram_sum);
  return values;
}

Status Malformed(const std::string& what) {
  return Status(StatusCode::kMalformed, "not a status of ming: " + what);
}

std::string Show(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void AddLines(const std::string& name, const Json& value, std::vector<Fact>& lines) {
  if (!value.is_object()) {
    lines.push_back({name, Show(value)});
    return;
  }
  for (const auto& [key, inner] : value.items()) {
    std::string both = name;
    both += ' ';
    both += key;
    lines.push_back({std::move(both), Show(inner)});
  }
}

// The document, or a discarded value: no exception, and no deep recursion.
Json ParseBounded(std::string_view text) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kMaxDepth; };
  return Json::parse(text.begin(), text.end(), shallow, false);
}

}  // namespace

std::string FormatStatus(const RoleReport& report) {
  Json json = {{"version", kStatusVersion},
               {"role", report.role},
               {"ready", !report.not_ready.has_value()},
               {"not_ready", report.not_ready ? Json(*report.not_ready) : Json()}};
  for (const Fact& fact : report.facts) json[fact.name] = fact.value;
  Json metrics = Json::object();
  for (const Metric& metric : report.metrics) metrics[metric.name] = MetricValue(metric);
  json["metrics"] = std::move(metrics);
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<StatusView> ParseStatus(std::string_view text) {
  const Json json = ParseBounded(text);
  if (!json.is_object()) return Malformed("no JSON object");
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer() || *version != kStatusVersion) {
    return Malformed("version is not " + std::to_string(kStatusVersion));
  }
  const auto role = json.find("role");
  if (role == json.end() || !role->is_string()) return Malformed("no role");
  const auto not_ready = json.find("not_ready");
  if (not_ready == json.end() || !(not_ready->is_null() || not_ready->is_string())) {
    return Malformed("no readiness");
  }
  StatusView view;
  view.role = role->get<std::string>();
  if (not_ready->is_string()) view.not_ready = not_ready->get<std::string>();
  for (const auto& [name, value] : json.items()) {
    if (name == "version" || name == "role" || name == "ready" || name == "not_ready") continue;
    if (name != "metrics" || !value.is_object()) {
      AddLines(name, value, view.lines);
      continue;
    }
    for (const auto& [metric, inner] : value.items()) AddLines(metric, inner, view.lines);
  }
  return view;
}

}  // namespace ming::admin
