#include "ming/net/rtnetlink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <variant>
#include <vector>

#include "netlink_bytes.h"

namespace ming::net {
namespace {

constexpr uint32_t kUp = IFF_UP | IFF_RUNNING;

std::vector<NetlinkReport> Parse(const std::string& bytes) {
  Result<std::vector<NetlinkReport>> reports = ParseNetlink(ByteSpan(bytes));
  EXPECT_TRUE(reports.ok()) << reports.status().ToString();
  return reports.ok() ? *reports : std::vector<NetlinkReport>();
}

template <typename T>
T ParseOne(const std::string& bytes) {
  const std::vector<NetlinkReport> reports = Parse(bytes);
  EXPECT_EQ(reports.size(), 1u);
  if (reports.size() != 1 || !std::holds_alternative<T>(reports[0].what)) {
    ADD_FAILURE() << "another report";
    return T();
  }
  return std::get<T>(reports[0].what);
}

TEST(RtnetlinkTest, ReadsLinks) {
  const LinkReport up = ParseOne<LinkReport>(LinkMessage(RTM_NEWLINK, 3, kUp));
  EXPECT_EQ(up.link, LinkIndex(3));
  EXPECT_EQ(up.news, NetlinkNews::kPresent);
  EXPECT_TRUE(up.operational);
  EXPECT_FALSE(up.loopback);
  EXPECT_FALSE(ParseOne<LinkReport>(LinkMessage(RTM_NEWLINK, 3, IFF_UP)).operational);
  EXPECT_FALSE(ParseOne<LinkReport>(LinkMessage(RTM_NEWLINK, 3, IFF_RUNNING)).operational);
  EXPECT_TRUE(ParseOne<LinkReport>(LinkMessage(RTM_NEWLINK, 1, kUp | IFF_LOOPBACK)).loopback);
  EXPECT_EQ(ParseOne<LinkReport>(LinkMessage(RTM_DELLINK, 3, 0)).news, NetlinkNews::kGone);
}

TEST(RtnetlinkTest, ReadsAddressesOfBothFamilies) {
  const auto v4 = ParseOne<AddressReport>(AddressMessage(RTM_NEWADDR, 2, "192.0.2.7"));
  EXPECT_EQ(v4.link, LinkIndex(2));
  EXPECT_EQ(v4.address.ToString(), "192.0.2.7");
  EXPECT_TRUE(v4.usable);
  const auto v6 = ParseOne<AddressReport>(AddressMessage(RTM_DELADDR, 2, "2001:db8::7"));
  EXPECT_EQ(v6.address.ToString(), "2001:db8::7");
  EXPECT_EQ(v6.news, NetlinkNews::kGone);
}

TEST(RtnetlinkTest, TakesOurOwnAddressOfAPointToPointLink) {
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_index = 5;
  const std::string bytes =
      Message(RTM_NEWADDR, RawBytes(body) + Attribute(IFA_ADDRESS, AddressBytes("10.0.0.2")) +
                               Attribute(IFA_LOCAL, AddressBytes("10.0.0.1")));
  EXPECT_EQ(ParseOne<AddressReport>(bytes).address.ToString(), "10.0.0.1");
}

TEST(RtnetlinkTest, TentativeAndDuplicateAddressesAreNotUsable) {
  const auto usable = [](uint32_t flags) {
    return ParseOne<AddressReport>(AddressMessage(RTM_NEWADDR, 2, "2001:db8::7", flags)).usable;
  };
  EXPECT_FALSE(usable(IFA_F_TENTATIVE));
  EXPECT_FALSE(usable(IFA_F_DADFAILED));
  EXPECT_TRUE(usable(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC));
  EXPECT_TRUE(usable(IFA_F_PERMANENT));
  EXPECT_TRUE(usable(IFA_F_DEPRECATED));
}

TEST(RtnetlinkTest, ReadsRoutes) {
  const auto route = ParseOne<RouteReport>(RouteMessage(RTM_NEWROUTE, {0, 4, "192.0.2.1"}));
  EXPECT_EQ(route.prefix_length, 0);
  EXPECT_EQ(route.link, LinkIndex(4));
  EXPECT_EQ(route.gateway->ToString(), "192.0.2.1");
  const auto bare = ParseOne<RouteReport>(RouteMessage(RTM_DELROUTE, {24, 0, ""}));
  EXPECT_EQ(bare.news, NetlinkNews::kGone);
  EXPECT_EQ(bare.prefix_length, 24);
  EXPECT_FALSE(bare.link.has_value());
  EXPECT_FALSE(bare.gateway.has_value());
}

TEST(RtnetlinkTest, ReadsEndsAndRefusals) {
  const std::vector<NetlinkReport> reports =
      Parse(DoneMessage({7, 99}) + ErrorMessage(ENETUNREACH, {8, 99}));
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<DumpEnd>(reports[0].what));
  EXPECT_EQ(reports[0].sequence, 7u);
  EXPECT_EQ(reports[0].port_id, 99u);
  EXPECT_EQ(std::get<NetlinkRefusal>(reports[1].what).error_number, ENETUNREACH);
}

TEST(RtnetlinkTest, LeavesOutWhatItDoesNotKnow) {
  ifinfomsg bridge_port{};
  bridge_port.ifi_family = AF_BRIDGE;
  bridge_port.ifi_index = 4;
  EXPECT_TRUE(Parse(Message(RTM_NEWLINK, RawBytes(bridge_port))).empty());
  EXPECT_TRUE(Parse(Message(RTM_NEWNEIGH, "some neighbour..")).empty());
  EXPECT_TRUE(Parse("").empty());
  EXPECT_EQ(Parse(Message(NLMSG_NOOP, "") + LinkMessage(RTM_NEWLINK, 3, kUp)).size(), 1u);
}

TEST(RtnetlinkTest, EveryTruncationIsMalformed) {
  const std::string whole = AddressMessage(RTM_NEWADDR, 2, "192.0.2.7");
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseNetlink(ByteSpan(whole).First(size)).ok()) << size;
  }
}

