#include "ming/load/service.h"

#include <sys/socket.h>

#include <array>
#include <thread>
#include <utility>

namespace ming::load {
namespace {

void Echo(const UniqueFd& connection) {
  std::array<char, 65536> bytes{};
  for (;;) {
    const ssize_t got = ::recv(connection.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) return;
    // An application that is done may be gone before its last answer.
    if (::send(connection.get(), bytes.data(), static_cast<size_t>(got), MSG_NOSIGNAL) != got)
      return;
  }
}

}  // namespace

Service::Service(const Endpoint& at, const std::string& congestion)
    : listener_(Listen(at, congestion)) {
  std::thread([this] { Serve(); }).detach();
}

void Service::Serve() {
  for (;;) Take(Accept(listener_));
}

void Service::Take(UniqueFd connection) {
  char kind = 0;
  const ssize_t got = ::recv(connection.get(), &kind, 1, 0);
  if (got <= 0) return;  // somebody only looked whether we are there
  switch (kind) {
    case kUp:
      return mover_.Add(std::move(connection), Direction::kReceive);
    case kDown:
      return mover_.Add(std::move(connection), Direction::kSend);
    case kBoth:
      return mover_.Add(std::move(connection), Direction::kBoth);
    case kEcho:
      return std::thread([held = std::move(connection)] { Echo(held); }).detach();
    default:
      DieOf("a connection begins with an unknown byte");
  }
}

}  // namespace ming::load
