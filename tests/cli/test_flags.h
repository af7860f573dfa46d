// A small flag set with one flag of every type, for the tests of the flag machinery.
#ifndef MING_TESTS_CLI_TEST_FLAGS_H_
#define MING_TESTS_CLI_TEST_FLAGS_H_

#include <string>
#include <utility>
#include <vector>

#include "ming/cli/flag_spec.h"

namespace ming::cli {

inline FlagSpec MakeFlag(std::string name, ValueType type, std::string default_text = "") {
  FlagSpec flag;
  flag.name = std::move(name);
  flag.type = type;
  flag.default_text = std::move(default_text);
  flag.value_name = type == ValueType::kBool ? "" : "VALUE";
  flag.help = "what it does";
  return flag;
}

inline FlagSpec MakeSecret(std::string name, ValueType type) {
  FlagSpec flag = MakeFlag(std::move(name), type);
  flag.sensitivity = Sensitivity::kSecret;
  return flag;
}

inline FlagSpec MakeChoice(std::string name, std::vector<std::string> choices) {
  FlagSpec flag = MakeFlag(std::move(name), ValueType::kChoice, choices.front());
  flag.choices = std::move(choices);
  return flag;
}

// The flags of an imagined command "host".
inline FlagSet TestHostFlags() {
  FlagSpec id = MakeFlag("id", ValueType::kText);
  id.required = true;
  id.maximum = 8;
  FlagSpec count = MakeFlag("max-connections", ValueType::kInteger, "10");
  count.minimum = 1;
  count.maximum = 100;
  FlagSpec config = MakeFlag("config", ValueType::kPath);
  config.sources = Sources::kNoFile;
  FlagSpec stun = MakeFlag("stun-server", ValueType::kTextList, "stun:192.0.2.1:3478");
  stun.aliases = {"ice-stun"};
  FlagSpec help = MakeFlag("help", ValueType::kBool, "false");
  help.sources = Sources::kCommandLine;
  FlagSpec spin = MakeFlag("spin", ValueType::kDuration, "auto");
  spin.choices = {"off", "auto"};
  spin.minimum = 1000;
  FlagSpec limit = MakeFlag("path-limit", ValueType::kSize, "auto");
  limit.choices = {"auto"};
  return FlagSet({spin, limit, id, MakeFlag("remote", ValueType::kAddress, "localhost:25565"),
                  MakeChoice("protocol", {"tcp", "udp"}), stun,
                  MakeFlag("relay-only", ValueType::kBool, "false"),
                  MakeFlag("idle-timeout", ValueType::kDuration, "30s"),
                  MakeFlag("buffer-size", ValueType::kSize, "1MiB"), count,
                  MakeFlag("port-range", ValueType::kPortRange),
                  MakeSecret("token", ValueType::kText), MakeFlag("log_dir", ValueType::kPath),
                  config, help});
}

// The flags of an imagined command "server".
inline FlagSet TestServerFlags() {
  return FlagSet({MakeFlag("addr", ValueType::kAddress, ":8080"),
                  MakeFlag("tls-cert-file", ValueType::kPath),
                  MakeSecret("valid-tokens", ValueType::kTextList)});
}

}  // namespace ming::cli

#endif  // MING_TESTS_CLI_TEST_FLAGS_H_
