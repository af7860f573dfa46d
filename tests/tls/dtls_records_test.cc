#include "ming/tls/dtls_records.h"

#include <gtest/gtest.h>

#include <vector>

namespace ming::tls {
namespace {

std::vector<uint8_t> Record(uint8_t type, size_t content) {
  std::vector<uint8_t> record = {type, 254, 253, 0, 1, 0, 0, 0, 0, 0, 7};
  record.push_back(static_cast<uint8_t>(content >> 8));
  record.push_back(static_cast<uint8_t>(content));
  record.resize(record.size() + content);
  return record;
}

std::vector<uint8_t> operator+(std::vector<uint8_t> a, const std::vector<uint8_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(DtlsRecordsTest, TakesOneOrMoreWholeRecords) {
  EXPECT_TRUE(IsRowOfRecords(Record(23, 0)));
  EXPECT_TRUE(IsRowOfRecords(Record(22, 100)));
  EXPECT_TRUE(IsRowOfRecords(Record(22, 100) + Record(20, 1) + Record(22, 40)));
}

TEST(DtlsRecordsTest, RefusesEveryTruncation) {
  const std::vector<uint8_t> row = Record(22, 20) + Record(23, 9);
  const size_t first = Record(22, 20).size();
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(IsRowOfRecords(ByteSpan(row).First(size)), size == first) << size;
  }
}

TEST(DtlsRecordsTest, RefusesATailAndOtherProtocols) {
  EXPECT_FALSE(IsRowOfRecords(Record(22, 20) + std::vector<uint8_t>{22}));
  EXPECT_FALSE(IsRowOfRecords(Record(19, 20)));
  EXPECT_TRUE(IsRowOfRecords(Record(20, 20)));
  EXPECT_TRUE(IsRowOfRecords(Record(24, 20)));
  EXPECT_FALSE(IsRowOfRecords(Record(25, 20)));
  std::vector<uint8_t> tls = Record(22, 20);
  tls[1] = 3;
  EXPECT_FALSE(IsRowOfRecords(tls));
}

TEST(DtlsRecordsTest, RefusesRecordsLongerThanTheProtocolAllows) {
  EXPECT_TRUE(IsRowOfRecords(Record(23, 16384 + 2048)));
  EXPECT_FALSE(IsRowOfRecords(Record(23, 16384 + 2049)));
}

TEST(DtlsRecords, KnowsASingleRecord) {
  EXPECT_TRUE(IsOneRecord(Record(23, 0)));
  EXPECT_TRUE(IsOneRecord(Record(23, 300)));
  EXPECT_FALSE(IsOneRecord(Record(23, 300) + Record(23, 1)));
  EXPECT_FALSE(IsOneRecord(ByteSpan()));
}

}  // namespace
}  // namespace ming::tls
