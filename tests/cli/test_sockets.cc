#include "test_sockets.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace ming::cli {
namespace {

net::UniqueFd MakeSocket() {
  net::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience = {20, 0};
  EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  return fd;
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

ListeningSocket::ListeningSocket() : fd_(MakeSocket()) {
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof(address);
  auto* where = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(fd_.get(), where, length), 0);
  EXPECT_EQ(::listen(fd_.get(), 8), 0);
  EXPECT_EQ(::getsockname(fd_.get(), where, &length), 0);
  address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

net::UniqueFd ListeningSocket::Accept() const {
  net::UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(fd.valid());
  return fd;
}

net::UniqueFd ConnectTo(uint16_t port) {
  net::UniqueFd fd = MakeSocket();
  const sockaddr_in address = Loopback(port);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

void SendAll(const net::UniqueFd& fd, const std::string& text) {
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

std::string ReceiveExactly(const net::UniqueFd& fd, size_t count) {
  std::string text(count, '\0');
  const ssize_t got = ::recv(fd.get(), text.data(), count, MSG_WAITALL);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
}

uint16_t PortAfter(const std::string& text, const std::string& mark) {
  const size_t at = text.find(mark);
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? uint16_t{0}
                                 : static_cast<uint16_t>(std::stoi(text.substr(at + mark.size())));
}

}  // namespace ming::cli
