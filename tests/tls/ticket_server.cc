#include "ticket_server.h"

#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace ming::tls {

struct TicketServer::Engine {
  explicit Engine(link::ByteStream& stream) : wire(stream) {}

  static ssize_t Push(gnutls_transport_ptr_t self, const void* data, size_t size) {
    const ByteSpan bytes(static_cast<const uint8_t*>(data), size);
    EXPECT_EQ(static_cast<Engine*>(self)->wire.Write(bytes), size);
    return static_cast<ssize_t>(size);
  }
  static ssize_t Pull(gnutls_transport_ptr_t self, void* out, size_t room) {
    auto& engine = *static_cast<Engine*>(self);
    const link::ReadChunk chunk = engine.wire.Peek(room);
    if (chunk.state != link::ReadState::kData) {
      gnutls_transport_set_errno(engine.session, EAGAIN);
      return -1;
    }
    const size_t size = chunk.bytes.size();
    std::copy(chunk.bytes.begin(), chunk.bytes.end(), static_cast<uint8_t*>(out));
    engine.wire.Consume(size);
    return static_cast<ssize_t>(size);
  }

  link::ByteStream& wire;
  gnutls_session_t session = nullptr;
  gnutls_datum_t ticket_key{};
};

TicketServer::TicketServer(link::ByteStream& wire, const Certificate& certificate,
                           std::string words)
    : wire_(wire), words_(std::move(words)), engine_(std::make_unique<Engine>(wire)) {
  gnutls_init(&engine_->session, GNUTLS_SERVER | GNUTLS_NONBLOCK);
  gnutls_session_t session = engine_->session;
  gnutls_set_default_priority(session);
  gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificate.credentials());
  gnutls_session_ticket_key_generate(&engine_->ticket_key);
  gnutls_session_ticket_enable_server(session, &engine_->ticket_key);
  gnutls_transport_set_ptr(session, engine_.get());
  gnutls_transport_set_push_function(session, &Engine::Push);
  gnutls_transport_set_pull_function(session, &Engine::Pull);
  wire_.SetObserver(this);
  EXPECT_EQ(gnutls_handshake(session), GNUTLS_E_AGAIN);
}

TicketServer::~TicketServer() {
  wire_.SetObserver(nullptr);
  gnutls_deinit(engine_->session);
  gnutls_free(engine_->ticket_key.data);
}

void TicketServer::OnReadable() {
  if (done_) return;
  const int code = gnutls_handshake(engine_->session);
  if (code == GNUTLS_E_AGAIN) return;
  ASSERT_EQ(code, GNUTLS_E_SUCCESS) << gnutls_strerror(code);
  done_ = true;
  ASSERT_EQ(gnutls_protocol_get_version(engine_->session), GNUTLS_TLS1_3);
  gnutls_record_send(engine_->session, words_.data(), words_.size());
}

}  // namespace ming::tls
