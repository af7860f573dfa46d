#include "ming/codec/reverse_line.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>

#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

constexpr std::string_view kVersion = "RT1";
constexpr size_t kConnIdDigits = 32;
constexpr size_t kMaxKeyBytes = 32;
constexpr size_t kMaxNameBytes = 64;

constexpr std::array<std::string_view, 10> kErrorNames = {"PROTO", "VERSION", "TOO_LONG", "TIMEOUT",
                                                          "BUSY",  "AUTH",    "UNKNOWN",  "TAKEN",
                                                          "LIMIT", "SHUTDOWN"};

constexpr std::array<std::string_view, kReverseReasonCount> kReasonNames = {
    "done",           "pair-timeout",   "caller-gone",
    "target-refused", "target-timeout", "target-unreachable",
    "target-dns",     "limit",          "denied",
    "reset",          "idle",           "shutdown",
    "control-lost",   "replaced",       "protocol",
    "internal"};

Status Malformed(std::string_view what) {
  return {StatusCode::kMalformed, "RT1 line: " + std::string(what)};
}

template <typename Enum, size_t kCount>
std::optional<Enum> ParseName(const std::array<std::string_view, kCount>& names,
                              std::string_view text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

bool IsKey(std::string_view text) {
  if (text.empty() || text.size() > kMaxKeyBytes) return false;
  if (text.front() < 'a' || text.front() > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// May be empty.
bool IsValue(std::string_view text) { return text.empty() || IsWord(text); }

// The words of a line, one space between any two.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  // None at the end of the line. An empty word stands for two spaces in a row, or one at an end.
  std::optional<std::string_view> Next() {
    if (!rest_) return std::nullopt;
    const size_t space = rest_->find(' ');
    const std::string_view word = rest_->substr(0, space);
    if (space == std::string_view::npos) {
      rest_.reset();
    } else {
      rest_->remove_prefix(space + 1);
    }
    return word;
  }
  bool AtEnd() const { return !rest_; }
  // All that is left, spaces included.
  std::string_view Rest() const { return rest_.value_or(std::string_view()); }

 private:
  std::optional<std::string_view> rest_;
};

Result<ReverseParams> ParseParams(Words& words) {
  ReverseParams params;
  while (const auto word = words.Next()) {
    const size_t equals = word->find('=');
    if (equals == std::string_view::npos) return Malformed("a parameter without '='");
    const std::string_view key = word->substr(0, equals);
    const std::string_view value = word->substr(equals + 1);
    if (!IsKey(key)) return Malformed("bad parameter name");
    if (params.Find(key)) return Malformed("repeated parameter '" + std::string(key) + "'");
    params.Add(std::string(key), std::string(value));
  }
  return params;
}

Result<ReverseConnId> ParseConnId(Words& words) {
  const auto word = words.Next();
  const auto conn = word ? ReverseConnId::Parse(*word) : std::nullopt;
  if (!conn) return Malformed("bad connection id");
  return *conn;
}

Result<uint64_t> ParseLastNumber(Words& words) {
  const auto word = words.Next();
  const auto number =
      word ? ParseDecimal(*word, std::numeric_limits<uint64_t>::max()) : std::nullopt;
  if (!number || !words.AtEnd()) return Malformed("bad number");
  return *number;
}

Result<ReverseReason> ParseLastReason(Words& words) {
  const auto word = words.Next();
  const auto reason = word ? ParseName<ReverseReason>(kReasonNames, *word) : std::nullopt;
  if (!reason || !words.AtEnd()) return Malformed("bad reason");
  return *reason;
}

bool IsOtherVersion(std::string_view word) {
  return word.size() > 2 && word.substr(0, 2) == "RT" && word != kVersion &&
         ParseDecimal(word.substr(2), std::numeric_limits<uint64_t>::max()).has_value();
}

template <typename Message>
Result<ReverseMessage> AsMessage(Result<Message> message) {
  if (!message.ok()) return message.status();
  return ReverseMessage(*std::move(message));
}

// NEW_CONN, AHEAD and READY.
template <typename Message>
Result<Message> ParseConnWithParams(Words& words) {
  const auto conn = ParseConnId(words);
  if (!conn.ok()) return conn.status();
  auto params = ParseParams(words);
  if (!params.ok()) return params.status();
  return Message{*conn, *std::move(params)};
}

Result<ReverseClose> ParseClose(Words& words) {
  const auto conn = ParseConnId(words);
  if (!conn.ok()) return conn.status();
  const auto reason = ParseLastReason(words);
  if (!reason.ok()) return reason.status();
  return ReverseClose{*conn, *reason};
}

template <typename Message>
Result<Message> ParseNumbered(Words& words) {
  const auto number = ParseLastNumber(words);
  if (!number.ok()) return number.status();
  return Message{*number};
}

Result<ReverseBye> ParseBye(Words& words) {
  const auto reason = ParseLastReason(words);
  if (!reason.ok()) return reason.status();
  return ReverseBye{*reason};
}

std::string ToText(const ReverseParams& params) {
  std::string text;
  for (const auto& [key, value] : params.all())
    text.append(" ").append(key).append("=").append(value);
  return text;
}

std::string ToText(const ReverseControl& line) {
  return std::string(kVersion) + " CONTROL" + ToText(line.params);
}
std::string ToText(const ReverseData& line) {
  return std::string(kVersion) + " DATA " + line.conn.ToString() + ToText(line.params);
}
std::string ToText(const ReverseOk& reply) { return "OK" + ToText(reply.params); }
std::string ToText(const ReverseErr& reply) {
  CHECK(reply.code) << "an unknown code is for reading only";
  std::string text = "ERR " + std::string(ReverseErrorName(*reply.code));
  if (!reply.text.empty()) text += " " + reply.text;
  return text.substr(0, kMaxReverseLine - 1);
}
std::string ToText(const ReverseNewConn& message) {
  return "NEW_CONN " + message.conn.ToString() + ToText(message.params);
}
std::string ToText(const ReverseAhead& message) {
  return "AHEAD " + message.conn.ToString() + ToText(message.params);
}
std::string ToText(const ReverseReady& message) {
  return "READY " + message.conn.ToString() + ToText(message.params);
}
std::string ToText(const ReverseClose& message) {
  return "CLOSE " + message.conn.ToString() + " " + std::string(ReverseReasonName(message.reason));
}
std::string ToText(const ReversePing& message) { return "PING " + std::to_string(message.number); }
std::string ToText(const ReversePong& message) { return "PONG " + std::to_string(message.number); }
std::string ToText(const ReverseBye& message) {
  return "BYE " + std::string(ReverseReasonName(message.reason));
}

template <typename Variant>
std::string Serialize(const Variant& line, size_t limit) {
  std::string text = std::visit([](const auto& one) { return ToText(one); }, line);
  CHECK(IsPrintableAscii(text));
  text += '\n';
  CHECK_LE(text.size(), limit);
  return text;
}

}  // namespace

ReverseConnId ReverseConnId::Draw(Random& random) {
  ReverseConnId id;
  id.high_ = random.Next64();
  id.low_ = random.Next64();
  return id;
}

std::optional<ReverseConnId> ReverseConnId::Parse(std::string_view text) {
  if (text.size() != kConnIdDigits) return std::nullopt;
  ReverseConnId id;
  for (size_t at = 0; at < kConnIdDigits; ++at) {
    const char digit = text[at];
    uint64_t value = 0;
    if (digit >= '0' && digit <= '9') {
      value = static_cast<uint64_t>(digit - '0');
    } else if (digit >= 'a' && digit <= 'f') {
      value = static_cast<uint64_t>(digit - 'a') + 10;
    } else {
      return std::nullopt;
    }
    uint64_t& half = at < kConnIdDigits / 2 ? id.high_ : id.low_;
    half = half << 4 | value;
  }
  return id;
}

std::string ReverseConnId::ToString() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(kConnIdDigits);
  for (const uint64_t half : {high_, low_}) {
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[half >> shift & 0xF];
  }
  return text;
}

