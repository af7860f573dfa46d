#include "ming/net/network_view_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "netlink_bytes.h"

namespace ming::net {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kOurPort = 4711;
constexpr uint32_t kUp = IFF_UP | IFF_RUNNING;

// A kernel that answers dumps and route queries from what the test put into it.
class NetworkViewCoreTest : public testing::Test {
 protected:
  NetworkViewCoreTest() : core_({}, kOurPort) {}

  void StartWith(std::vector<std::string> links, std::vector<std::string> addresses) {
    links_ = std::move(links);
    dumped_addresses_ = std::move(addresses);
    core_.Start(now_);
    Serve();
    EXPECT_THAT(changes_, IsEmpty());
  }

  void Feed(const std::string& bytes) {
    core_.HandleDatagram(now_, ByteSpan(bytes));
    Serve();
  }

  void Pass(Duration duration) {
    const Timestamp end = now_ + duration;
    while (core_.NextTimeout() <= end) {
      now_ = std::max(now_, core_.NextTimeout());
      core_.HandleTimeout(now_);
      Serve();
    }
    now_ = end;
  }

  // Answers what the core asks; collects what it reports.
  void Serve() {
    while (std::optional<NetworkViewEvent> event = core_.PollEvent()) {
      if (auto* change = std::get_if<NetworkChange>(&*event)) {
        changes_.push_back(change->ToString());
      } else {
        requests_.push_back(std::string(std::get<SendNetlink>(*event).request.AsText()));
        if (answering_) Answer(requests_.back());
      }
      EXPECT_TRUE(core_.IsConsistent());
    }
  }

  void Answer(const std::string& request) {
    nlmsghdr header{};
    std::memcpy(&header, request.data(), sizeof(header));
    const Caller us{header.nlmsg_seq, kOurPort};
    if (header.nlmsg_type == RTM_GETROUTE) {
      const bool v4 = static_cast<uint8_t>(request[sizeof(header)]) == AF_INET;
      const std::string answer = v4 && !gateway_.empty()
                                     ? RouteMessage(RTM_NEWROUTE, {32, 2, gateway_}, us)
                                     : ErrorMessage(ENETUNREACH, us);
      core_.HandleDatagram(now_, ByteSpan(answer));
      return;
    }
    const auto& all = header.nlmsg_type == RTM_GETLINK ? links_ : dumped_addresses_;
    for (const std::string& one : all) core_.HandleDatagram(now_, ByteSpan(one));
    core_.HandleDatagram(now_, ByteSpan(DoneMessage(us)));
  }

  static std::string Link(int index, uint32_t flags) {
    return LinkMessage(RTM_NEWLINK, index, flags);
  }
  static std::string Address(uint32_t index, const std::string& address, uint32_t flags = 0) {
    return AddressMessage(RTM_NEWADDR, index, address, flags);
  }

