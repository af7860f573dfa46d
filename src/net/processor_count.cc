#include "ming/net/processor_count.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "ming/base/units.h"
#include "ming/net/unique_fd.h"

namespace ming::net {
namespace {

// Files of the kernel, which are short.
std::string ReadStart(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> bytes{};
  const ssize_t size = fd.valid() ? ::read(fd.get(), bytes.data(), bytes.size()) : 0;
  return std::string(bytes.data(), size > 0 ? static_cast<size_t>(size) : 0);
}

// More than the bits of cpu_set_t: then all of them are ours.
size_t AffinityCount() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    return static_cast<size_t>(std::max(CPU_COUNT(&set), 1));
  }
  return static_cast<size_t>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

}  // namespace

std::optional<size_t> ParseCpuQuota(std::string_view text) {
  const std::optional<uint64_t> quota = TakeNumber(text);
  if (!quota || text.empty() || text.front() != ' ') return std::nullopt;
  text.remove_prefix(1);
  const std::optional<uint64_t> period = TakeNumber(text);
  if (!period || *period == 0) return std::nullopt;
  return static_cast<size_t>(*quota / *period);
}

std::optional<std::string> ParseControlGroup(std::string_view text) {
  constexpr std::string_view kVersion2 = "0::/";
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.substr(0, kVersion2.size()) == kVersion2) {
      return std::string(line.substr(kVersion2.size() - 1));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

size_t UsableProcessors() {
  size_t count = AffinityCount();
  std::string group = ParseControlGroup(ReadStart("/proc/self/cgroup")).value_or("/");
  while (true) {
    const auto quota = ParseCpuQuota(ReadStart("/sys/fs/cgroup" + group + "/cpu.max"));
    if (quota) count = std::min(count, std::max<size_t>(*quota, 1));
    if (group.size() <= 1) return count;
    group.resize(group.rfind('/'));
    if (group.empty()) group = "/";
  }
}

}  // namespace ming::net
