// The pages of the admin interface: which request gets which answer. Pure.
#ifndef MING_ADMIN_ADMIN_PAGES_H_
#define MING_ADMIN_ADMIN_PAGES_H_

#include <string>
#include <string_view>

#include "ming/admin/role_report.h"

namespace ming::admin {

inline constexpr char kHealthPath[] = "/healthz";
inline constexpr char kReadyPath[] = "/readyz";
inline constexpr char kStatusPath[] = "/status";
inline constexpr char kStatsPath[] = "/stats";  // another name of the same
inline constexpr char kMetricsPath[] = "/metrics";

struct Page {
  int status = 200;  // of HTTP
  std::string content_type;
  std::string text;  // without the end of its last line
};

// The answer to a GET of `path` (without query). Of the report only what the page shows is asked
// for: the health page calls nobody, so it says no more than that this process and its loop live.
Page AnswerPage(std::string_view path, const ReportSource& source);

// Whether the Host header of a request may be believed to come from somebody who meant this
// address. A browser that was led to a name of an attacker's which resolves to this machine (DNS
// rebinding) sends that name; an IP address, "localhost" and no header at all are honest.
bool IsLocalHostHeader(std::string_view host);

}  // namespace ming::admin

#endif  // MING_ADMIN_ADMIN_PAGES_H_