TEST(RtnetlinkTest, LengthsThatDoNotFitAreMalformed) {
  std::string attribute_too_long = AddressMessage(RTM_NEWADDR, 2, "192.0.2.7");
  const uint16_t length = 60;
  std::memcpy(attribute_too_long.data() + sizeof(nlmsghdr) + sizeof(ifaddrmsg), &length,
              sizeof(length));
  EXPECT_FALSE(ParseNetlink(ByteSpan(attribute_too_long)).ok());
  std::string header_too_short = LinkMessage(RTM_NEWLINK, 3, kUp);
  const uint32_t four = 4;
  std::memcpy(header_too_short.data(), &four, sizeof(four));
  EXPECT_FALSE(ParseNetlink(ByteSpan(header_too_short)).ok());
}

TEST(RtnetlinkTest, AsksAsTheKernelWantsToBeAsked) {
  const ByteBuffer links = MakeLinkDump(5);
  nlmsghdr header{};
  ASSERT_GE(links.size(), sizeof(header) + sizeof(ifinfomsg));
  std::memcpy(&header, links.data(), sizeof(header));
  EXPECT_EQ(header.nlmsg_len, links.size());
  EXPECT_EQ(header.nlmsg_type, RTM_GETLINK);
  EXPECT_EQ(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
  EXPECT_EQ(header.nlmsg_seq, 5u);

  const ByteBuffer query = MakeRouteQuery(6, *IpAddress::Parse("2001:db8::1"));
  const std::string expected_destination = Attribute(RTA_DST, AddressBytes("2001:db8::1"));
  std::memcpy(&header, query.data(), sizeof(header));
  EXPECT_EQ(header.nlmsg_len, query.size());
  EXPECT_EQ(header.nlmsg_type, RTM_GETROUTE);
  EXPECT_EQ(header.nlmsg_flags, NLM_F_REQUEST);
  EXPECT_EQ(query.span().Skip(sizeof(nlmsghdr) + sizeof(rtmsg)).AsText(), expected_destination);
}

}  // namespace
}  // namespace ming::net
