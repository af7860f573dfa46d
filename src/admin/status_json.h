// A report as JSON, and back again for those who show it. Pure.
#ifndef MING_ADMIN_STATUS_JSON_H_
#define MING_ADMIN_STATUS_JSON_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/admin/role_report.h"
#include "ming/base/status.h"

namespace ming::admin {

inline constexpr char kStatusContentType[] = "application/json";
// The member `version` of the document: raised when a member changes its meaning or goes.
inline constexpr int kStatusVersion = 1;

// {"version":1,"role":"host","ready":true,"not_ready":null,<facts>,"metrics":{...}} on several
// lines, the last one without its end. A metric with a label is an object by its values. Bytes that
// are not UTF-8 are replaced.
std::string FormatStatus(const RoleReport& report);

// A document of FormatStatus as a person reads it.
struct StatusView {
  std::string role;
  std::optional<std::string> not_ready;
  // Facts and metrics in their order, as "path" "direct udp" and "path_bytes_total sent" "12".
  std::vector<Fact> lines;
};

// Takes what another process sent: kMalformed for anything but such a document of kStatusVersion.
// Members that a later ming adds are shown.
Result<StatusView> ParseStatus(std::string_view json);

}  // namespace ming::admin

#endif  // MING_ADMIN_STATUS_JSON_H_
