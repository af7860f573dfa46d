#include "ming/cli/process_setup.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace ming::cli {

void OpenStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one. Not closed on execution, like the stream it stands for.
    PCHECK(::open("/dev/null", O_RDWR) == fd);
  }
}

void IgnoreSigpipe() { PCHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR); }

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    PLOG(WARNING) << "the limit of open descriptors stays as it is";
  }
}

}  // namespace ming::cli
