#include "ming/cli/common_flags.h"

#include <gflags/gflags.h>

#include <optional>
#include <utility>

#include "ming/base/units.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/gflags_table.h"

DEFINE_string(mode, "", "the command, as the first word would be");
DEFINE_string(config, "", "settings in YAML; ./config.yaml is read if it exists");
DEFINE_string(admin, "", "serve health, status and metrics there (HTTP)");
DEFINE_string(max_connections, "", "connections at once");
DEFINE_string(drain_timeout, "", "time to end in order after SIGTERM");

namespace ming::cli {
namespace {

FlagSpec LimitFlag(const std::string& name, ValueType type, const std::string& value_name) {
  FlagSpec flag = GflagsFlag(name, type, value_name);
  flag.group = FlagGroup::kLimits;
  return flag;
}

}  // namespace

FlagSpec SwitchFlag(const std::string& name, const std::string& help) {
  FlagSpec flag;
  flag.name = name;
  flag.type = ValueType::kBool;
  flag.default_text = "false";
  flag.help = help;
  flag.sources = Sources::kCommandLine;
  return flag;
}

FlagSpec HelpFlag() {
  FlagSpec flag = SwitchFlag("help", "this text");
  flag.aliases = {"h"};
  return flag;
}

FlagSpec VersionFlag() { return SwitchFlag("version", "the version of ming and its libraries"); }

FlagSpec JsonFlag() {
  return SwitchFlag("json", "for programs; its member `version` is that of this format");
}

FlagSpec SpinFlag() {
  FlagSpec flag;
  flag.name = "spin";
  flag.type = ValueType::kDuration;
  flag.default_text = "auto";
  flag.value_name = "off|auto|TIME";
  flag.help = "poll so long before sleeping; auto: 50us where it pays";
  flag.group = FlagGroup::kLimits;
  flag.choices = {"off", "auto"};
  flag.minimum = static_cast<uint64_t>(net::kMinSpin.count());
  flag.maximum = static_cast<uint64_t>(net::kMaxSpin.count());
  return flag;
}

net::SpinOptions SpinOf(const Settings& settings) {
  net::SpinOptions spin;
  const std::string& text = settings.Value("spin");
  if (text == "off") return spin;
  spin.mode = text == "auto" ? net::SpinMode::kAuto : net::SpinMode::kAlways;
  if (text != "auto") spin.limit = DurationValue(text);
  return spin;
}

std::vector<FlagSpec> RoleFlags() {
  FlagSpec mode = GflagsFlag("mode", ValueType::kChoice, "MODE");
  mode.choices = {"server", "host", "client"};
  return {AdminFlag(""), ConfigFlag(), std::move(mode)};
}

FlagSpec ConfigFlag() {
  FlagSpec config = GflagsFlag("config", ValueType::kPath, "FILE");
  config.sources = Sources::kNoFile;
  return config;
}

FlagSpec AdminFlag(const std::string& default_text) {
  FlagSpec admin = GflagsFlag("admin", ValueType::kAddress, "HOST:PORT");
  admin.default_text = default_text;
  return admin;
}

FlagSet JoinFlags(const std::vector<std::vector<FlagSpec>>& parts) {
  std::vector<FlagSpec> flags;
  for (const std::vector<FlagSpec>& part : parts) {
    flags.insert(flags.end(), part.begin(), part.end());
  }
  return FlagSet(std::move(flags));
}

FlagSpec CountFlag(const std::string& name, uint64_t preset, uint64_t minimum, uint64_t maximum) {
  FlagSpec flag = LimitFlag(name, ValueType::kInteger, "N");
  flag.default_text = std::to_string(preset);
  flag.minimum = minimum;
  flag.maximum = maximum;
  return flag;
}

FlagSpec SizeFlag(const std::string& name, uint64_t preset, uint64_t minimum, uint64_t maximum) {
  FlagSpec flag = LimitFlag(name, ValueType::kSize, "SIZE");
  flag.default_text = FormatSize(preset);
  flag.minimum = minimum;
  flag.maximum = maximum;
  return flag;
}

FlagSpec TimeFlag(const std::string& name, Duration preset, Duration minimum, Duration maximum) {
  FlagSpec flag = LimitFlag(name, ValueType::kDuration, "TIME");
  flag.default_text = FormatDuration(preset);
  flag.minimum = static_cast<uint64_t>(minimum.count());
  flag.maximum = static_cast<uint64_t>(maximum.count());
  return flag;
}

Duration DurationValue(const std::string& text) { return ParseDuration(text).value(); }

uint64_t SizeValue(const std::string& text) { return ParseSize(text).value(); }

HostPort AddressValue(const std::string& text) { return ParseHostPort(text).value(); }

bool IsLoopbackOnly(const HostPort& address) {
  if (address.host == "localhost") return true;
  const std::optional<IpAddress> ip = IpAddress::Parse(address.host);
  return ip && ip->Canonical().IsLoopback();
}

Status BadValue(const Settings& settings, const std::string& flag, const std::string& problem) {
  return Status(StatusCode::kInvalidArgument, settings.Get(flag).where + ": " + problem);
}

}  // namespace ming::cli
