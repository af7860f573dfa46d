#include "ming/admin/admin_pages.h"

#include "ming/admin/metrics_text.h"
#include "ming/admin/status_json.h"
#include "ming/base/ip_address.h"

namespace ming::admin {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";

Page ReadyPage(const RoleReport& report) {
  if (report.not_ready) return {503, kText, "not ready: " + *report.not_ready};
  return {200, kText, "ready"};
}

// The host of a Host header: without port and brackets.
std::string_view HostOf(std::string_view header) {
  if (header.substr(0, 1) == "[") {
    const size_t end = header.find(']');
    return end == std::string_view::npos ? header : header.substr(1, end - 1);
  }
  return header.substr(0, header.find(':'));
}

}  // namespace

Page AnswerPage(std::string_view path, const ReportSource& source) {
  if (path == kHealthPath) return {200, kText, "ok"};
  if (path == kReadyPath) return ReadyPage(source.Report());
  if (path == kStatusPath || path == kStatsPath)
    return {200, kStatusContentType, FormatStatus(source.Report())};
  if (path == kMetricsPath) {
    return {200, kMetricsContentType, FormatMetrics(source.Report().metrics)};
  }
  return {404, kText, "there are /healthz, /readyz, /status (or /stats) and /metrics"};
}

bool IsLocalHostHeader(std::string_view host) {
  const std::string_view name = HostOf(host);
  return host.empty() || name == "localhost" || IpAddress::Parse(name).has_value();
}

}  // namespace ming::admin
