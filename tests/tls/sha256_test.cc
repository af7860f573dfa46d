#include "ming/tls/sha256.h"

#include <gtest/gtest.h>

namespace ming::tls {
namespace {

// FIPS 180-4 examples.
TEST(Sha256Test, MatchesPublishedValues) {
  EXPECT_EQ(ToHex(Sha256::Of(ByteSpan("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256::Of(ByteSpan())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256Test, PiecesGiveTheSameAndFinishStartsOver) {
  Sha256 hash;
  for (int round = 0; round < 2; ++round) {
    hash.Update(ByteSpan("a"));
    hash.Update(ByteSpan());
    hash.Update(ByteSpan("bc"));
    EXPECT_EQ(hash.Finish(), Sha256::Of(ByteSpan("abc")));
  }
}

}  // namespace
}  // namespace ming::tls
