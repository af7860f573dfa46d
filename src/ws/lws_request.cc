#include "ming/ws/lws_request.h"

#include <glog/logging.h>
#include <libwebsockets.h>

#include <string>
#include <string_view>

#include "ming/base/bytes.h"

namespace ming::ws {
namespace {

// The value of a header as sent; empty where it is missing. nullopt: it came more than once.
std::optional<std::string> ReadHeader(lws* wsi, lws_token_indexes token) {
  const int size = lws_hdr_total_length(wsi, token);
  if (size <= 0) return "";
  if (lws_hdr_fragment_length(wsi, token, 1) > 0) return std::nullopt;
  std::string value(static_cast<size_t>(size) + 1, '\0');
  const int copied = lws_hdr_copy(wsi, value.data(), size + 1, token);
  value.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
  return value;
}

// The query, of which libwebsockets keeps each part between two '&' as a fragment.
std::string ReadQuery(lws* wsi) {
  std::string query;
  for (int i = 0;; ++i) {
    const int size = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (size <= 0) return query;
    std::string part(static_cast<size_t>(size) + 1, '\0');
    const int copied =
        lws_hdr_copy_fragment(wsi, part.data(), size + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
    part.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
    if (i > 0) query += '&';
    query += part;
  }
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

// What a status demands beside its text (RFC 9110, sections 11.6.1 and 15.5.22).
std::string_view ExtraHeaders(int status) {
  switch (status) {
    case 401:
      return "WWW-Authenticate: Bearer\r\n";
    case 405:
      return "Allow: GET\r\n";
    case 426:
      return "Upgrade: websocket\r\n";
    default:
      return "";
  }
}

}  // namespace

Result<WsRequest> ReadRequest(lws* wsi, const net::SocketAddress& peer) {
  const auto path = ReadHeader(wsi, WSI_TOKEN_GET_URI);
  const auto host = ReadHeader(wsi, WSI_TOKEN_HOST);
  const auto origin = ReadHeader(wsi, WSI_TOKEN_ORIGIN);
  const auto authorization = ReadHeader(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
  const auto user_agent = ReadHeader(wsi, WSI_TOKEN_HTTP_USER_AGENT);
  if (!path || !host || !origin || !authorization || !user_agent) {
    return Status(StatusCode::kMalformed, "a header came twice");
  }
  WsRequest request;
  request.peer_address = peer.ip();
  request.peer_port = peer.port();
  request.path = *path;
  request.query = ReadQuery(wsi);
  request.host = *host;
  request.origin = *origin;
  request.authorization = Secret(*authorization);
  request.user_agent = *user_agent;
  return request;
}

void WriteReply(lws* wsi, const WsHttpReply& reply) {
  const std::string status = std::to_string(reply.status);
  const std::string text = reply.text + "\n";
  std::string head = "HTTP/1.1 " + status + " " + std::string(ReasonPhrase(reply.status)) + "\r\n";
  head += "Content-Type: " + reply.content_type + "\r\n";
  head += "Content-Length: " + std::to_string(text.size()) + "\r\n";
  head += ExtraHeaders(reply.status);
  head += "Connection: close\r\n\r\n";
  ByteBuffer wire = ByteBuffer::WithCapacity(LWS_PRE + head.size() + text.size());
  wire.AppendUninitialized(LWS_PRE);
  wire.Append(ByteSpan(head));
  wire.Append(ByteSpan(text));
  // A peer that is gone does not miss it.
  if (lws_write(wsi, wire.data() + LWS_PRE, wire.size() - LWS_PRE, LWS_WRITE_HTTP_HEADERS) < 0) {
    VLOG(1) << "ws: HTTP " << status << " could not be sent";
  }
}

}  // namespace ming::ws
