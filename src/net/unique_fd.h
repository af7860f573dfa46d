// UniqueFd: the one owner of a file descriptor.
#ifndef MING_NET_UNIQUE_FD_H_
#define MING_NET_UNIQUE_FD_H_

#include <utility>

namespace ming::net {

class UniqueFd {
 public:
  UniqueFd() = default;
  // Takes over `fd`; a negative one means none.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Gives the descriptor away without closing it.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }
  // Closes the descriptor now; harmless where there is none.
  void Close();

 private:
  int fd_ = -1;
};

}  // namespace ming::net

#endif  // MING_NET_UNIQUE_FD_H_
