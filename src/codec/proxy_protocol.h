// The PROXY protocol (HAProxy, "The PROXY protocol, versions 1 & 2"): a header that tells a server
// who the caller behind a proxy is.
#ifndef MING_CODEC_PROXY_PROTOCOL_H_
#define MING_CODEC_PROXY_PROTOCOL_H_

#include <optional>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"

namespace ming::codec {

enum class ProxyVersion {
  k1,  // a line of text, section 2.1
  k2,  // binary, section 2.2
};

struct ProxyEndpoint {
  IpAddress ip;
  Port port;
};

// The header of a TCP connection from `source` to `destination`. Where one address is IPv4 and the
// other IPv6, the former is written as ::ffff:a.b.c.d: a header knows one family only. No source:
// UNKNOWN in version 1, LOCAL in version 2 (HAProxy takes no PROXY command without addresses).
ByteBuffer SerializeProxyHeader(ProxyVersion version, const std::optional<ProxyEndpoint>& source,
                                const ProxyEndpoint& destination);

}  // namespace ming::codec

#endif  // MING_CODEC_PROXY_PROTOCOL_H_
