#include "ming/net/unique_fd.h"

#include <unistd.h>

namespace ming::net {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::Close() {
  // Linux frees the number even when close reports an error, so there is nothing to retry.
  if (valid()) static_cast<void>(::close(std::exchange(fd_, -1)));
}

}  // namespace ming::net
