#include "ming/support/fd_leak_check.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

namespace ming::support {

FdLeakCheck::FdLeakCheck() : before_(OpenDescriptors()) {}

FdLeakCheck::~FdLeakCheck() {
  for (const auto& [fd, target] : OpenDescriptors()) {
    const auto found = before_.find(fd);
    EXPECT_TRUE(found != before_.end() && found->second == target)
        << "left open: fd=" << fd << " " << target;
  }
}

std::map<int, std::string> FdLeakCheck::OpenDescriptors() {
  std::map<int, std::string> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(entry.path(), error);
    // The descriptor of the listing itself is gone again or shows as the directory.
    if (error || target.string().find("/fd") != std::string::npos) continue;
    open.emplace(std::stoi(entry.path().filename().string()), target.string());
  }
  return open;
}

}  // namespace ming::support
