// How many processors this process may use at once.
#ifndef MING_NET_PROCESSOR_COUNT_H_
#define MING_NET_PROCESSOR_COUNT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ming::net {

// By its affinity and by the quotas of its control group (version 2) and those above; at least 1.
size_t UsableProcessors();

// The whole processors in the text of a cpu.max file, "200000 100000"; nothing where it sets no
// limit ("max 100000") or is none.
std::optional<size_t> ParseCpuQuota(std::string_view text);

// The path of the version 2 group in the text of /proc/self/cgroup: "/a/b" for "0::/a/b".
std::optional<std::string> ParseControlGroup(std::string_view text);

}  // namespace ming::net

#endif  // MING_NET_PROCESSOR_COUNT_H_
