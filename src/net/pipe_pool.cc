#include "ming/net/pipe_pool.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "ming/base/option_problems.h"
#include "ming/net/unique_fd.h"

namespace ming::net {
namespace {

// After the kernel refused a pipe, or gave a tiny one, so many requests do not ask it again.
constexpr size_t kRefusalsInARow = 256;
constexpr size_t kPageBytes = 4096;

}  // namespace

class PipePool::Pipe final : public link::SplicePipe {
 public:
  Pipe(PipePool& pool, UniqueFd read_end, UniqueFd write_end, size_t capacity)
      : pool_(pool),
        read_end_(std::move(read_end)),
        write_end_(std::move(write_end)),
        capacity_(capacity) {
    ++pool_.pipe_count_;
  }
  ~Pipe() override { --pool_.pipe_count_; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const override { return read_end_.get(); }
  int write_end() const override { return write_end_.get(); }
  size_t capacity() const override { return capacity_; }

 private:
  PipePool& pool_;
  UniqueFd read_end_;
  UniqueFd write_end_;
  size_t capacity_;
};

Status PipePoolOptions::Validate() const {
  OptionProblems problems;
  problems.Range("max-pipes", max_pipes, 1, 1024);
  problems.Range("pipe-bytes", pipe_bytes, kPageBytes, size_t{1} << 20);
  problems.Range("least-bytes", least_bytes, kPageBytes, size_t{1} << 20);
  problems.Range("idle-limit", idle_limit, std::chrono::milliseconds(1), std::chrono::hours(1));
  return problems.ToStatus();
}

PipePool::PipePool(link::TimerService& timers, const PipePoolOptions& options)
    : options_(options), timers_(timers), alarm_(timers.CreateAlarm([this] { CloseUnused(); })) {
  const Status valid = options.Validate();
  CHECK(valid.ok()) << valid.message();
}

PipePool::~PipePool() {
  idle_.clear();
  CHECK_EQ(pipe_count_, 0u) << "pipes outlive their pool";
}

std::unique_ptr<link::SplicePipe> PipePool::Borrow() {
  if (!idle_.empty()) {
    std::unique_ptr<link::SplicePipe> pipe = std::move(idle_.back());
    idle_.pop_back();
    unused_ = std::min(unused_, idle_.size());
    return pipe;
  }
  if (pipe_count_ >= options_.max_pipes) return nullptr;
  if (refusals_ > 0) {
    --refusals_;
    return nullptr;
  }
  std::unique_ptr<link::SplicePipe> pipe = Create();
  if (pipe == nullptr) refusals_ = kRefusalsInARow;
  return pipe;
}

std::unique_ptr<PipePool::Pipe> PipePool::Create() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  // Refused above the limit of the user or of the system; then less may be granted.
  for (size_t bytes = options_.pipe_bytes; bytes >= options_.least_bytes; bytes /= 2) {
    if (::fcntl(write_end.get(), F_SETPIPE_SZ, static_cast<int>(bytes)) >= 0) break;
  }
  const int capacity = ::fcntl(write_end.get(), F_GETPIPE_SZ);
  if (capacity < static_cast<int>(options_.least_bytes)) return nullptr;
  return std::make_unique<Pipe>(*this, std::move(read_end), std::move(write_end),
                                static_cast<size_t>(capacity));
}

void PipePool::Return(std::unique_ptr<link::SplicePipe> pipe) {
  idle_.push_back(std::move(pipe));
  if (!alarm_->armed()) alarm_->ArmAt(timers_.Now() + options_.idle_limit);
}

// Once in each interval: what has not moved since the last time.
void PipePool::CloseUnused() {
  idle_.erase(idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(unused_));
  unused_ = idle_.size();
  if (!idle_.empty()) alarm_->ArmAt(timers_.Now() + options_.idle_limit);
}

}  // namespace ming::net
