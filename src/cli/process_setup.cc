#include "ming/cli/process_setup.h"

#include <glog/logging.h>
#include <sys/resource.h>

#include <csignal>

namespace ming::cli {

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
