#include "ming/admin/admin_server.h"

#include <glog/logging.h>

#include <optional>
#include <utility>

#include "ming/admin/admin_pages.h"
#include "ming/ws/ws_server.h"

namespace ming::admin {
namespace {

class WsAdminServer final : public AdminServer, private ws::WsServer::Observer {
 public:
  explicit WsAdminServer(const ReportSource& source) : source_(source) {}

  Status Listen(ws::WsContext& context, const AdminOptions& options) {
    ws::WsServerOptions server;
    server.listen = options.listen;
    server.max_connections = options.max_connections;
    server.max_handshakes = options.max_connections;
    server.handshake_timeout = options.request_timeout;
    ws::WsServer::Observer& self = *this;
    auto listening = ws::WsServer::Listen(context, server, self);
    if (!listening.ok()) return listening.status();
    server_ = *std::move(listening);
    return Status::Ok();
  }

  Port port() const override { return server_->port(); }

 private:
  std::optional<ws::WsHttpReply> CheckUpgrade(const ws::WsRequest& /*request*/) override {
    return ws::WsHttpReply{400, "no WebSocket is spoken here"};
  }
  void OnConnection(std::unique_ptr<ws::WsConnection> /*connection*/,
                    const ws::WsRequest& /*request*/) override {
    LOG(FATAL) << "every upgrade is refused";
  }
  ws::WsHttpReply AnswerHttp(const ws::WsRequest& request) override {
    if (request.peer_address.Canonical().IsLoopback() && !IsLocalHostHeader(request.host)) {
      return {403, "ask for localhost or an address"};
    }
    Page page = AnswerPage(request.path, source_);
    return {page.status, std::move(page.text), std::move(page.content_type)};
  }

  const ReportSource& source_;
  std::unique_ptr<ws::WsServer> server_;
};

}  // namespace

std::vector<std::string> Validate(const AdminOptions& options) {
  constexpr size_t kMostConnections = 10'000;
  std::vector<std::string> problems;
  if (options.max_connections < 1 || options.max_connections > kMostConnections) {
    problems.emplace_back("the admin connection limit must be 1 to 10000");
  }
  if (options.request_timeout < std::chrono::milliseconds(100) ||
      options.request_timeout > std::chrono::minutes(2)) {
    problems.emplace_back("the admin request time must be 100ms to 2m");
  }
  return problems;
}

Result<std::unique_ptr<AdminServer>> AdminServer::Start(ws::WsContext& context,
                                                        const AdminOptions& options,
                                                        const ReportSource& source) {
  const auto problems = Validate(options);
  CHECK(problems.empty()) << problems.front();
  auto server = std::make_unique<WsAdminServer>(source);
  const Status listening = server->Listen(context, options);
  if (!listening.ok()) return listening;
  return std::unique_ptr<AdminServer>(std::move(server));
}

}  // namespace ming::admin
