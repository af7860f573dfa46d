// PipePool: lends pipes of the kernel for splice(2), and keeps those that come back.
//
// Pipes are scarce: the kernel gives an unprivileged user 64 of 1 MiB (pipe-user-pages-soft) and
// tiny ones from there on, and each costs two descriptors. So their number is bounded, one that is
// too small to be worth it is not lent, and those that nobody needs any more are closed.
#ifndef MING_NET_PIPE_POOL_H_
#define MING_NET_PIPE_POOL_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/splice.h"
#include "ming/link/timer_service.h"

namespace ming::net {

struct PipePoolOptions {
  // Lent and idle ones together, 1 to 1024: what the kernel gives a user by default, which also
  // bounds the memory behind stalled connections to 64 MiB.
  size_t max_pipes = 64;
  // Asked for, 4 KiB to 1 MiB; the kernel's limit may make it less. Pipes of 64 KiB (its default)
  // save next to nothing against copying, those of 1 MiB half of the processor time.
  size_t pipe_bytes = size_t{1} << 20;
  // Smaller ones are not lent.
  size_t least_bytes = size_t{64} << 10;
  // An idle pipe is closed after so long, 1 ms to 1 h.
  Duration idle_limit = std::chrono::seconds(2);

  // All problems at once, one a line; ok when there are none.
  Status Validate() const;
};

class PipePool final : public link::SplicePipes {
 public:
  // CHECKs that `options` validates. `timers` outlives the pool, the pool what it lends.
  explicit PipePool(link::TimerService& timers, const PipePoolOptions& options = PipePoolOptions());
  ~PipePool() override;
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  std::unique_ptr<link::SplicePipe> Borrow() override;
  void Return(std::unique_ptr<link::SplicePipe> pipe) override;

  // Pipes that exist, and those of them that nobody has.
  size_t pipe_count() const { return pipe_count_; }
  size_t idle_count() const { return idle_.size(); }

 private:
  class Pipe;

  std::unique_ptr<Pipe> Create();
  void CloseUnused();

  const PipePoolOptions options_;
  link::TimerService& timers_;
  const std::unique_ptr<link::Alarm> alarm_;  // while there are idle ones
  size_t pipe_count_ = 0;
  std::vector<std::unique_ptr<link::SplicePipe>> idle_;  // the last one is used first
  size_t unused_ = 0;    // of the idle ones, at the front: since the alarm was armed
  size_t refusals_ = 0;  // requests that are still refused unasked after a failure
};

}  // namespace ming::net

#endif  // MING_NET_PIPE_POOL_H_
