// Ten thousand idle hosts on one server: what one costs in memory. The hosts live in a child
// process, since both ends together would need more descriptors than one process has.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "ming/net/fd_watch.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/unique_fd.h"
#include "ming/signaling/signaling_server.h"
#include "ming/ws/ws_context.h"

namespace ming::signaling {
namespace {

constexpr size_t kSpareDescriptors = 100;
#ifdef __SANITIZE_ADDRESS__
// The sanitizer's own memory says nothing about ours.
constexpr size_t kWantedHosts = 1'000;
constexpr size_t kMaxBytesPerHost = size_t{1} << 20;
#else
constexpr size_t kWantedHosts = 10'000;
constexpr size_t kMaxBytesPerHost = size_t{8} * 1024;
#endif

size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A short masked text frame (RFC 6455, section 5.2) with a mask of zeros.
std::string TextFrame(const std::string& text) {
  CHECK_LT(text.size(), 126u);
  std::string frame = "\x81";
  frame += static_cast<char>(0x80u | text.size());
  frame.append(4, '\0');
  return frame + text;
}

bool SendAll(int fd, const std::string& bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool ReadResponse(int fd) {
  std::string response;
  char byte = 0;
  while (response.find("\r\n\r\n") == std::string::npos) {
    if (read(fd, &byte, 1) != 1) return false;
    response += byte;
  }
  return response.rfind("HTTP/1.1 101", 0) == 0;
}

bool RegisterHost(int fd, uint16_t port, size_t number) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return false;
  return SendAll(fd,
                 "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Version: 13\r\n\r\n") &&
         ReadResponse(fd) &&
         SendAll(fd, TextFrame(R"({"type":"register-host","payload":null,"sender_id":"host-)" +
                               std::to_string(number) + "\"}"));
}

// The child: registers `count` hosts, says so, and holds them until the parent closes its end.
[[noreturn]] void RunHosts(int control, size_t count) {
  uint16_t port = 0;
  if (read(control, &port, sizeof(port)) != sizeof(port)) _exit(1);
  for (size_t i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !RegisterHost(fd, port, i)) _exit(2);
  }
  char byte = 0;
  _exit(read(control, &byte, 1) == 0 ? 0 : 3);
}

size_t HostsThatFit() {
  rlimit limit{};
  PCHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  PCHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return std::min<size_t>(kWantedHosts, limit.rlim_cur - kSpareDescriptors);
}

TEST(IdleHostsTest, TenThousandFitAndCostLittle) {
  const size_t count = HostsThatFit();
  int ends[2];
  PCHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  net::UniqueFd control(ends[0]);
  net::UniqueFd child_end(ends[1]);
  const pid_t child = fork();
  PCHECK(child >= 0);
  if (child == 0) {
    control.Close();
    RunHosts(child_end.get(), count);
  }
  child_end.Close();

  net::Reactor reactor;
  net::GlibBridge bridge(reactor);
  auto context = ws::WsContext::Create(reactor, bridge);
  ASSERT_TRUE(context.ok()) << context.status().ToString();
  SignalingServerOptions options;
  options.listen = {"127.0.0.1", Port(0)};
  auto server = SignalingServer::Start(reactor, **context, options);
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  const uint16_t port = (*server)->port().value();
  const size_t before = ResidentBytes();
  PCHECK(write(control.get(), &port, sizeof(port)) == sizeof(port));
  EXPECT_TRUE(reactor.RunUntil([&] { return (*server)->metrics().hosts == count; },
                               std::chrono::minutes(4)));
  EXPECT_EQ((*server)->metrics().hosts, count);
  const size_t per_host = (ResidentBytes() - before) / count;
  RecordProperty("hosts", static_cast<int>(count));
  RecordProperty("bytes_per_idle_host", static_cast<int>(per_host));
  LOG(INFO) << count << " idle hosts, " << per_host << " bytes each";
  EXPECT_LT(per_host, kMaxBytesPerHost);

  control.Close();
  EXPECT_TRUE(
      reactor.RunUntil([&] { return (*server)->metrics().hosts == 0; }, std::chrono::minutes(1)));
  int status = 0;
  PCHECK(waitpid(child, &status, 0) == child);
  EXPECT_EQ(status, 0);
  server->reset();
}

}  // namespace
}  // namespace ming::signaling
