#include "ming/cli/glog_setup.h"

#include <gflags/gflags.h>
#include <glog/logging.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "ming/cli/terminal.h"

namespace ming::cli {
namespace {

void WriteNoFiles() {
  for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
    google::SetLogDestination(severity, "");
  }
}

}  // namespace

Status StartLogging(const Settings& settings) {
  const std::string& folder = FLAGS_log_dir;
  const bool files = !folder.empty() && !FLAGS_logtostderr;
  if (files && ::access(folder.c_str(), W_OK | X_OK) != 0) {
    return Status::FromErrno("cannot write log files to " + folder, errno).WithContext("--log_dir");
  }
  if (!files) {
    FLAGS_logtostderr = true;
  } else if (!settings.IsSet("stderrthreshold") && !settings.IsSet("alsologtostderr")) {
    // glog by itself would keep information and warnings to the files.
    FLAGS_alsologtostderr = true;
  }
  FLAGS_colorlogtostderr = FLAGS_colorlogtostderr && StderrTakesColor();
  google::InitGoogleLogging("ming");
  return Status::Ok();
}

int StderrLevel() {
  if (FLAGS_logtostderr || FLAGS_alsologtostderr) return google::GLOG_INFO;
  return FLAGS_stderrthreshold;
}

void TakeOverStderr() {
  if (FLAGS_logtostderr) WriteNoFiles();
  FLAGS_logtostderr = false;
  FLAGS_alsologtostderr = false;
  FLAGS_stderrthreshold = google::NUM_SEVERITIES;
}

}  // namespace ming::cli
