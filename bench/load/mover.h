// Mover: a thread that fills and empties connections as fast as they go. What comes is discarded
// inside the kernel, so that the load costs little beside what is measured.
#ifndef MING_LOAD_MOVER_H_
#define MING_LOAD_MOVER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "ming/net/unique_fd.h"

namespace ming::load {

enum class Direction { kSend, kReceive, kBoth };

class Mover {
 public:
  Mover();
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;
  ~Mover();

  // From any thread. The process dies if the connection ends before Stop().
  void Add(net::UniqueFd fd, Direction direction);
  // Ends the thread; the connections stay open.
  void Stop();
  // What each connection that receives has received so far, in the order of Add().
  std::vector<uint64_t> Received() const;

 private:
  struct Connection {
    net::UniqueFd fd;
    Direction direction;
    std::atomic<uint64_t> received{0};
  };

  void Run();
  static void Send(const Connection& connection);
  static void Receive(Connection& connection);

  net::UniqueFd epoll_;
  net::UniqueFd wake_;
  mutable std::mutex mutex_;  // of connections_
  std::vector<std::unique_ptr<Connection>> connections_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace ming::load

#endif  // MING_LOAD_MOVER_H_