bool IsReverseName(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

void ReverseParams::Add(std::string key, std::string value) {
  CHECK(IsKey(key) && IsValue(value) && !Find(key)) << key;
  all_.emplace_back(std::move(key), std::move(value));
}

std::optional<std::string_view> ReverseParams::Find(std::string_view key) const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [key](const auto& param) { return param.first == key; });
  if (found == all_.end()) return std::nullopt;
  return found->second;
}

std::string_view ReverseErrorName(ReverseError error) {
  return kErrorNames[static_cast<size_t>(error)];
}

std::string_view ReverseReasonName(ReverseReason reason) {
  return kReasonNames[static_cast<size_t>(reason)];
}

Result<ReverseFirstLine> ParseReverseFirstLine(std::string_view line) {
  if (!IsPrintableAscii(line)) return Malformed("not printable ASCII");
  Words words(line);
  const std::string_view version = words.Next().value_or("");
  if (IsOtherVersion(version)) return Status(StatusCode::kUnsupported, "RT1 line: another version");
  if (version != kVersion) return Malformed("not RT1");
  const std::string_view verb = words.Next().value_or("");
  if (verb != "CONTROL" && verb != "DATA") return Malformed("neither CONTROL nor DATA");
  ReverseConnId conn;
  if (verb == "DATA") {
    const auto parsed = ParseConnId(words);
    if (!parsed.ok()) return parsed.status();
    conn = *parsed;
  }
  auto params = ParseParams(words);
  if (!params.ok()) return params.status();
  if (verb == "DATA") return ReverseFirstLine(ReverseData{conn, *std::move(params)});
  return ReverseFirstLine(ReverseControl{*std::move(params)});
}

