#include "ming/reverse/handshakes.h"

#include <algorithm>
#include <utility>

#include "ming/codec/reverse_line.h"
#include "ming/codec/text_fields.h"

namespace ming::reverse {
namespace {

// So many first bytes tell whether somebody speaks in lines.
constexpr size_t kTellingBytes = 4;

// A short line is a line, and a CR may be the last but one byte of it: however the bytes are cut.
bool StartsUnprintable(const LineReader& reader, ByteSpan bytes) {
  std::string head = reader.partial();
  head += bytes.First(kTellingBytes - head.size()).AsText();
  head.resize(std::min(head.find('\n'), head.size()));
  if (!head.empty() && head.back() == '\r') head.pop_back();
  return !codec::IsPrintableAscii(head);
}

}  // namespace

bool Handshakes::Add(LinkId link, const std::string& address, Timestamp deadline, size_t expected) {
  const auto of_address = of_address_.find(address);
  const size_t there = of_address == of_address_.end() ? 0 : of_address->second;
  if (links_.size() >= limits_.all + expected || there >= limits_.of_address + expected) {
    return false;
  }
  ++of_address_[address];
  links_.emplace(link, Link{address, deadline, {}, {}});
  return true;
}

void Handshakes::SetName(LinkId link, const std::string& name) {
  const auto found = links_.find(link);
  if (found != links_.end()) found->second.name = name;
}

Handshakes::Step Handshakes::Take(LinkId link, ByteSpan bytes) {
  LineReader& reader = links_.at(link).reader;
  if (reader.partial().size() < kTellingBytes && StartsUnprintable(reader, bytes)) {
    return {{}, true};
  }
  return {reader.Take(bytes, codec::kMaxReverseFirstLine), false};
}

Handshakes::Origin Handshakes::Remove(LinkId link) {
  const auto found = links_.find(link);
  Origin origin{link, std::move(found->second.address), std::move(found->second.name)};
  links_.erase(found);
  if (--of_address_.at(origin.address) == 0) of_address_.erase(origin.address);
  return origin;
}

std::optional<Handshakes::Origin> Handshakes::RemoveLate(Timestamp now) {
  if (links_.empty() || links_.begin()->second.deadline > now) return std::nullopt;
  return Remove(links_.begin()->first);
}

Timestamp Handshakes::NextTimeout() const {
  return links_.empty() ? Timestamp::Max() : links_.begin()->second.deadline;
}

bool Handshakes::IsConsistent() const {
  size_t counted = 0;
  for (const auto& [address, count] : of_address_) counted += count;
  return counted == links_.size();
}

}  // namespace ming::reverse
