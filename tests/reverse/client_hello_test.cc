#include "ming/reverse/client_hello.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::reverse {
namespace {

class ClientHelloTest : public testing::Test {
 protected:
  std::optional<ClientHello> Read(const std::string& line) {
    const auto first = codec::ParseReverseFirstLine(line);
    EXPECT_TRUE(first.ok()) << line;
    const Handshakes::Origin origin{LinkId(3), "192.0.2.1", {}};
    return ReadClientHello(origin, std::get<codec::ReverseControl>(*first), options_);
  }

  ServerCoreOptions options_;
};

TEST_F(ClientHelloTest, HasADefaultForEverything) {
  const auto hello = Read("RT1 CONTROL");
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->link, LinkId(3));
  EXPECT_EQ(hello->address, "192.0.2.1");
  EXPECT_EQ(hello->id, "default");
  EXPECT_TRUE(hello->labels.empty());
  EXPECT_FALSE(hello->udp);
  EXPECT_EQ(hello->ahead, 0u);
}

TEST_F(ClientHelloTest, NamesTheClientAndItsLabels) {
  const auto hello = Read("RT1 CONTROL label=web,db id=home");
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->id, "home");
  EXPECT_EQ(hello->labels, (std::vector<std::string>{"web", "db"}));
}

TEST_F(ClientHelloTest, AcceptsNamesOnly) {
  EXPECT_TRUE(Read("RT1 CONTROL id=" + std::string(64, 'a')));
  for (const std::string& wrong : {std::string("id=a/b"), "id=" + std::string(65, 'a'),
                                   std::string("label=a/b"), std::string("label=,")}) {
    EXPECT_FALSE(Read("RT1 CONTROL " + wrong)) << wrong;
  }
}

TEST_F(ClientHelloTest, BoundsTheLabels) {
  EXPECT_TRUE(Read("RT1 CONTROL label=a,b,c,d,e,f,g,h"));
  EXPECT_FALSE(Read("RT1 CONTROL label=a,b,c,d,e,f,g,h,i"));
}

TEST_F(ClientHelloTest, AgreesToWhatBothEndsWant) {
  EXPECT_FALSE(Read("RT1 CONTROL udp=1")->udp);
  options_.udp = true;
  EXPECT_TRUE(Read("RT1 CONTROL udp=1")->udp);
  EXPECT_FALSE(Read("RT1 CONTROL udp=2")->udp);
  options_.ahead = 16;
  EXPECT_EQ(Read("RT1 CONTROL ahead=15")->ahead, 15u);
  EXPECT_EQ(Read("RT1 CONTROL ahead=17")->ahead, 16u);
  EXPECT_EQ(Read("RT1 CONTROL ahead=many")->ahead, 0u);
}

}  // namespace
}  // namespace ming::reverse
