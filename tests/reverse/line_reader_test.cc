#include "ming/reverse/line_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::reverse {
namespace {

// The lines of `text` when it comes in pieces of `piece` bytes, and what is left behind them.
struct Reading {
  std::vector<std::string> lines;
  std::string rest;
};

Reading ReadLines(const std::string& text, size_t piece, size_t lines, size_t max_line) {
  LineReader reader;
  Reading reading;
  std::string arrived;
  size_t at = 0;
  while (at < text.size() || !arrived.empty()) {
    arrived += text.substr(at, piece);
    at = std::min(text.size(), at + piece);
    while (reading.lines.size() < lines && !arrived.empty()) {
      LineReader::Step step = reader.Take(ByteSpan(arrived), max_line);
      arrived.erase(0, step.consumed);
      if (!step.line) break;
      reading.lines.push_back(*step.line);
    }
    if (reading.lines.size() == lines) break;
  }
  reading.rest = arrived + text.substr(at);
  return reading;
}

TEST(LineReader, LeavesWhatFollowsTheLine) {
  const std::string text = "OK session=1\r\n\x01raw\nbytes\r\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    const Reading reading = ReadLines(text, piece, 1, 512);
    ASSERT_EQ(reading.lines.size(), 1u) << piece;
    EXPECT_EQ(reading.lines[0], "OK session=1");
    EXPECT_EQ(reading.rest, text.substr(14)) << piece;
  }
}

TEST(LineReader, GivesTheSameLinesHoweverTheyAreCut) {
  const std::string text = "PING 1\nPING 2\r\n\nBYE done\n";
  const Reading whole = ReadLines(text, text.size(), 4, 512);
  EXPECT_EQ(whole.lines, (std::vector<std::string>{"PING 1", "PING 2", "", "BYE done"}));
  for (size_t piece = 1; piece < text.size(); ++piece) {
    EXPECT_EQ(ReadLines(text, piece, 4, 512).lines, whole.lines) << piece;
  }
}

TEST(LineReader, DropsOneCarriageReturnOnly) {
  EXPECT_EQ(ReadLines("a\r\r\n", 4, 1, 512).lines[0], "a\r");
}

TEST(LineReader, BoundsALineWithItsLineFeed) {
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{100}}) {
    EXPECT_EQ(ReadLines(std::string(9, 'x') + "\n", piece, 1, 10).lines.size(), 1u);
    LineReader reader;
    const std::string ten(10, 'x');
    bool too_long = false;
    for (size_t at = 0; at < ten.size() && !too_long; at += piece) {
      too_long = reader.Take(ByteSpan(ten.substr(at, piece)), 10).too_long;
    }
    EXPECT_TRUE(too_long) << piece;
  }
}

TEST(LineReader, TakesAllOfAnUnfinishedLine) {
  LineReader reader;
  const LineReader::Step step = reader.Take(ByteSpan(std::string_view("RT1 CON")), 1024);
  EXPECT_EQ(step.consumed, 7u);
  EXPECT_FALSE(step.line);
  EXPECT_FALSE(step.too_long);
}

}  // namespace
}  // namespace ming::reverse
