#include "ming/cli/gflags_table.h"

#include <gflags/gflags.h>
#include <glog/logging.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "ming/cli/flag_value.h"

namespace ming::cli {
namespace {

constexpr uint64_t kMaxInt32 = std::numeric_limits<int32_t>::max();

std::string GflagsName(const std::string& name) {
  std::string underscored = name;
  std::replace(underscored.begin(), underscored.end(), '-', '_');
  return underscored;
}

struct GlogFlag {
  const char* name;
  ValueType type;
  const char* value_name;
  uint64_t maximum;
  // How ming logs, where glog's own text says otherwise; null: the name says enough.
  const char* help;
};

// Left out: what sends logs by mail or to standard output, where the data goes.
constexpr GlogFlag kGlogFlags[] = {
    {"v", ValueType::kInteger, "N", 9, "verbosity: 1 per stream, 2 per packet"},
    {"vmodule", ValueType::kText, "FILE=N,...", 4096, "verbosity of single source files"},
    {"log_dir", ValueType::kPath, "DIR", 4096, "write log files there as well"},
    {"minloglevel", ValueType::kInteger, "N", 3, "0 info, 1 warnings, 2 errors, 3 fatal"},
    {"alsologtostderr", ValueType::kBool, "", 0, nullptr},
    {"logtostderr", ValueType::kBool, "", 0, nullptr},
    {"stderrthreshold", ValueType::kInteger, "N", 3, nullptr},
    {"colorlogtostderr", ValueType::kBool, "", 0, nullptr},
    {"max_log_size", ValueType::kInteger, "MB", kMaxInt32, nullptr},
    {"logbufsecs", ValueType::kInteger, "N", kMaxInt32, nullptr},
    {"logbuflevel", ValueType::kInteger, "N", 3, nullptr},
    {"logfile_mode", ValueType::kInteger, "N", 511, nullptr},
    {"log_link", ValueType::kPath, "DIR", 4096, nullptr},
    {"log_prefix", ValueType::kBool, "", 0, nullptr},
    {"log_year_in_prefix", ValueType::kBool, "", 0, nullptr},
    {"log_utc_time", ValueType::kBool, "", 0, nullptr},
    {"log_backtrace_at", ValueType::kText, "FILE:LINE", 4096, nullptr},
    {"timestamp_in_logfile_name", ValueType::kBool, "", 0, nullptr},
    {"stop_logging_if_full_disk", ValueType::kBool, "", 0, nullptr},
    {"symbolize_stacktrace", ValueType::kBool, "", 0, nullptr},
};

}  // namespace

FlagSpec GflagsFlag(const std::string& name, ValueType type, const std::string& value_name) {
  gflags::CommandLineFlagInfo info;
  CHECK(gflags::GetCommandLineFlagInfo(GflagsName(name).c_str(), &info)) << name;
  FlagSpec flag;
  flag.name = name;
  flag.type = type;
  flag.default_text = info.default_value;
  flag.value_name = value_name;
  flag.help = info.description;
  return flag;
}

std::vector<FlagSpec> GlogFlags() {
  std::vector<FlagSpec> flags;
  for (const GlogFlag& glog : kGlogFlags) {
    FlagSpec flag = GflagsFlag(glog.name, glog.type, glog.value_name);
    if (glog.help == nullptr) {
      flag.detail = Detail::kNameOnly;
    } else {
      flag.help = glog.help;
    }
    flag.group = FlagGroup::kLogging;
    if (glog.maximum > 0) flag.maximum = glog.maximum;
    flags.push_back(std::move(flag));
  }
  return flags;
}

void StoreInGflags(const Settings& settings) {
  for (const FlagSpec& flag : settings.flags().flags()) {
    gflags::CommandLineFlagInfo info;
    const std::string name = GflagsName(flag.name);
    if (!gflags::GetCommandLineFlagInfo(name.c_str(), &info)) continue;
    // What nobody set stays as it is: glog's defaults may come from GLOG_ variables.
    if (!settings.IsSet(flag.name) && flag.group == FlagGroup::kLogging) continue;
    std::string value = settings.Value(flag.name);
    if (flag.type == ValueType::kBool) value = *ParseBool(value) ? "true" : "false";
    CHECK(!gflags::SetCommandLineOption(name.c_str(), value.c_str()).empty())
        << name << " does not take " << (flag.sensitivity == Sensitivity::kSecret ? "it" : value);
  }
}

}  // namespace ming::cli