Result<ReverseReply> ParseReverseReply(std::string_view line) {
  if (!IsPrintableAscii(line)) return Malformed("not printable ASCII");
  Words words(line);
  const std::string_view verb = words.Next().value_or("");
  if (verb == "ERR") {
    const std::string_view code = words.Next().value_or("");
    if (code.empty()) return Malformed("ERR without a code");
    return ReverseReply(
        ReverseErr{ParseName<ReverseError>(kErrorNames, code), std::string(words.Rest())});
  }
  if (verb != "OK") return Malformed("neither OK nor ERR");
  auto params = ParseParams(words);
  if (!params.ok()) return params.status();
  return ReverseReply(ReverseOk{*std::move(params)});
}

Result<ReverseMessage> ParseReverseMessage(std::string_view line) {
  if (!IsPrintableAscii(line)) return Malformed("not printable ASCII");
  Words words(line);
  const std::string_view verb = words.Next().value_or("");
  if (verb == "NEW_CONN") return AsMessage(ParseConnWithParams<ReverseNewConn>(words));
  if (verb == "AHEAD") return AsMessage(ParseConnWithParams<ReverseAhead>(words));
  if (verb == "READY") return AsMessage(ParseConnWithParams<ReverseReady>(words));
  if (verb == "CLOSE") return AsMessage(ParseClose(words));
  if (verb == "PING") return AsMessage(ParseNumbered<ReversePing>(words));
  if (verb == "PONG") return AsMessage(ParseNumbered<ReversePong>(words));
  if (verb == "BYE") return AsMessage(ParseBye(words));
  return Status(StatusCode::kUnsupported, "RT1 line: unknown verb");
}

std::string SerializeReverseLine(const ReverseFirstLine& line) {
  return Serialize(line, kMaxReverseFirstLine);
}
std::string SerializeReverseLine(const ReverseReply& reply) {
  return Serialize(reply, kMaxReverseLine);
}
std::string SerializeReverseLine(const ReverseMessage& message) {
  return Serialize(message, kMaxReverseLine);
}

}  // namespace ming::codec
