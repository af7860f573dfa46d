#include "ming/net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using testing::ElementsAre;

// getaddrinfo takes the old short forms of an address, which ours does not: names that need the
// worker, and no name server.
constexpr char kShortForm[] = "127.1";
constexpr char kOtherShortForm[] = "127.2";

class ResolverTest : public ReactorFixture {
 protected:
  using Answer = std::optional<Result<std::vector<SocketAddress>>>;

  std::unique_ptr<Resolver::Request> Ask(Resolver& resolver, const std::string& host,
                                         Answer& answer) {
    return resolver.Resolve(host, Port(80), [&answer](Result<std::vector<SocketAddress>> result) {
      ASSERT_FALSE(answer.has_value()) << "two answers";
      answer.emplace(std::move(result));
    });
  }

  static std::vector<std::string> TextOf(const Answer& answer) {
    std::vector<std::string> texts;
    for (const auto& address : answer->value()) texts.push_back(address.ToString());
    return texts;
  }

  std::vector<std::string> AskAndWait(const std::string& host) {
    Resolver resolver(reactor_);
    Answer answer;
    const auto request = Ask(resolver, host, answer);
    EXPECT_FALSE(answer.has_value()) << "answered inside the call";
    reactor_.Run();
    EXPECT_TRUE(answer.has_value());
    return TextOf(answer);
  }

  Status AskAndFail(const std::string& host) {
    Resolver resolver(reactor_);
    Answer answer;
    const auto request = Ask(resolver, host, answer);
    reactor_.Run();
    return answer ? answer->status() : Status::Ok();
  }
};

TEST_F(ResolverTest, AnswersNumericAddressesFromTheLoop) {
  EXPECT_THAT(AskAndWait("192.0.2.7"), ElementsAre("192.0.2.7:80"));
  EXPECT_THAT(AskAndWait("2001:db8::7"), ElementsAre("[2001:db8::7]:80"));
  EXPECT_THAT(AskAndWait("fe80::1%lo"), ElementsAre("[fe80::1%1]:80"));
}

TEST_F(ResolverTest, LocalhostIsLoopbackWhateverTheSystemSays) {
  EXPECT_THAT(AskAndWait("localhost"), ElementsAre("127.0.0.1:80", "[::1]:80"));
  EXPECT_THAT(AskAndWait(""), ElementsAre("127.0.0.1:80", "[::1]:80"));
}

TEST_F(ResolverTest, TheWorkerAnswersNames) {
  EXPECT_THAT(AskAndWait(kShortForm), ElementsAre("127.0.0.1:80"));
}

