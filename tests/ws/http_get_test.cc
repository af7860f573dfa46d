#include "ming/ws/http_get.h"

#include <gmock/gmock.h>

#include "raw_socket.h"
#include "ws_fixture.h"

namespace ming::ws {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class HttpGetTest : public WsTest {
 protected:
  void Start() {
    get_ = HttpGet::Start(*context_, resolver_, get_options_,
                          [this](auto outcome) { answer_ = std::move(outcome); });
  }
  // Runs one request to its end.
  Result<HttpAnswer> Get() {
    Start();
    CHECK(RunUntil([&] { return answer_.has_value(); })) << "no outcome";
    get_.reset();
    return *std::exchange(answer_, std::nullopt);
  }
  // What comes of a server that says `text` and then closes, once it has the request.
  Result<HttpAnswer> GetFrom(const std::string& text) {
    RawListener listener;
    get_options_.server = {"127.0.0.1", listener.port()};
    Start();
    std::optional<RawSocket> raw;
    CHECK(RunUntil([&] {
      if (!raw) raw = listener.Accept();
      if (!raw) return false;
      raw->ReadAll();
      return raw->received().find("\r\n\r\n") != std::string::npos;
    }));
    request_ = raw->received();
    raw->Send(text);
    raw->Close();
    CHECK(RunUntil([&] { return answer_.has_value(); })) << "no outcome";
    get_.reset();
    return *std::exchange(answer_, std::nullopt);
  }

  HttpGetOptions get_options_;
  std::unique_ptr<HttpGet> get_;
  std::optional<Result<HttpAnswer>> answer_;
  std::string request_;
};

TEST_F(HttpGetTest, TakesTheWholeAnswer) {
  Listen();
  get_options_.server = client_options_.url.endpoint;
  get_options_.target = "/healthz";
  const auto answer = Get();
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "text for /healthz\n");
  get_options_.target = "/other?a=b";
  EXPECT_EQ(Get()->status, 404);
  EXPECT_EQ(server_.requests.back().query, "a=b");
}

TEST_F(HttpGetTest, AsksAsRfc9112Wants) {
  get_options_.target = "/readyz";
  ASSERT_TRUE(GetFrom("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").ok());
  EXPECT_THAT(request_, testing::StartsWith("GET /readyz HTTP/1.1\r\n"));
  EXPECT_THAT(request_, HasSubstr("Host: " + get_options_.server.ToString() + "\r\n"));
}

TEST_F(HttpGetTest, UnderstandsChunks) {
  const auto answer = GetFrom(
      "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "abcde");
}

TEST_F(HttpGetTest, NobodyListens) {
  {
    RawListener listener;
    get_options_.server = {"localhost", listener.port()};
  }
  const auto answer = Get();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(answer.status().message(), HasSubstr("http://localhost:"));
}

TEST_F(HttpGetTest, SilenceTimesOut) {
  RawListener listener;
  get_options_.server = {"127.0.0.1", listener.port()};
  get_options_.timeout = milliseconds(100);
  EXPECT_EQ(Get().status().code(), StatusCode::kTimeout);
}

TEST_F(HttpGetTest, AnAnswerCutShortIsNone) {
  EXPECT_EQ(GetFrom("").status().code(), StatusCode::kClosed);
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nContent-Le").status().code(), StatusCode::kClosed);
  EXPECT_EQ(GetFrom("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok").status().code(),
            StatusCode::kClosed);
}

TEST_F(HttpGetTest, OtherProtocolsAreRefused) {
  for (const char* text : {"SSH-2.0-OpenSSH_9.2\r\n", "\r\n\r\n\r\n", "\x15\x03\x01\x02\x02\x02"}) {
    const auto answer = GetFrom(text);
    ASSERT_FALSE(answer.ok()) << text;
    EXPECT_NE(answer.status().code(), StatusCode::kUnavailable);
  }
}

TEST_F(HttpGetTest, LongAnswersAreRefused) {
  get_options_.max_body = 100;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
  EXPECT_TRUE(GetFrom(head + "100\r\n\r\n" + std::string(100, 'x')).ok());
  EXPECT_EQ(GetFrom(head + "101\r\n\r\n" + std::string(101, 'x')).status().code(),
            StatusCode::kResourceExhausted);
}

TEST_F(HttpGetTest, DestroyedBeforeItsEndSaysNothing) {
  RawListener listener;
  get_options_.server = {"127.0.0.1", listener.port()};
  Start();
  std::optional<RawSocket> raw;
  ASSERT_TRUE(RunUntil([&] { return (raw = listener.Accept()).has_value(); }));
  get_.reset();
  EXPECT_TRUE(RunUntil([&] { return raw->ReadAll(); }));
  EXPECT_FALSE(answer_.has_value());
}

TEST(HttpGetOptionsTest, AreChecked) {
  HttpGetOptions options;
  options.server = {"localhost", Port(1)};
  EXPECT_TRUE(Validate(options).empty());
  for (const char* target : {"", "x", "/a b", "/a\r\nX: y", "/\x7f"}) {
    options.target = target;
    EXPECT_EQ(Validate(options).size(), 1u) << target;
  }
  options = {};
  options.timeout = Duration::zero();
  options.max_body = 0;
  EXPECT_EQ(Validate(options).size(), 3u);
}

}  // namespace
}  // namespace ming::ws
