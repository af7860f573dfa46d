#include "ming/ws/ws_url.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ming::ws {
namespace {

TEST(WsUrlTest, ParsesAndPrints) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"ws://localhost:8080", "ws://localhost:8080/"},
      {"WSS://Example.com", "wss://Example.com:443/"},
      {"ws://example.com/", "ws://example.com:80/"},
      {"ws://192.0.2.1:1/a/b?c=d&e", "ws://192.0.2.1:1/a/b?c=d&e"},
      {"ws://[2001:db8::1]", "ws://[2001:db8::1]:80/"},
      {"wss://[::1]:8443/x", "wss://[::1]:8443/x"},
      {"ws://h?q", "ws://h:80/?q"},
      {"ws://h:/x", "ws://h:80/x"},
  };
  for (const auto& [text, printed] : cases) {
    const auto url = ParseWsUrl(text);
    ASSERT_TRUE(url.ok()) << text << ": " << url.status().ToString();
    EXPECT_EQ(url->ToString(), printed);
    const auto again = ParseWsUrl(url->ToString());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->ToString(), printed);
  }
}

TEST(WsUrlTest, LeavesTheOwnPortOutOfTheHostHeader) {
  EXPECT_EQ(ParseWsUrl("ws://h:80")->HostHeader(), "h");
  EXPECT_EQ(ParseWsUrl("wss://h:80")->HostHeader(), "h:80");
  EXPECT_EQ(ParseWsUrl("wss://[::1]")->HostHeader(), "[::1]");
  EXPECT_EQ(ParseWsUrl("ws://[::1]:81")->HostHeader(), "[::1]:81");
}

TEST(WsUrlTest, RejectsWhatIsNoWebSocketUrl) {
  const std::vector<std::string> bad = {"",
                                        "localhost:8080",
                                        "http://h",
                                        "ws:/h",
                                        "ws://",
                                        "ws:///x",
                                        "ws://h:0",
                                        "ws://h:65536",
                                        "ws://h:x",
                                        "ws://a@h",
                                        "ws://h/#f",
                                        "ws://h /",
                                        "ws://h\n",
                                        "ws://[::1",
                                        "ws://[x]",
                                        "ws://::1:80",
                                        "ws://h/\xc3",
                                        "ws://:80",
                                        "ws://" + std::string(2048, 'x')};
  for (const std::string& text : bad) {
    const auto url = ParseWsUrl(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.status().code(), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace ming::ws
