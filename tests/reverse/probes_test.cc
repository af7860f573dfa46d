#include "ming/reverse/probes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::reverse {
namespace {

using std::chrono::seconds;
using Joined = Probes::Joined;

constexpr LinkId kHolder(1);
constexpr LinkId kOther(2);

class ProbesTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(probes_.IsConsistent()); }

  Joined Join(LinkId holder, uint64_t link, const std::string& address = "a") {
    ClientHello newcomer;
    newcomer.link = LinkId(link);
    newcomer.address = address;
    return probes_.Join(holder, newcomer, now_ + seconds(3));
  }
  std::vector<LinkId> Take(LinkId holder) {
    std::vector<LinkId> links;
    for (const ClientHello& newcomer : probes_.Take(holder)) links.push_back(newcomer.link);
    return links;
  }

  Timestamp now_{seconds(1000)};
  Probes probes_{{4, 2}};
};

TEST_F(ProbesTest, AllWaitForTheResultOfTheFirst) {
  EXPECT_EQ(Join(kHolder, 10), Joined::kBegun);
  now_ = now_ + seconds(1);
  EXPECT_EQ(Join(kHolder, 11), Joined::kShared);
  EXPECT_EQ(probes_.NextTimeout(), now_ + seconds(2));
  EXPECT_FALSE(probes_.IsDue(kHolder, now_ + seconds(1)));
  EXPECT_TRUE(probes_.IsDue(kHolder, now_ + seconds(2)));
  EXPECT_EQ(Take(kHolder), (std::vector<LinkId>{LinkId(10), LinkId(11)}));
  EXPECT_EQ(probes_.NextTimeout(), Timestamp::Max());
}

TEST_F(ProbesTest, EachPlaceHasItsOwn) {
  EXPECT_EQ(Join(kHolder, 10), Joined::kBegun);
  EXPECT_EQ(Join(kOther, 11), Joined::kBegun);
  EXPECT_EQ(Take(kOther), std::vector<LinkId>{LinkId(11)});
  EXPECT_TRUE(Take(kOther).empty());
  EXPECT_EQ(probes_.size(), 1u);
}

TEST_F(ProbesTest, AProbeThatNobodyWaitsForIsOver) {
  Join(kHolder, 10);
  EXPECT_FALSE(probes_.Leave(LinkId(99)));
  EXPECT_TRUE(probes_.Leave(LinkId(10)));
  EXPECT_FALSE(probes_.IsDue(kHolder, now_ + seconds(3)));
  now_ = now_ + seconds(2);
  EXPECT_EQ(Join(kHolder, 11), Joined::kBegun);
  EXPECT_FALSE(probes_.IsDue(kHolder, now_ + seconds(1)));
}

TEST_F(ProbesTest, BoundsNewcomersOfOneAddressAndAll) {
  EXPECT_EQ(Join(kHolder, 10), Joined::kBegun);
  EXPECT_EQ(Join(kHolder, 11), Joined::kShared);
  EXPECT_EQ(Join(kHolder, 12), Joined::kFull);
  EXPECT_EQ(Join(kHolder, 12, "b"), Joined::kShared);
  EXPECT_EQ(Join(kOther, 13), Joined::kBegun);
  EXPECT_EQ(Join(kOther, 14, "c"), Joined::kFull);
  probes_.Leave(LinkId(10));
  EXPECT_EQ(Join(kOther, 14, "c"), Joined::kShared);
}

}  // namespace
}  // namespace ming::reverse
