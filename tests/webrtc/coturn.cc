#include "coturn.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_listener.h"

namespace ming::webrtc {
namespace {

constexpr char kTurnServer[] = "/usr/bin/turnserver";
constexpr char kOpenssl[] = "/usr/bin/openssl";

int SpawnQuietly(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  int pid = -1;
  const int error = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  CHECK_EQ(error, 0) << words[0];
  return pid;
}

// A port that is free for TCP now, and a little later very likely too.
Port FreePort(net::Reactor& reactor) {
  auto listener = net::TcpListener::Listen(reactor, {"127.0.0.1", Port()}, {},
                                           [](std::unique_ptr<net::TcpStream>, const auto&) {});
  CHECK(listener.ok()) << listener.status().ToString();
  return (*listener)->port();
}

bool Connects(net::Reactor& reactor, net::Resolver& resolver, Port port) {
  std::optional<bool> connected;
  net::TcpConnector connector(
      reactor, resolver, {"127.0.0.1", port}, net::TcpConnectOptions(),
      [&connected](Result<std::unique_ptr<net::TcpStream>> stream) { connected = stream.ok(); });
  return reactor.RunUntil([&] { return connected.has_value(); }, std::chrono::seconds(5)) &&
         *connected;
}

}  // namespace

std::unique_ptr<Coturn> Coturn::Start(net::Reactor& reactor, net::Resolver& resolver) {
  if (access(kTurnServer, X_OK) != 0 || access(kOpenssl, X_OK) != 0) return nullptr;
  std::unique_ptr<Coturn> server(new Coturn());
  std::string folder = (std::filesystem::temp_directory_path() / "ming-coturn-XXXXXX").string();
  CHECK(mkdtemp(folder.data()) != nullptr);
  server->folder_ = folder;
  server->port_ = FreePort(reactor);
  server->tls_port_ = FreePort(reactor);
  if (!server->MakeCertificate()) return nullptr;
  server->Spawn();
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (Connects(reactor, resolver, server->port_) &&
        Connects(reactor, resolver, server->tls_port_)) {
      return server;
    }
    reactor.RunUntil([] { return false; }, std::chrono::milliseconds(50));
  }
  LOG(ERROR) << "coturn does not come up";
  return nullptr;
}

bool Coturn::MakeCertificate() const {
  const int pid = SpawnQuietly({kOpenssl, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                                "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                                "-keyout", folder_ + "/key.pem", "-out", folder_ + "/cert.pem"});
  int status = 0;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void Coturn::Spawn() {
  pid_ = SpawnQuietly({kTurnServer, "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
                       "--listening-port=" + std::to_string(port_.value()),
                       "--tls-listening-port=" + std::to_string(tls_port_.value()),
                       "--cert=" + folder_ + "/cert.pem", "--pkey=" + folder_ + "/key.pem",
                       "--allow-loopback-peers", "--lt-cred-mech", "--user=ming:secret",
                       "--realm=test", "--no-cli", "--no-dtls", "--userdb=" + folder_ + "/db",
                       "--pidfile=" + folder_ + "/pid", "--log-file=/dev/null"});
}

Coturn::~Coturn() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

codec::IceServer Coturn::Server(codec::IceServerTransport transport) const {
  codec::IceServer server;
  server.kind = codec::IceServerKind::kTurn;
  server.transport = transport;
  // Its certificate is for the name.
  const bool tls = transport == codec::IceServerTransport::kTls;
  server.address = tls ? HostPort{"localhost", tls_port_} : HostPort{"127.0.0.1", port_};
  server.username = "ming";
  server.password = Secret("secret");
  return server;
}

std::string Coturn::certificate() const {
  const std::ifstream file(folder_ + "/cert.pem");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace ming::webrtc
