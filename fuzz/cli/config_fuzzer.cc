// The configuration file: any text ends in settings that their flags take, or in an error that
// names its place.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ming/cli/config_file.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"

namespace {

using ming::cli::FlagSet;
using ming::cli::FlagSpec;
using ming::cli::ValueType;

FlagSpec MakeFlag(std::string name, ValueType type, std::string default_text = "") {
  FlagSpec flag;
  flag.name = std::move(name);
  flag.type = type;
  flag.default_text = std::move(default_text);
  return flag;
}

const FlagSet& HostFlags() {
  static const FlagSet kFlags(
      {MakeFlag("id", ValueType::kText), MakeFlag("remote", ValueType::kAddress, "localhost:25565"),
       MakeFlag("stun-server", ValueType::kTextList),
       MakeFlag("relay-only", ValueType::kBool, "false"),
       MakeFlag("wait", ValueType::kDuration, "10s"), MakeFlag("buffer", ValueType::kSize, "1MiB"),
       MakeFlag("port-range", ValueType::kPortRange), MakeFlag("v", ValueType::kInteger, "0")});
  return kFlags;
}

const FlagSet& ServerFlags() {
  static const FlagSet kFlags({MakeFlag("addr", ValueType::kAddress, ":8080"),
                               MakeFlag("tls-cert-file", ValueType::kPath)});
  return kFlags;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<ming::cli::CommandFlags> commands = {{"host", &HostFlags()},
                                                         {"server", &ServerFlags()}};
  for (const ming::cli::CommandFlags& command : commands) {
    const auto parsed = ming::cli::ParseConfig(text, "c.yaml", commands, command.command);
    if (!parsed.ok()) {
      CHECK_EQ(parsed.status().message().rfind("c.yaml:", 0), 0U) << parsed.status().message();
      continue;
    }
    ming::cli::Settings settings(*command.flags);
    const ming::Status merged = settings.Merge(*parsed);
    CHECK(merged.ok()) << merged.message();
  }
  return 0;
}
