#include "ming/sctp/reassembly.h"

#include <gtest/gtest.h>

#include <string_view>

namespace ming::sctp {
namespace {

constexpr StreamId kOne{1};
constexpr StreamId kTwo{2};

std::string Add(Reassembly& reassembly, StreamId stream, link::Ordering ordering,
                std::string_view piece, bool last) {
  auto result = reassembly.Add(stream, ordering, ByteBuffer::CopyOf(piece), last);
  if (!result.ok()) return "error";
  return result->has_value() ? std::string((*result)->AsText()) : "more";
}

TEST(ReassemblyTest, PassesWholeMessages) {
  Reassembly reassembly(10, 20);
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "hello", true), "hello");
  EXPECT_EQ(reassembly.total_bytes(), 0u);
}

TEST(ReassemblyTest, JoinsPiecesThatAlternateBetweenStreamsAndOrderings) {
  Reassembly reassembly(10, 20);
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "ab", false), "more");
  EXPECT_EQ(Add(reassembly, kTwo, link::Ordering::kOrdered, "12", false), "more");
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kUnordered, "xy", false), "more");
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "cd", true), "abcd");
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kUnordered, "z", true), "xyz");
  EXPECT_EQ(Add(reassembly, kTwo, link::Ordering::kOrdered, "3", true), "123");
  EXPECT_EQ(reassembly.total_bytes(), 0u);
}

TEST(ReassemblyTest, RefusesAMessageOverItsLimit) {
  for (const auto& [size, good] : {std::pair(9, true), std::pair(10, true), std::pair(11, false)}) {
    Reassembly reassembly(10, 20);
    const std::string tail(static_cast<size_t>(size) - 4, 'b');
    EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "aaaa", false), "more");
    EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, tail, true) != "error", good) << size;
  }
  Reassembly reassembly(10, 20);
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "12345678901", true), "error");
}

TEST(ReassemblyTest, RefusesTooMuchThatIsIncomplete) {
  Reassembly reassembly(10, 20);
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "1234567890", false), "more");
  EXPECT_EQ(Add(reassembly, kTwo, link::Ordering::kOrdered, "1234567890", false), "more");
  EXPECT_EQ(reassembly.total_bytes(), 20u);
  EXPECT_EQ(Add(reassembly, StreamId(3), link::Ordering::kOrdered, "1", false), "error");
}

TEST(ReassemblyTest, DiscardsWhatWasGivenUp) {
  Reassembly reassembly(10, 20);
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "old", false), "more");
  EXPECT_EQ(Add(reassembly, kTwo, link::Ordering::kOrdered, "kept", false), "more");
  reassembly.Discard(kOne);
  EXPECT_EQ(reassembly.total_bytes(), 4u);
  EXPECT_EQ(Add(reassembly, kOne, link::Ordering::kOrdered, "new", true), "new");
}

}  // namespace
}  // namespace ming::sctp
