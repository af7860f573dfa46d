#include "ming/conformance/case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "ming/conformance/report.h"

namespace ming::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Case Named(std::string_view id) {
  Case one;
  one.id = id;
  one.section = "RFC 1";
  one.sentence = "it holds";
  return one;
}

Case Rude(std::string_view id) {
  Case one = Named(id);
  one.manner = Manner::kRude;
  return one;
}

std::vector<std::string> Ids(const std::vector<Case>& cases) {
  std::vector<std::string> ids;
  ids.reserve(cases.size());
  for (const Case& one : cases) ids.emplace_back(one.id);
  return ids;
}

TEST(ChooseCases, ByRoleAndTunnel) {
  Case host = Named("a/host");
  host.role = ForRole::kHost;
  Case udp = Named("a/udp");
  udp.tunnel = ForTunnel::kUdp;
  const std::vector<Case> all = {host, udp, Named("a/any")};
  CaseFilter filter;
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("a/host", "a/any"));
  filter.role = PeerRole::kClient;
  filter.tunnel = TunnelKind::kUdp;
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("a/udp", "a/any"));
}

TEST(ChooseCases, RudeOnesComeLast) {
  const std::vector<Case> all = {Rude("a/1"), Named("a/2"), Rude("a/3"), Named("a/4")};
  EXPECT_THAT(Ids(ChooseCases(all, {})), ElementsAre("a/2", "a/4", "a/1", "a/3"));
}

TEST(ChooseCases, OfAClientTheFirstOfferIsUsedUpFirst) {
  Case shared = Named("b/shared");
  shared.need = Need::kSession;
  const std::vector<Case> all = {Named("a/own"), shared, Named("server/x")};
  CaseFilter filter;
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("a/own", "b/shared", "server/x"));
  filter.role = PeerRole::kClient;
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("b/shared", "server/x", "a/own"));
}

TEST(ChooseCases, ByPartsOfNames) {
  const std::vector<Case> all = {Named("ice/one"), Named("dtls/two"), Named("dcep/three")};
  CaseFilter filter;
  filter.only = {"dtls/", "thr"};
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("dtls/two", "dcep/three"));
}

TEST(ChooseCases, LongOnesAreAskedFor) {
  Case slow = Named("ice/slow");
  slow.manner = Manner::kLong;
  const std::vector<Case> all = {slow, Named("ice/fast")};
  CaseFilter filter;
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("ice/fast"));
  filter.only = {"ice/"};
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("ice/fast"));
  filter.only = {"ice/slow"};
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("ice/slow"));
  filter.only = {};
  filter.with_long = true;
  EXPECT_THAT(Ids(ChooseCases(all, filter)), ElementsAre("ice/slow", "ice/fast"));
}

TEST(Report, AllHoldOnlyIfSomethingDid) {
  const CaseResult holds{Named("a/1"), Holds(), Duration(0)};
  const CaseResult fails{Named("a/2"), Fails("no"), Duration(0)};
  const CaseResult skipped{Named("a/3"), Skipped("not there"), Duration(0)};
  EXPECT_FALSE(Count({}).all_hold());
  EXPECT_FALSE(Count({skipped}).all_hold());
  EXPECT_TRUE(Count({holds, skipped}).all_hold());
  EXPECT_FALSE(Count({holds, fails}).all_hold());
  EXPECT_EQ(FormatTally(Count({holds, fails, fails, skipped})), "1 hold, 2 fail, 1 skipped");
}

TEST(Report, ALineNamesEverything) {
  const CaseResult result{Named("a/1"), Fails("the peer said\n\x1B[31mred"),
                          std::chrono::milliseconds(17)};
  const std::string line = FormatResult(result);
  EXPECT_THAT(line, HasSubstr("FAILS"));
  EXPECT_THAT(line, HasSubstr("a/1"));
  EXPECT_THAT(line, HasSubstr("RFC 1"));
  EXPECT_THAT(line, HasSubstr("17 ms"));
  EXPECT_THAT(line, HasSubstr("it holds: the peer said"));
  EXPECT_THAT(line, Not(HasSubstr("\n"))) << "what a peer says stays on the line";
  EXPECT_THAT(line, Not(HasSubstr("\x1B")));
}

}  // namespace
}  // namespace ming::conformance
