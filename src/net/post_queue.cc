#include "ming/net/post_queue.h"

#include <glog/logging.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <utility>

namespace ming::net {

PostQueue::PostQueue()
    : loop_thread_(std::this_thread::get_id()), wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  PCHECK(wakeup_.valid()) << "eventfd";
}

void PostQueue::Push(Task task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  tasks_.push_back(std::move(task));
  if (tasks_.size() > 1) return;  // the loop was woken and has not come by yet
  PCHECK(::eventfd_write(wakeup_.get(), 1) == 0) << "eventfd write";
}

bool PostQueue::empty() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tasks_.empty();
}

std::vector<PostQueue::Task> PostQueue::TakeAll() {
  const std::lock_guard<std::mutex> lock(mutex_);
  eventfd_t count = 0;
  // EAGAIN: nobody woke us, so there is nothing to clear.
  PCHECK(::eventfd_read(wakeup_.get(), &count) == 0 || errno == EAGAIN) << "eventfd read";
  return std::exchange(tasks_, {});
}

}  // namespace ming::net
