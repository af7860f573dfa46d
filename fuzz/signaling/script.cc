#include "script.h"

namespace ming::fuzz {

Script::Script(const uint8_t* data, size_t size)
    : rest_(reinterpret_cast<const char*>(data), size) {}

unsigned Script::TakeState(unsigned states) {
  if (rest_.empty()) return 0;
  const auto first = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  if (!rest_.empty() && rest_.front() == '\n') rest_.remove_prefix(1);
  return first % states;
}

bool Script::Next(Command& command) {
  if (rest_.empty()) return false;
  const std::string_view line = rest_.substr(0, rest_.find('\n'));
  rest_.remove_prefix(line.size() < rest_.size() ? line.size() + 1 : line.size());
  command = Command();
  if (!line.empty()) command.verb = line[0];
  if (line.size() > 1) command.number = static_cast<unsigned char>(line[1]) % 16;
  if (line.size() > 2) command.text = line.substr(2);
  return true;
}

unsigned NumberOf(std::string_view text) {
  unsigned number = 0;
  for (const char c : text.substr(0, 6)) {
    if (c < '0' || c > '9') break;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number;
}

}  // namespace ming::fuzz
