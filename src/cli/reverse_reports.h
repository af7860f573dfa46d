// What the two ends of a reverse tunnel expose, as the statistics page shows it. Names and labels
// are those of docs/reverse.md.
#ifndef MING_CLI_REVERSE_REPORTS_H_
#define MING_CLI_REVERSE_REPORTS_H_

#include "ming/admin/role_report.h"
#include "ming/cli/role_reports.h"
#include "ming/reverse/reverse_counters.h"

namespace ming::cli {

// Ready: a client is connected; a caller would be served.
admin::RoleReport ReportReverseServer(const reverse::ReverseCounters& counters, RunState state);

// Ready: connected to the server.
admin::RoleReport ReportReverseClient(const reverse::ReverseCounters& counters, RunState state);

}  // namespace ming::cli

#endif  // MING_CLI_REVERSE_REPORTS_H_
