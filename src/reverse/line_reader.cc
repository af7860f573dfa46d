#include "ming/reverse/line_reader.h"

#include <string_view>
#include <utility>

namespace ming::reverse {

LineReader::Step LineReader::Take(ByteSpan bytes, size_t max_line) {
  const std::string_view text = bytes.First(max_line - partial_.size()).AsText();
  const size_t line_feed = text.find('\n');
  Step step;
  if (line_feed == std::string_view::npos) {
    step.consumed = text.size();
    partial_ += text;
    step.too_long = partial_.size() >= max_line;
    return step;
  }
  step.consumed = line_feed + 1;
  partial_ += text.substr(0, line_feed);
  if (!partial_.empty() && partial_.back() == '\r') partial_.pop_back();
  step.line = std::exchange(partial_, std::string());
  return step;
}

}  // namespace ming::reverse
