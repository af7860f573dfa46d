// PostQueue: tasks handed to the loop by any thread, and the eventfd that wakes it. With
// resolver.cc the only place that knows of threads.
#ifndef MING_NET_POST_QUEUE_H_
#define MING_NET_POST_QUEUE_H_

#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "ming/net/unique_fd.h"

namespace ming::net {

class PostQueue {
 public:
  using Task = std::function<void()>;

  // The thread that makes it is the loop's.
  PostQueue();

  // From any thread.
  void Push(Task task);
  bool IsLoopThread() const { return std::this_thread::get_id() == loop_thread_; }

  // For the loop: readable while tasks wait.
  int wakeup_fd() const { return wakeup_.get(); }
  bool empty() const;
  // Takes all tasks, in the order they came, and clears the wake-up.
  std::vector<Task> TakeAll();

 private:
  const std::thread::id loop_thread_;
  UniqueFd wakeup_;
  mutable std::mutex mutex_;
  std::vector<Task> tasks_;  // guarded by mutex_
};

}  // namespace ming::net

#endif  // MING_NET_POST_QUEUE_H_
