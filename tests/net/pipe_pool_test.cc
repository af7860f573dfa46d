#include "ming/net/pipe_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <memory>
#include <utility>
#include <vector>

#include "ming/support/fake_timer_service.h"
#include "ming/support/fd_leak_check.h"

namespace ming::net {
namespace {

using link::SplicePipe;
using std::chrono::milliseconds;

class PipePoolTest : public ::testing::Test {
 protected:
  support::FdLeakCheck leaks_;
  support::FakeTimerService timers_;
};

// Lets the process open nothing more.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit none = before_;
    none.rlim_cur = 0;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(PipePoolTest, LendsWhatTheKernelGaveAndLendsItAgain) {
  PipePool pool(timers_);
  std::unique_ptr<SplicePipe> pipe = pool.Borrow();
  ASSERT_NE(pipe, nullptr);
  EXPECT_EQ(pipe->capacity(), static_cast<size_t>(::fcntl(pipe->read_end(), F_GETPIPE_SZ)));
  EXPECT_NE(::fcntl(pipe->read_end(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(pipe->write_end(), F_GETFL) & O_NONBLOCK, 0);
  const int fd = pipe->read_end();
  pool.Return(std::move(pipe));
  EXPECT_EQ(pool.idle_count(), 1u);
  pipe = pool.Borrow();
  EXPECT_EQ(pipe->read_end(), fd);
  EXPECT_EQ(pool.pipe_count(), 1u);
}

TEST_F(PipePoolTest, LendsNoMoreThanItsLimit) {
  PipePoolOptions options;
  options.max_pipes = 2;
  PipePool pool(timers_, options);
  std::unique_ptr<SplicePipe> first = pool.Borrow();
  std::unique_ptr<SplicePipe> second = pool.Borrow();
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(pool.Borrow(), nullptr);
  first.reset();  // broken off with bytes inside
  EXPECT_EQ(pool.pipe_count(), 1u);
  EXPECT_NE(pool.Borrow(), nullptr);
}

TEST_F(PipePoolTest, LendsNoneThatIsTooSmall) {
  PipePoolOptions options;
  options.pipe_bytes = size_t{32} << 10;
  options.least_bytes = size_t{1} << 20;  // a new pipe has 64 KiB, and more is never asked for
  PipePool pool(timers_, options);
  EXPECT_EQ(pool.Borrow(), nullptr);
  EXPECT_EQ(pool.pipe_count(), 0u);
}

TEST_F(PipePoolTest, DoesNotAskAKernelThatRefusedTheNextTimes) {
  PipePool pool(timers_);
  {
    const NoMoreDescriptors limit;
    EXPECT_EQ(pool.Borrow(), nullptr);
  }
  int refused = 0;
  std::unique_ptr<SplicePipe> pipe;
  while ((pipe = pool.Borrow()) == nullptr && refused < 10000) ++refused;
  EXPECT_EQ(refused, 256);
}

TEST_F(PipePoolTest, ClosesWhatNobodyUses) {
  PipePoolOptions options;
  options.idle_limit = milliseconds(100);
  PipePool pool(timers_, options);
  std::unique_ptr<SplicePipe> used = pool.Borrow();
  std::unique_ptr<SplicePipe> unused = pool.Borrow();
  pool.Return(std::move(unused));
  pool.Return(std::move(used));
  for (int i = 0; i < 3; ++i) {
    timers_.Advance(milliseconds(100));
    used = pool.Borrow();
    ASSERT_NE(used, nullptr);
    pool.Return(std::move(used));
  }
  EXPECT_EQ(pool.pipe_count(), 1u);
  timers_.Advance(milliseconds(200));
  EXPECT_EQ(pool.pipe_count(), 0u);
}

TEST(PipePoolOptionsTest, RejectsWhatCannotWork) {
  EXPECT_TRUE(PipePoolOptions().Validate().ok());
  PipePoolOptions options;
  options.max_pipes = 0;
  options.pipe_bytes = 1;
  options.least_bytes = 1;
  options.idle_limit = Duration::zero();
  const std::string message = options.Validate().message();
  for (const char* name : {"max-pipes", "pipe-bytes", "least-bytes", "idle-limit"}) {
    EXPECT_NE(message.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace ming::net
