// Who may be a client of ServerCore: token and certificate, a second client, several clients.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ming/reverse/server_core.h"

#include "fake_token_key.h"
#include "server_core_fixture.h"

namespace ming::reverse {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ServerClientsTest : public ServerCoreTest {};

TEST_F(ServerClientsTest, RefusesWhoDoesNotProveTheToken) {
  const FakeTokenKey key("s3cret");
  Use({}, &key);
  EXPECT_TRUE(Has(Connect(1, "RT1 CONTROL id=home\n"), "send 1 ERR AUTH token"));
  codec::ReverseControl line;
  line.params.Add("id", "home");
  SignControl(key, random_, "home", line.params);
  const std::string text = codec::SerializeReverseLine(codec::ReverseFirstLine(line));
  EXPECT_TRUE(Has(Connect(2, text), "client-up home"));
  EXPECT_TRUE(Has(Connect(3, text), "send 3 ERR AUTH seen before"));
}

TEST_F(ServerClientsTest, RefusesADataConnectionThatDoesNotProveTheToken) {
  const FakeTokenKey key("s3cret");
  Use({}, &key);
  codec::ReverseControl control;
  SignControl(key, random_, "default", control.params);
  Connect(1, codec::SerializeReverseLine(codec::ReverseFirstLine(control)));
  const std::string conn = ConnOf(Call(1));
  EXPECT_TRUE(Has(Connect(2, "RT1 DATA " + conn + "\n"), "send 2 ERR AUTH token"));
  const std::string unknown(32, '0');
  EXPECT_TRUE(Has(Connect(3, "RT1 DATA " + unknown + "\n"), "send 3 ERR AUTH token"))
      << "strangers do not learn which ids exist";
  EXPECT_TRUE(Has(Connect(4, "RT1 DATA " + conn + " mac=" + key.Mac("RT1|DATA|" + conn) + "\n"),
                  "send 4 OK"));
}

TEST_F(ServerClientsTest, RefusesLinksWithoutACertificateBeforeItLooksAtTheirLine) {
  ServerCoreOptions options;
  options.client_certificates = true;
  Use(options);
  EXPECT_TRUE(Has(Connect(1, "RT1 CONTROL id=home\n"), "send 1 ERR AUTH certificate"));
  EXPECT_TRUE(Has(Connect(2, "nonsense\n"), "send 2 ERR AUTH certificate"));
}

TEST_F(ServerClientsTest, TakesTheIdThatTheCertificateNamesAndNoOther) {
  ServerCoreOptions options;
  options.client_certificates = true;
  Use(options);
  const auto connect = [this](uint64_t link, const std::string& name, const std::string& line) {
    core_->HandleLink(now_, LinkId(link), "192.0.2.1");
    core_->HandleLinkName(LinkId(link), name);
    Say(link, line);
    return Events();
  };
  EXPECT_NE(Line(connect(1, "home", "RT1 CONTROL id=office\n"), "send 1 ERR AUTH"), "");
  EXPECT_TRUE(Has(connect(2, "home", "RT1 CONTROL id=home\n"), "client-up home"));
  const std::string conn = ConnOf(Call(1));
  EXPECT_NE(Line(connect(3, "office", "RT1 DATA " + conn + "\n"), "send 3 ERR AUTH"), "");
  EXPECT_TRUE(Has(connect(4, "home", "RT1 DATA " + conn + "\n"), "send 4 OK"));
}

TEST_F(ServerClientsTest, RefusesASecondClientWhileTheFirstLives) {
  Connect(1, "RT1 CONTROL id=first\n");
  auto events = Connect(2, "RT1 CONTROL id=second\n");
  EXPECT_EQ(events, std::vector<std::string>{"send 1 PING 1"});
  Say(1, "PONG 1\n");
  events = Events();
  EXPECT_TRUE(Has(events, "send 2 ERR BUSY another client is connected"));
  EXPECT_TRUE(Has(events, "end 2"));
  EXPECT_TRUE(Has(events, "client-busy second"));
  EXPECT_TRUE(Pass(seconds(3)).empty());
}

TEST_F(ServerClientsTest, LetsASilentClientBeSucceeded) {
  Connect(1, "RT1 CONTROL id=first\n");
  Connect(2, "RT1 CONTROL id=second\n");
  Pass(seconds(1));
  Connect(3, "RT1 CONTROL id=third\n");
  EXPECT_TRUE(Pass(milliseconds(1999)).empty());
  const auto events = Pass(milliseconds(1));
  EXPECT_TRUE(Has(events, "client-down first control-lost"));
  EXPECT_TRUE(Has(events, "client-up second"));
  EXPECT_TRUE(Has(events, "send 3 ERR BUSY another client is connected"));
}

TEST_F(ServerClientsTest, ForgetsANewcomerThatLeaves) {
  Connect(1, "RT1 CONTROL id=first\n");
  Connect(2, "RT1 CONTROL id=second\n");
  core_->HandleLinkEnd(now_, LinkId(2));
  EXPECT_EQ(Events(), std::vector<std::string>{"end 2"});
  EXPECT_TRUE(Pass(seconds(3)).empty());
  EXPECT_EQ(core_->client_count(), 1u);
}

TEST_F(ServerClientsTest, BoundsClientsThatWaitForAProbe) {
  ServerCoreOptions options;
  options.max_handshakes = 3;
  options.max_handshakes_per_address = 2;
  Use(options);
  Connect(1, "RT1 CONTROL\n");
  EXPECT_FALSE(Has(Connect(2, "RT1 CONTROL\n", "192.0.2.2"), "client-busy default"));
  EXPECT_FALSE(Has(Connect(3, "RT1 CONTROL\n", "192.0.2.2"), "client-busy default"));
  EXPECT_TRUE(Has(Connect(4, "RT1 CONTROL\n", "192.0.2.2"), "client-busy default"));
  EXPECT_FALSE(Has(Connect(5, "RT1 CONTROL\n", "192.0.2.3"), "client-busy default"));
  const auto events = Connect(6, "RT1 CONTROL\n", "192.0.2.4");
  EXPECT_TRUE(Has(events, "send 6 ERR BUSY another client is connected"));
  EXPECT_TRUE(Has(events, "end 6"));
  EXPECT_TRUE(Has(Pass(seconds(3)), "client-up default"));
}

TEST_F(ServerClientsTest, ReplacesWhereAskedTo) {
  ServerCoreOptions options;
  options.second_client = SecondClient::kReplace;
  Use(options);
  Connect(1, "RT1 CONTROL id=first\n");
  const auto events = Connect(2, "RT1 CONTROL id=second\n");
  EXPECT_TRUE(Has(events, "send 1 BYE replaced"));
  EXPECT_TRUE(Has(events, "end 1"));
  EXPECT_TRUE(Has(events, "client-up second"));
}

class SeveralClientsTest : public ServerCoreTest {
 protected:
  SeveralClientsTest() {
    ServerCoreOptions options;
    options.listeners = {{ClientSelector::Kind::kId, "alpha"},
                         {ClientSelector::Kind::kId, "beta"},
                         {ClientSelector::Kind::kLabel, "web"}};
    Use(options);
  }
};

TEST_F(SeveralClientsTest, EachListenerHasItsClient) {
  Connect(1, "RT1 CONTROL id=alpha\n");
  Connect(2, "RT1 CONTROL id=beta\n");
  EXPECT_NE(Line(Call(1, 0), "send 1 NEW_CONN"), "");
  EXPECT_NE(Line(Call(2, 1), "send 2 NEW_CONN"), "");
  EXPECT_EQ(ConnOf(Call(3, 2)), "");
  EXPECT_NE(Line(Connect(3, "RT1 CONTROL id=gamma label=db,web\n"), "send 3 NEW_CONN"), "");
}

TEST_F(SeveralClientsTest, KnowsAClientThatNoListenerIsFor) {
  EXPECT_TRUE(Has(Connect(1, "RT1 CONTROL id=alpha label=x\n"), "client-up alpha"));
  EXPECT_TRUE(Has(Connect(2, "RT1 CONTROL id=other label=x,web\n"), "client-up other"));
  EXPECT_TRUE(Has(Connect(3, "RT1 CONTROL id=web label=alpha\n"), "client-up web for nobody"));
}

TEST_F(SeveralClientsTest, ALabelSpreadsByRelays) {
  Connect(1, "RT1 CONTROL id=one label=web\n");
  Connect(2, "RT1 CONTROL id=two label=web\n");
  size_t of_first = 0;
  for (uint64_t caller = 1; caller <= 10; ++caller) {
    const auto events = Call(caller, 2);
    if (!Line(events, "send 1 NEW_CONN").empty()) ++of_first;
    Connect(100 + caller, "RT1 DATA " + ConnOf(events) + "\n");
  }
  EXPECT_EQ(of_first, 5u);
}

TEST_F(SeveralClientsTest, ALabelSpreadsCallersThatComeAtOnce) {
  Connect(1, "RT1 CONTROL id=web1 label=web\n");
  Connect(2, "RT1 CONTROL id=web2 label=web\n");
  std::vector<std::string> first;
  for (uint64_t caller = 1; caller <= 10; ++caller) {
    const auto events = Call(caller, 2);
    if (!Line(events, "send 1 NEW_CONN").empty()) first.push_back(ConnOf(events));
  }
  EXPECT_EQ(first.size(), 5u);
  // What has failed counts no more.
  for (const std::string& conn : first) Say(1, "CLOSE " + conn + " target-refused\n");
  Events();
  for (uint64_t caller = 11; caller <= 15; ++caller) {
    EXPECT_NE(Line(Call(caller, 2), "send 1 NEW_CONN"), "") << caller;
  }
}

TEST_F(SeveralClientsTest, OneClientForEachId) {
  Connect(1, "RT1 CONTROL id=alpha\n");
  EXPECT_TRUE(Has(Connect(2, "RT1 CONTROL id=alpha\n"), "send 1 PING 1"));
  EXPECT_TRUE(Has(Connect(3, "RT1 CONTROL id=beta\n"), "client-up beta"));
}

TEST_F(SeveralClientsTest, AnotherOfTheLabelTakesOverALostOnesCallers) {
  Connect(1, "RT1 CONTROL id=one label=web\n");
  Connect(2, "RT1 CONTROL id=two label=web\n");
  Call(1, 2);
  core_->HandleLinkEnd(now_, LinkId(1));
  EXPECT_NE(Line(Events(), "send 2 NEW_CONN"), "");
}

TEST_F(SeveralClientsTest, CannotEndTheCallerOfAnother) {
  Connect(1, "RT1 CONTROL id=alpha\n");
  Connect(2, "RT1 CONTROL id=beta\n");
  const std::string conn = ConnOf(Call(1, 0));
  Say(2, "CLOSE " + conn + " denied\n");
  EXPECT_TRUE(Events().empty());
}

}  // namespace
}  // namespace ming::reverse
