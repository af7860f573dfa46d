// What another process says is its status, and the names that browsers ask for.
#include <glog/logging.h>

#include <string_view>

#include "ming/admin/admin_pages.h"
#include "ming/admin/status_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(ming::admin::IsLocalHostHeader(text));
  const auto view = ming::admin::ParseStatus(text);
  if (!view.ok()) return 0;
  // What was read is said again and read as the same words.
  ming::admin::RoleReport report;
  report.role = view->role;
  report.not_ready = view->not_ready;
  const auto again = ming::admin::ParseStatus(ming::admin::FormatStatus(report));
  CHECK(again.ok()) << again.status().ToString();
  CHECK(again->role == view->role && again->not_ready == view->not_ready);
  return 0;
}
