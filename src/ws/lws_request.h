// The HTTP side of an upgrade: reading a request's header, writing a plain answer. Private to this
// folder.
#ifndef MING_WS_LWS_REQUEST_H_
#define MING_WS_LWS_REQUEST_H_

#include "ming/base/status.h"
#include "ming/net/socket_address.h"
#include "ming/ws/lws_engine.h"
#include "ming/ws/ws_server.h"

namespace ming::ws {

// Inside an event that has a request header. kMalformed: a header of WsRequest came twice.
Result<WsRequest> ReadRequest(lws* wsi, const net::SocketAddress& peer);

// Writes the whole answer; close the socket behind it. Inside an event only.
void WriteReply(lws* wsi, const WsHttpReply& reply);

}  // namespace ming::ws

#endif  // MING_WS_LWS_REQUEST_H_