TEST_F(ResolverTest, NamesThatCannotBeAreRefused) {
  EXPECT_EQ(AskAndFail(std::string(64, 'a') + ".example").code(), StatusCode::kUnavailable);
  EXPECT_EQ(AskAndFail(std::string(254, 'a')).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(AskAndFail(std::string("a\0b", 3)).code(), StatusCode::kInvalidArgument);
}

TEST_F(ResolverTest, SameNamesShareALookupAndAllAreAnswered) {
  Resolver resolver(reactor_);
  std::vector<Answer> answers(10);
  std::vector<std::unique_ptr<Resolver::Request>> requests(answers.size());
  for (size_t i = 0; i < answers.size(); ++i) requests[i] = Ask(resolver, kShortForm, answers[i]);
  reactor_.Run();
  for (const auto& answer : answers) EXPECT_THAT(TextOf(answer), ElementsAre("127.0.0.1:80"));
}

TEST_F(ResolverTest, DestroyedRequestIsNotAnswered) {
  Resolver resolver(reactor_);
  Answer lookup;
  Answer numeric;
  Answer kept;
  auto first = Ask(resolver, kShortForm, lookup);
  auto second = Ask(resolver, "127.0.0.1", numeric);
  const auto third = Ask(resolver, kShortForm, kept);
  first.reset();
  second.reset();
  reactor_.Run();
  EXPECT_FALSE(lookup.has_value());
  EXPECT_FALSE(numeric.has_value());
  EXPECT_TRUE(kept.has_value());
}

TEST_F(ResolverTest, CancelledLookupDoesNotKeepTheLoopRunning) {
  Resolver resolver(reactor_);
  Answer answer;
  Ask(resolver, kShortForm, answer).reset();
  reactor_.Run();
  EXPECT_FALSE(answer.has_value());
}

TEST_F(ResolverTest, ResolverMayGoWhileItsWorkerIsBusy) {
  for (int i = 0; i < 50; ++i) {
    auto resolver = std::make_unique<Resolver>(reactor_);
    Answer answer;
    auto request = Ask(*resolver, kShortForm, answer);
    request.reset();
    resolver.reset();
    reactor_.Run();  // an answer on its way reaches nobody
    EXPECT_FALSE(answer.has_value());
  }
}

TEST_F(ResolverTest, CallbackMayDestroyItsOwnAndOtherRequests) {
  Resolver resolver(reactor_);
  std::unique_ptr<Resolver::Request> first;
  std::unique_ptr<Resolver::Request> second;
  int answers = 0;
  const auto destroy_both = [&](const Result<std::vector<SocketAddress>>&) {
    ++answers;
    first.reset();
    second.reset();
  };
  first = resolver.Resolve(kShortForm, Port(1), destroy_both);
  second = resolver.Resolve(kShortForm, Port(2), destroy_both);
  reactor_.Run();
  EXPECT_EQ(answers, 1);
}

TEST_F(ResolverTest, CallbackMayAskForTheSameNameAgain) {
  Resolver resolver(reactor_);
  Answer again;
  std::unique_ptr<Resolver::Request> second;
  const auto first =
      resolver.Resolve(kShortForm, Port(1), [&](const Result<std::vector<SocketAddress>>&) {
        second = Ask(resolver, kShortForm, again);
      });
  reactor_.Run();
  EXPECT_TRUE(again.has_value());
}

// A name server of the test's own: it answers, denies, or is silent until it is let go.
class KnownNamesTest : public ResolverTest {
 public:
  ~KnownNamesTest() override { Say(Status(StatusCode::kUnavailable, "gone")); }

 protected:
  // Shared with the worker's thread, which may outlive the resolver.
  struct Server {
    std::mutex mutex;
    std::condition_variable changed;
    bool silent = false;
    Result<std::vector<SocketAddress>> answer = Status(StatusCode::kUnavailable, "no such name");
  };

  void Say(const Result<std::vector<SocketAddress>>& answer) {
    const std::lock_guard<std::mutex> lock(server_->mutex);
    server_->silent = false;
    server_->answer = answer;
    server_->changed.notify_all();
  }
  void FallSilent() {
    const std::lock_guard<std::mutex> lock(server_->mutex);
    server_->silent = true;
  }
  static std::vector<SocketAddress> Address(const char* text) {
    return {SocketAddress(*IpAddress::Parse(text))};
  }

  Result<std::vector<SocketAddress>> AskNow(Resolver& resolver,
                                            const std::string& name = "server") {
    Answer answer;
    const auto request = Ask(resolver, name, answer);
    EXPECT_TRUE(RunUntil([&] { return answer.has_value(); }));
    return *answer;
  }
  std::unique_ptr<Resolver> MakeResolver(const ResolverOptions& options = ResolverOptions()) {
    return std::make_unique<Resolver>(reactor_, options, [server = server_](const std::string&) {
      std::unique_lock<std::mutex> lock(server->mutex);
      server->changed.wait(lock, [&] { return !server->silent; });
      return server->answer;
    });
  }

  const std::shared_ptr<Server> server_ = std::make_shared<Server>();
};

TEST_F(KnownNamesTest, AFailedLookupIsAnsweredWithWhatTheNameWas) {
  const auto resolver = MakeResolver();
  EXPECT_FALSE(AskNow(*resolver).ok());
  Say(Address("192.0.2.1"));
  EXPECT_THAT(AskNow(*resolver).value(),
              ElementsAre(SocketAddress::ParseHost("192.0.2.1", Port(80))));
  Say(Status(StatusCode::kUnavailable, "no server"));
  EXPECT_THAT(AskNow(*resolver).value(),
              ElementsAre(SocketAddress::ParseHost("192.0.2.1", Port(80))));
  EXPECT_FALSE(AskNow(*resolver, "another").ok());
}

TEST_F(KnownNamesTest, ASlowLookupIsNotWaitedFor) {
  ResolverOptions options;
  options.stale_after = std::chrono::milliseconds(20);
  const auto resolver = MakeResolver(options);
  Say(Address("192.0.2.1"));
  EXPECT_TRUE(AskNow(*resolver).ok());
  FallSilent();
  EXPECT_TRUE(AskNow(*resolver).ok());
  EXPECT_TRUE(AskNow(*resolver).ok());  // joins the lookup that hangs
}

TEST_F(KnownNamesTest, ANewAddressIsTakenUp) {
  const auto resolver = MakeResolver();
  Say(Address("192.0.2.1"));
  EXPECT_TRUE(AskNow(*resolver).ok());
  Say(Address("192.0.2.2"));
  EXPECT_THAT(AskNow(*resolver).value(),
              ElementsAre(SocketAddress::ParseHost("192.0.2.2", Port(80))));
}

TEST_F(KnownNamesTest, KnowsNoMoreNamesThanItsLimit) {
  ResolverOptions options;
  options.max_known = 2;
  const auto resolver = MakeResolver(options);
  Say(Address("192.0.2.1"));
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(AskNow(*resolver, name).ok());
  Say(Status(StatusCode::kUnavailable, "no server"));
  int known = 0;
  for (const char* name : {"a", "b", "c"}) known += AskNow(*resolver, name).ok() ? 1 : 0;
  EXPECT_EQ(known, 2);
}

TEST_F(KnownNamesTest, OldAddressesExpire) {
  ResolverOptions options;
  options.stale_limit = Duration::zero();
  const auto resolver = MakeResolver(options);
  Say(Address("192.0.2.1"));
  EXPECT_TRUE(AskNow(*resolver).ok());
  Say(Status(StatusCode::kUnavailable, "no server"));
  // The clock of the loop has moved on.
  EXPECT_FALSE(AskNow(*resolver).ok());
}

TEST_F(ResolverTest, WaitingRequestsAreBounded) {
  ResolverOptions options;
  options.max_waiting = 2;
  Resolver resolver(reactor_, options);
  Answer below;
  Answer at;
  Answer above;
  Answer numeric;
  const auto first = Ask(resolver, kShortForm, below);
  const auto second = Ask(resolver, kOtherShortForm, at);
  const auto third = Ask(resolver, kShortForm, above);
  const auto fourth = Ask(resolver, "127.0.0.1", numeric);
  reactor_.Run();
  EXPECT_TRUE(below->ok());
  EXPECT_TRUE(at->ok());
  EXPECT_EQ(above->status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(numeric->ok());
}

}  // namespace
}  // namespace ming::net