  NetworkViewCore core_;
  Timestamp now_{std::chrono::seconds(1)};
  std::vector<std::string> links_;
  std::vector<std::string> dumped_addresses_;
  std::string gateway_ = "192.0.2.1";
  bool answering_ = true;
  std::vector<std::string> requests_;
  std::vector<std::string> changes_;
};

TEST_F(NetworkViewCoreTest, WhatIsThereAtTheStartIsNoChange) {
  StartWith({Link(1, kUp | IFF_LOOPBACK), Link(2, kUp)},
            {Address(1, "127.0.0.1"), Address(2, "192.0.2.7"), Address(2, "fe80::7"),
             Address(2, "2001:db8::7")});
  ASSERT_EQ(core_.addresses().size(), 2u);
  Pass(std::chrono::seconds(5));
  EXPECT_THAT(changes_, IsEmpty());
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(NetworkViewCoreTest, ReportsAnAddressThatCame) {
  StartWith({Link(2, kUp)}, {Address(2, "192.0.2.7")});
  Feed(Address(2, "192.0.2.8"));
  Pass(milliseconds(99));
  EXPECT_THAT(changes_, IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(changes_, ElementsAre("192.0.2.8 added"));
}

TEST_F(NetworkViewCoreTest, RoamingIsOneChange) {
  StartWith({Link(2, kUp)}, {Address(2, "192.0.2.7")});
  Feed(AddressMessage(RTM_DELADDR, 2, "192.0.2.7"));
  Pass(milliseconds(60));
  Feed(Address(2, "198.51.100.7"));
  Pass(milliseconds(60));
  gateway_ = "198.51.100.1";
  Feed(RouteMessage(RTM_NEWROUTE, {0, 2, gateway_}));
  Pass(std::chrono::seconds(5));
  EXPECT_THAT(changes_, ElementsAre("198.51.100.7 added, 192.0.2.7 removed, other default route"));
}

TEST_F(NetworkViewCoreTest, NewsThatDoNotEndAreReportedInTime) {
  StartWith({Link(2, kUp)}, {});
  for (int i = 1; i <= 30; ++i) {
    Feed(Address(2, "192.0.2." + std::to_string(i)));
    Pass(milliseconds(50));
  }
  EXPECT_GE(changes_.size(), 4u);
}

TEST_F(NetworkViewCoreTest, IgnoresNoise) {
  StartWith({Link(1, kUp | IFF_LOOPBACK), Link(2, kUp)}, {Address(2, "192.0.2.7")});
  Feed(Address(1, "127.0.0.2"));
  Feed(Address(1, "10.9.9.9"));  // of the loopback link
  Feed(Address(2, "192.0.2.7"));
  Feed(Address(2, "fe80::1"));
  Feed(Address(2, "2001:db8::9", IFA_F_TENTATIVE));
  Feed(Address(2, "2001:db8::a", IFA_F_DADFAILED));
  Feed(Link(2, kUp));
  Feed(Link(3, IFF_UP));
  Feed(RouteMessage(RTM_NEWROUTE, {24, 2, ""}));
  Feed(RouteMessage(RTM_NEWROUTE, {0, 2, "192.0.2.1"}));  // as before
  Pass(std::chrono::seconds(5));
  EXPECT_THAT(changes_, IsEmpty());
}

TEST_F(NetworkViewCoreTest, RoutesOfOtherNetworksCostNoQuestion) {
  StartWith({Link(2, kUp)}, {Address(2, "192.0.2.7")});
  const size_t asked = requests_.size();
  for (int i = 0; i < 1000; ++i) Feed(RouteMessage(RTM_NEWROUTE, {16, 2, "192.0.2.1"}));
  Pass(std::chrono::seconds(5));
  EXPECT_EQ(requests_.size(), asked);
}

TEST_F(NetworkViewCoreTest, AnAddressThatPassedItsCheckIsNews) {
  StartWith({Link(2, kUp)}, {Address(2, "2001:db8::9", IFA_F_TENTATIVE)});
  Feed(Address(2, "2001:db8::9", IFA_F_PERMANENT));
  Pass(std::chrono::seconds(1));
  EXPECT_THAT(changes_, ElementsAre("2001:db8::9 added"));
}

TEST_F(NetworkViewCoreTest, ALinkTakesItsAddressesWithIt) {
  StartWith({Link(2, kUp)}, {Address(2, "192.0.2.7")});
  Feed(Link(2, IFF_UP));  // the cable was pulled
  Pass(std::chrono::seconds(1));
  Feed(Link(2, kUp));
  Pass(std::chrono::seconds(1));
  EXPECT_THAT(changes_, ElementsAre("192.0.2.7 removed", "192.0.2.7 added"));
}

TEST_F(NetworkViewCoreTest, ALinkThatIsDeletedTakesItsAddressesWithIt) {
  StartWith({Link(2, kUp), Link(3, kUp)}, {Address(2, "192.0.2.7"), Address(3, "192.0.2.7")});
  Feed(LinkMessage(RTM_DELLINK, 2, 0));
  Pass(std::chrono::seconds(1));
  EXPECT_THAT(changes_, IsEmpty());  // the other one has it, too
  Feed(LinkMessage(RTM_DELLINK, 3, 0));
  Pass(std::chrono::seconds(1));
  EXPECT_THAT(changes_, ElementsAre("192.0.2.7 removed"));
}

TEST_F(NetworkViewCoreTest, ReportsOtherDefaultRoutes) {
  StartWith({Link(2, kUp)}, {Address(2, "192.0.2.7")});
  gateway_ = "192.0.2.254";
  Feed(RouteMessage(RTM_NEWROUTE, {0, 2, gateway_}));
  Pass(std::chrono::seconds(1));
  gateway_.clear();
  Feed(RouteMessage(RTM_DELROUTE, {0, 2, "192.0.2.254"}));
  Pass(std::chrono::seconds(1));
  gateway_ = "10.8.0.1";
  Feed(RouteMessage(RTM_NEWROUTE, {1, 2, gateway_}));  // a VPN's half
  Pass(std::chrono::seconds(1));
  EXPECT_THAT(changes_,
              ElementsAre("other default route", "other default route", "other default route"));
}

TEST_F(NetworkViewCoreTest, AsksEverythingAnewAfterAnOverflow) {
  StartWith({Link(2, kUp)}, {Address(2, "192.0.2.7")});
  dumped_addresses_ = {Address(2, "192.0.2.9")};
  core_.HandleOverflow(now_);
  Serve();
  EXPECT_THAT(changes_, ElementsAre("192.0.2.9 added, 192.0.2.7 removed"));
}

TEST_F(NetworkViewCoreTest, NewsDuringTheStartAreTaken) {
  answering_ = false;
  StartWith({Link(2, kUp)}, {});
  Feed(Address(2, "192.0.2.7"));
  answering_ = true;
  Answer(requests_.back());
  Serve();
  EXPECT_THAT(core_.addresses(), ElementsAre(*IpAddress::Parse("192.0.2.7")));
  EXPECT_THAT(changes_, IsEmpty());
}

TEST_F(NetworkViewCoreTest, GoesOnWithoutAnswers) {
  answering_ = false;
  StartWith({}, {});
  Pass(std::chrono::seconds(10));
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
  Feed(Link(2, kUp) + Address(2, "192.0.2.7"));
  Pass(std::chrono::seconds(10));
  EXPECT_THAT(changes_, ElementsAre("192.0.2.7 added"));
}

TEST_F(NetworkViewCoreTest, AnswersToOthersAreNotOurs) {
  answering_ = false;
  StartWith({}, {});
  const size_t asked = requests_.size();
  Feed(DoneMessage({1, kOurPort + 1}));
  Feed(DoneMessage({77, kOurPort}));
  EXPECT_EQ(requests_.size(), asked);
}

TEST_F(NetworkViewCoreTest, HoldsNoMoreThanItsLimits) {
  NetworkViewOptions options;
  options.max_links = 2;
  options.max_addresses = 3;
  NetworkViewCore core(options, kOurPort);
  for (int i = 1; i <= 5; ++i) {
    core.HandleDatagram(now_, ByteSpan(Link(i, kUp)));
    core.HandleDatagram(now_, ByteSpan(Address(1, "192.0.2." + std::to_string(i))));
    EXPECT_TRUE(core.IsConsistent());
  }
  EXPECT_EQ(core.addresses().size(), 3u);
}

TEST_F(NetworkViewCoreTest, MalformedBytesChangeNothing) {
  StartWith({Link(2, kUp)}, {Address(2, "192.0.2.7")});
  Feed("\x05");
  Feed(Address(2, "192.0.2.8").substr(0, 30));
  Pass(std::chrono::seconds(1));
  EXPECT_THAT(changes_, IsEmpty());
}

}  // namespace
}  // namespace ming::net
