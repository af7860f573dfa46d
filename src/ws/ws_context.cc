#include "ming/ws/ws_context.h"

#include <utility>

#include "ming/ws/lws_engine.h"

namespace ming::ws {

WsContext::WsContext(std::unique_ptr<LwsEngine> engine) : engine_(std::move(engine)) {}

WsContext::~WsContext() = default;

Result<std::unique_ptr<WsContext>> WsContext::Create(net::Reactor& reactor,
                                                     net::GlibBridge& bridge) {
  auto engine = LwsEngine::Create(reactor, bridge);
  if (!engine.ok()) return engine.status();
  return std::unique_ptr<WsContext>(new WsContext(*std::move(engine)));
}

net::Reactor& WsContext::reactor() { return engine_->reactor(); }

size_t WsContext::socket_count() const { return engine_->socket_count(); }

}  // namespace ming::ws
