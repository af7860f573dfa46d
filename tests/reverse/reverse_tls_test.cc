// A reverse tunnel over TLS, with certificates and tokens.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "ming/base/secret.h"
#include "ming/base/units.h"
#include "ming/tls/certificate.h"
#include "ming/tls/tls_trust.h"

#include "reverse_net_fixture.h"

namespace ming::reverse {
namespace {

using std::chrono::milliseconds;
using support::StreamUser;
using support::StreamUserPlan;

// Both ends with TLS; the server's certificate is its own authority.
class ReverseTlsTest : public ReverseNetTest {
 public:
  static std::shared_ptr<const tls::TlsTrust> Trust(const tls::Certificate& certificate) {
    return *tls::TlsTrust::FromPem(ByteSpan(std::string_view{certificate.pem()}));
  }

 protected:
  ReverseServerOptions SecureServer() const {
    ReverseServerOptions options;
    options.certificate = certificate_;
    return options;
  }
  ReverseClientOptions SecureClient() const {
    ReverseClientOptions options = ClientOptions();
    options.server_trust = Trust(*certificate_);
    options.server_name = "server.test";
    options.core.id = "home";
    return options;
  }
  // True: it is connected and serves; false: it was refused for good.
  bool Serves(const ReverseClientOptions& options) {
    client_ = MakeClient(options);
    EXPECT_TRUE(RunUntil([this] { return client_->connected() || client_end_.has_value(); }));
    if (client_end_) {
      EXPECT_EQ(*client_end_, ClientEnd::kRefused) << client_why_.ToString();
      return false;
    }
    return Serve(Sends(kMiB)) && callers_[0]->received() == kMiB && callers_[0]->intact();
  }

  const std::shared_ptr<const tls::Certificate> certificate_ =
      *tls::Certificate::SelfSigned("server.test");
};

TEST_F(ReverseTlsTest, CarriesBytesAndEnds) {
  StartTarget(AnswersAfterEnd(kMiB));
  StartServer(SecureServer());
  EXPECT_TRUE(Serves(SecureClient()));
  EXPECT_TRUE(Quiet());
}

TEST_F(ReverseTlsTest, LosesNoByteOfATargetThatSpeaksFirst) {
  StartTarget(Sends(kMiB));
  StartServer(SecureServer());
  EXPECT_TRUE(Serves(SecureClient()));
}

// A session takes what a broken socket below it does not: that is no delivery.
TEST_F(ReverseTlsTest, ACallerOutlivesADeadConnectionAhead) {
  StartTarget(Sends(1000));
  StartServer(SecureServer());
  ReverseClientOptions options = SecureClient();
  options.core.ahead = 8;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return server_->counters().ahead == 2; }));
  Call(Sends(1000));
  client_.reset();  // everything is reset; the server has not looked yet
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_TRUE(callers_[0]->intact());
  EXPECT_EQ(callers_[0]->received(), 1000u);
  EXPECT_EQ(server_->counters().paired, 1u);
}

TEST_F(ReverseTlsTest, RefusesAServerOfAnotherAuthority) {
  StartServer(SecureServer());
  ReverseClientOptions options = SecureClient();
  options.server_trust = Trust(**tls::Certificate::SelfSigned("server.test"));
  EXPECT_FALSE(Serves(options));
}

TEST_F(ReverseTlsTest, RefusesAServerOfAnotherName) {
  StartServer(SecureServer());
  ReverseClientOptions options = SecureClient();
  options.server_name = "other.test";
  EXPECT_FALSE(Serves(options));
}

TEST_F(ReverseTlsTest, TakesAClientWhoseCertificateIsForItsId) {
  const auto home = *tls::Certificate::SelfSigned("home");
  StartTarget(Sends(kMiB));
  ReverseServerOptions server = SecureServer();
  server.client_trust = Trust(*home);
  StartServer(server);
  ReverseClientOptions options = SecureClient();
  options.certificate = home;
  EXPECT_TRUE(Serves(options));
}

TEST_F(ReverseTlsTest, RefusesAClientWhoseCertificateIsForAnotherId) {
  const auto office = *tls::Certificate::SelfSigned("office");
  ReverseServerOptions server = SecureServer();
  server.client_trust = Trust(*office);
  StartServer(server);
  ReverseClientOptions options = SecureClient();
  options.certificate = office;
  EXPECT_FALSE(Serves(options));
  EXPECT_NE(client_why_.message().find("AUTH"), std::string::npos) << client_why_.ToString();
}

TEST_F(ReverseTlsTest, RefusesAClientWithoutATrustedCertificate) {
  ReverseServerOptions server = SecureServer();
  server.client_trust = Trust(**tls::Certificate::SelfSigned("home"));
  StartServer(server);
  EXPECT_FALSE(Serves(SecureClient())) << "no certificate";
  client_end_.reset();
  ReverseClientOptions options = SecureClient();
  options.certificate = *tls::Certificate::SelfSigned("home");
  EXPECT_FALSE(Serves(options)) << "of another authority";
}

TEST_F(ReverseTlsTest, AClientWithoutTlsGetsNowhere) {
  StartServer(SecureServer());
  ReverseClientOptions options = ClientOptions();
  options.core.reconnect.enabled = false;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return client_end_.has_value(); }));
  EXPECT_FALSE(client_->connected());
}

TEST_F(ReverseTlsTest, AHandshakeThatStallsEndsAtItsTimeout) {
  ReverseServerOptions server = SecureServer();
  server.core.handshake_timeout = milliseconds(30);
  StartServer(server);
  connectors_.push_back(std::make_unique<net::TcpConnector>(
      reactor_, *resolver_, HostPort{"127.0.0.1", server_->client_port()}, net::TcpConnectOptions(),
      [this](Result<std::unique_ptr<net::TcpStream>> stream) {
        ASSERT_TRUE(stream.ok());
        StreamUserPlan silent;
        silent.end = StreamUserPlan::End::kNever;
        callers_.push_back(std::make_unique<StreamUser>(reactor_, *std::move(stream), silent,
                                                        kCallerSeed, kTargetSeed));
      }));
  EXPECT_TRUE(RunUntil(
      [this] { return !callers_.empty() && (callers_[0]->read_end() || callers_[0]->error()); }));
}

TEST_F(ReverseTlsTest, TakesTheRightTokenOnly) {
  StartTarget(Sends(kMiB));
  ReverseServerOptions server = SecureServer();
  server.token = Secret("s3cret");
  StartServer(server);
  ReverseClientOptions options = SecureClient();
  EXPECT_FALSE(Serves(options)) << "no token";
  client_end_.reset();
  options.token = Secret("wrong");
  EXPECT_FALSE(Serves(options));
  client_end_.reset();
  options.token = Secret("s3cret");
  EXPECT_TRUE(Serves(options));
}

}  // namespace
}  // namespace ming::reverse
