#include "ming/load/mover.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "ming/load/endpoint.h"

namespace ming::load {
namespace {

constexpr size_t kSendPiece = size_t{256} << 10;
constexpr size_t kReceivePiece = size_t{1} << 20;

const std::vector<char>& Payload() {
  static const std::vector<char>* const kBytes = [] {
    auto* made = new std::vector<char>(kSendPiece);
    for (size_t i = 0; i < made->size(); ++i) (*made)[i] = static_cast<char>(i * 131 % 251);
    return made;
  }();
  return *kBytes;
}

void Watch(const UniqueFd& epoll, int fd, uint32_t events, void* what) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = what;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) Die("epoll");
}

uint32_t EventsOf(Direction direction) {
  switch (direction) {
    case Direction::kSend:
      return EPOLLOUT;
    case Direction::kReceive:
      return EPOLLIN;
    case Direction::kBoth:
      return EPOLLIN | EPOLLOUT;
  }
  return 0;
}

}  // namespace

Mover::Mover() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  if (!epoll_.valid() || !wake_.valid()) Die("epoll");
  Watch(epoll_, wake_.get(), EPOLLIN, nullptr);
  thread_ = std::thread([this] { Run(); });
}

Mover::~Mover() { Stop(); }

void Mover::Add(UniqueFd fd, Direction direction) {
  SetNonBlocking(fd);
  auto made = std::make_unique<Connection>();
  made->fd = std::move(fd);
  made->direction = direction;
  const std::lock_guard<std::mutex> lock(mutex_);
  Watch(epoll_, made->fd.get(), EventsOf(direction), made.get());
  connections_.push_back(std::move(made));
}

void Mover::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) != sizeof one) Die("eventfd");
  thread_.join();
}

std::vector<uint64_t> Mover::Received() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<uint64_t> received;
  for (const auto& connection : connections_) {
    if (connection->direction != Direction::kSend) received.push_back(connection->received);
  }
  return received;
}

void Mover::Run() {
  std::array<epoll_event, 64> events{};
  while (!stopping_) {
    const int ready =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    if (ready < 0 && errno != EINTR) Die("epoll_wait");
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events.at(static_cast<size_t>(i));
      if (event.data.ptr == nullptr) continue;
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if ((event.events & EPOLLIN) != 0) Receive(connection);
      if ((event.events & EPOLLOUT) != 0) Send(connection);
      if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) DieOf("a connection broke");
    }
  }
}

void Mover::Send(const Connection& connection) {
  const ssize_t sent =
      ::send(connection.fd.get(), Payload().data(), Payload().size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) Die("send");
}

void Mover::Receive(Connection& connection) {
  const ssize_t got = ::recv(connection.fd.get(), nullptr, kReceivePiece, MSG_TRUNC);
  if (got == 0) DieOf("a connection ended early");
  if (got < 0 && errno != EAGAIN) Die("receive");
  if (got > 0) {
    connection.received.fetch_add(static_cast<uint64_t>(got), std::memory_order_relaxed);
  }
}

}  // namespace ming::load
