#include "ming/cli/build_info.h"

#include <algorithm>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "ming/cli/build_values.h"
#include "ming/ice/engine_version.h"
#include "ming/sctp/engine_version.h"
#include "ming/tls/engine_version.h"
#include "ming/ws/engine_version.h"

namespace ming::cli {
namespace {

std::string JsonVersion() {
  return std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." +
         std::to_string(NLOHMANN_JSON_VERSION_MINOR) + "." +
         std::to_string(NLOHMANN_JSON_VERSION_PATCH);
}

// The leading numbers: 3, 7, 9.
std::vector<uint64_t> Numbers(const std::string& version) {
  std::vector<uint64_t> numbers(1, 0);
  for (const char c : version) {
    if (c == '.') {
      numbers.push_back(0);
    } else if (c >= '0' && c <= '9') {
      numbers.back() = numbers.back() * 10 + static_cast<uint64_t>(c - '0');
    } else {
      break;
    }
  }
  return numbers;
}

}  // namespace

std::string ProjectVersion() { return kProjectVersion; }

std::string BuildCommit() { return kBuildCommit; }

std::vector<LibraryVersion> LibraryVersions() {
  return {
      {"libnice", ice::EngineVersion()},  {"GnuTLS", tls::EngineVersion()},
      {"usrsctp", sctp::EngineVersion()}, {"libwebsockets", ws::EngineVersion()},
      {"nlohmann-json", JsonVersion()},   {"glog", kGlogVersion},
      {"gflags", kGflagsVersion},         {"yaml-cpp", kYamlVersion},
  };
}

std::string VersionText() {
  std::string text = "ming " + ProjectVersion() + " (commit " + BuildCommit() + ")\n";
  for (const LibraryVersion& library : LibraryVersions()) {
    text += "  " + library.name + " " + library.version + "\n";
  }
  return text;
}

bool IsOlderVersion(const std::string& version, const std::string& than) {
  return Numbers(version) < Numbers(than);
}

}  // namespace ming::cli
