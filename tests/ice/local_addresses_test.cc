#include "ming/ice/local_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::ice {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

InterfaceAddress On(const std::string& interface, const std::string& address) {
  return {interface, IpAddress::Parse(address).value()};
}

std::vector<std::string> Choose(const std::vector<InterfaceAddress>& all,
                                const IceOptions& options) {
  std::vector<std::string> texts;
  for (const IpAddress& ip : ChooseLocalAddresses(all, options)) texts.push_back(ip.ToString());
  return texts;
}

TEST(ChooseLocalAddresses, LeavesOutLinkLocalAndLoopback) {
  EXPECT_THAT(Choose({On("lo", "127.0.0.1"), On("lo", "::1"), On("eth0", "fe80::1"),
                      On("eth0", "169.254.1.1"), On("eth0", "192.0.2.1")},
                     IceOptions()),
              ElementsAre("192.0.2.1"));
}

TEST(ChooseLocalAddresses, UsesLoopbackWhenThereIsNothingElse) {
  EXPECT_THAT(Choose({On("lo", "127.0.0.1"), On("lo", "::1"), On("eth0", "fe80::1")}, IceOptions()),
              ElementsAre("127.0.0.1", "::1"));
}

TEST(ChooseLocalAddresses, AddsLoopbackLastWhenAsked) {
  IceOptions options;
  options.loopback = LoopbackUse::kAlways;
  EXPECT_THAT(Choose({On("lo", "127.0.0.1"), On("eth0", "192.0.2.1")}, options),
              ElementsAre("192.0.2.1", "127.0.0.1"));
}

TEST(ChooseLocalAddresses, KeepsToTheNamedInterfaces) {
  IceOptions options;
  options.interfaces = {"eth1"};
  const std::vector<InterfaceAddress> all = {On("lo", "127.0.0.1"), On("eth0", "192.0.2.1"),
                                             On("eth1", "2001:db8::1")};
  EXPECT_THAT(Choose(all, options), ElementsAre("2001:db8::1"));
  options.interfaces = {"wlan0"};
  EXPECT_THAT(Choose(all, options), IsEmpty());
}

TEST(ChooseLocalAddresses, BoundsTheNumberAndMixesTheFamilies) {
  std::vector<InterfaceAddress> all;
  for (int i = 1; i <= 9; ++i) all.push_back(On("eth0", "192.0.2." + std::to_string(i)));
  all.push_back(On("eth0", "2001:db8::1"));
  all.push_back(On("eth1", "192.0.2.1"));  // the same again
  IceOptions options;
  options.max_local_addresses = 3;
  EXPECT_THAT(Choose(all, options), ElementsAre("192.0.2.1", "2001:db8::1", "192.0.2.2"));
}

TEST(ValidateIceOptions, TellsAllProblemsAtOnce) {
  EXPECT_TRUE(Validate(IceOptions()).ok());
  IceOptions options;
  options.policy = CandidatePolicy::kRelayOnly;
  options.ports = PortRange{Port(2000), Port(1999)};
  options.pacing = Duration::zero();
  const Status status = Validate(options);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("TURN server"));
  EXPECT_THAT(status.message(), ::testing::HasSubstr("port range"));
  EXPECT_THAT(status.message(), ::testing::HasSubstr("pacing"));
}

TEST(ValidateIceOptions, WantsCredentialsForTurn) {
  codec::IceServer server;
  server.kind = codec::IceServerKind::kTurn;
  server.address = {"192.0.2.1", Port(3478)};
  IceOptions options;
  options.servers = {server};
  EXPECT_FALSE(Validate(options).ok());
  options.servers[0].username = "u";
  options.servers[0].password = Secret("p");
  EXPECT_TRUE(Validate(options).ok());
}

}  // namespace
}  // namespace ming::ice
