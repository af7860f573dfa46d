#include "options.h"

#include <arpa/inet.h>
#include <sys/resource.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace ming::hostile {
namespace {

[[noreturn]] void Reject(const std::string& name, const std::string& value, const char* wanted) {
  GiveUp(2, "--" + name + " " + value + ": want " + wanted);
}

double CpuSeconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

void PrintLine(const nlohmann::json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace

void GiveUp(int exit_code, const std::string& why) {
  std::fprintf(stderr, "ming_hostile: %s\n", why.c_str());
  std::fflush(stdout);
  std::_Exit(exit_code);
}

void GiveUpOnError(const std::string& what) { GiveUp(1, Status::FromErrno(what, errno).message()); }

Result<Options> Options::Parse(const std::vector<Flag>& flags,
                               const std::vector<std::string>& arguments) {
  Options options;
  for (const Flag& flag : flags) options.values_[flag.name] = flag.preset;
  for (size_t at = 0; at < arguments.size(); at += 2) {
    const std::string name = arguments[at].substr(0, 2) == "--" ? arguments[at].substr(2) : "";
    const auto found = options.values_.find(name);
    if (found == options.values_.end()) {
      return Status(StatusCode::kInvalidArgument, "unknown argument " + arguments[at]);
    }
    if (at + 1 == arguments.size()) {
      return Status(StatusCode::kInvalidArgument, arguments[at] + " needs a value");
    }
    found->second = arguments[at + 1];
  }
  for (const auto& [name, value] : options.values_) {
    if (value.empty()) return Status(StatusCode::kInvalidArgument, "--" + name + " is missing");
  }
  return options;
}

const std::string& Options::Text(const std::string& name) const { return values_.at(name); }

uint64_t Options::Number(const std::string& name) const {
  const std::string& text = values_.at(name);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) Reject(name, text, "a number");
  return value;
}

std::chrono::seconds Options::Seconds(const std::string& name) const {
  return std::chrono::seconds(Number(name));
}

sockaddr_in Options::Address(const std::string& name) const {
  const std::string& text = values_.at(name);
  const size_t colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  if (colon == std::string::npos ||
      inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1 ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end) {
    Reject(name, text, "IPV4:PORT");
  }
  address.sin_port = htons(port);
  return address;
}

uint64_t Report::Get(const std::string& counter) const {
  const auto found = counters_.find(counter);
  return found == counters_.end() ? 0 : found->second;
}

void Report::PrintStarted() {
  start_ = Clock::now();
  PrintLine({{"event", "started"}});
}

void Report::PrintEnded() const {
  const std::chrono::duration<double> seconds = Clock::now() - start_;
  nlohmann::json line = {{"event", "ended"}, {"seconds", seconds.count()}, {"cpu", CpuSeconds()}};
  for (const auto& [name, value] : counters_) line[name] = value;
  PrintLine(line);
}

}  // namespace ming::hostile
