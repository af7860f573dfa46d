// TicketServer: a TLS 1.3 server that hands out session tickets, as servers other than ours do, and
// sends its words in one flight with them.
#ifndef MING_TESTS_TLS_TICKET_SERVER_H_
#define MING_TESTS_TLS_TICKET_SERVER_H_

#include <memory>
#include <string>

#include "ming/link/byte_stream.h"
#include "ming/tls/certificate.h"

namespace ming::tls {

class TicketServer final : private link::ByteStream::Observer {
 public:
  // `wire` and `certificate` outlive the server. `words` follow the handshake.
  TicketServer(link::ByteStream& wire, const Certificate& certificate, std::string words);
  ~TicketServer() override;
  TicketServer(const TicketServer&) = delete;
  TicketServer& operator=(const TicketServer&) = delete;

 private:
  struct Engine;

  void OnReadable() override;
  void OnWritable() override {}
  void OnStreamError(const Status& /*why*/) override {}

  link::ByteStream& wire_;
  const std::string words_;
  const std::unique_ptr<Engine> engine_;
  bool done_ = false;
};

}  // namespace ming::tls

#endif  // MING_TESTS_TLS_TICKET_SERVER_H_
