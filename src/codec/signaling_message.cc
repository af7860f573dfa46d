#include "ming/codec/signaling_message.h"

#include <algorithm>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "ming/base/utf8.h"
#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

using Json = nlohmann::json;

constexpr SignalingType kKnownTypes[] = {SignalingType::kRegisterHost, SignalingType::kOffer,
                                         SignalingType::kAnswer, SignalingType::kCandidate,
                                         SignalingType::kError};
constexpr std::string_view kPayloadMember = "payload";
constexpr size_t kMaxPayloadDepth = 16;

Status Malformed(const std::string& why) {
  return {StatusCode::kMalformed, "signaling message: " + why};
}

// Goes over a JSON text without building anything and stops at what a tree must not be built from:
// too many levels, a member named twice. The parser itself stops at NaN, wrong UTF-8 and the like.
class StrictReader {
 public:
  explicit StrictReader(size_t max_depth) : max_depth_(max_depth) {}

  const Status& status() const { return status_; }
  // Which member of the outermost object the payload is, counted from 0.
  std::optional<size_t> payload_index() const { return payload_index_; }

  // The callbacks of nlohmann::json::sax_parse; false stops the parser.
  // NOLINTBEGIN(readability-identifier-naming): names that the parser calls
  bool null() { return true; }
  bool boolean(bool /*value*/) { return true; }
  bool number_integer(Json::number_integer_t /*value*/) { return true; }
  bool number_unsigned(Json::number_unsigned_t /*value*/) { return true; }
  bool number_float(Json::number_float_t /*value*/, const std::string& /*text*/) { return true; }
  bool string(std::string& /*value*/) { return true; }
  bool binary(Json::binary_t& /*value*/) { return true; }
  bool start_object(size_t /*elements*/) { return Enter(); }
  bool end_object() { return Leave(); }
  bool start_array(size_t /*elements*/) { return Enter(); }
  bool end_array() { return Leave(); }
  bool key(std::string& name) {
    std::set<std::string>& names = members_.back();
    if (members_.size() == 1 && name == kPayloadMember) payload_index_ = names.size();
    if (names.insert(name).second) return true;
    status_ = Malformed("member '" + PrintableText(name, 40) + "' twice");
    return false;
  }
  bool parse_error(size_t position, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& /*error*/) {
    status_ = Malformed("not JSON at byte " + std::to_string(position));
    return false;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  bool Enter() {
    if (members_.size() == max_depth_) {
      status_ = Status(StatusCode::kResourceExhausted, "signaling message: nested too deeply");
      return false;
    }
    members_.emplace_back();
    return true;
  }
  bool Leave() {
    members_.pop_back();
    return true;
  }

  size_t max_depth_;
  Status status_;
  std::optional<size_t> payload_index_;
  std::vector<std::set<std::string>> members_;  // the names seen on each open level
};

// Parses `text` strictly; `payload_index` may be null.
Result<Json> ParseJson(std::string_view text, size_t max_depth,
                       std::optional<size_t>* payload_index) {
  // The library takes a zero byte for the end of the text.
  if (text.find('\0') != std::string_view::npos) return Malformed("a zero byte");
  StrictReader reader(max_depth);
  if (!Json::sax_parse(text.begin(), text.end(), &reader)) return reader.status();
  if (payload_index != nullptr) *payload_index = reader.payload_index();
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Malformed("not JSON");
  return json;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// Where the string that begins at `begin` ends: the place of its closing quote.
size_t EndOfString(std::string_view text, size_t begin) {
  size_t at = begin + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? size_t{2} : size_t{1};
  return at;
}

// The text of the value of member number `index` of the object that `text` is. The text was parsed
// before, so that only strings and nesting need a look.
std::string_view MemberText(std::string_view text, size_t index) {
  size_t depth = 0;
  size_t member = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') i = EndOfString(text, i);
    if (c == '{' || c == '[') ++depth;
    if (depth == 1 && c == ':') begin = i + 1;
    const bool ends_member = depth == 1 && (c == ',' || c == '}');
    if (ends_member && member == index) return Trimmed(text.substr(begin, i - begin));
    if (ends_member) ++member;
    if (c == '}' || c == ']') --depth;
  }
  return {};
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// A string member; null as missing. Nothing where it is another type.
std::optional<std::string> StringMember(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) return std::string();
  if (!member->is_string()) return std::nullopt;
  return member->get_ref<const std::string&>();
}

Status ReadId(const Json& object, const char* name, size_t max_bytes, std::string& id) {
  auto value = StringMember(object, name);
  if (!value) return Malformed(std::string(name) + " is no string");
  if (value->size() > max_bytes)
    return {StatusCode::kResourceExhausted, std::string("signaling message: long ") + name};
  if (HasControlCharacter(*value)) return Malformed(std::string(name) + " has a control character");
  id = *std::move(value);
  return Status::Ok();
}

Status ReadType(const Json& object, SignalingMessage& message) {
  auto text = StringMember(object, "type");
  if (!text || text->empty()) return Malformed("no type");
  if (text->size() > kMaxSignalingTypeBytes)
    return {StatusCode::kResourceExhausted, "signaling message: long type"};
  for (const SignalingType type : kKnownTypes) {
    if (*text != SignalingTypeName(type)) continue;
    message.type = type;
    return Status::Ok();
  }
  message.type = SignalingType::kUnknown;
  message.unknown_type = *std::move(text);
  return Status::Ok();
}

// How many bytes of valid UTF-8 stand in front; 0 where the first byte is not.
size_t Utf8Length(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(4, text.size()); ++length) {
    if (IsValidUtf8(text.substr(0, length))) return length;
  }
  return 0;
}

// One character as Go's encoding/json escapes it, which is safe inside HTML.
void AppendEscaped(std::string_view character, std::string& out) {
  constexpr std::string_view kLowerHexDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(character[0]);
  if (character == "\"" || character == "\\") {
    (out += '\\') += character;
  } else if (character == "\n") {
    out += "\\n";
  } else if (character == "\r") {
    out += "\\r";
  } else if (character == "\t") {
    out += "\\t";
  } else if (byte < 0x20 || character == "<" || character == ">" || character == "&") {
    out += "\\u00";
    out += kLowerHexDigits[byte >> 4U];
    out += kLowerHexDigits[byte & 15U];
  } else if (character == "\xE2\x80\xA8") {
    out += "\\u2028";
  } else if (character == "\xE2\x80\xA9") {
    out += "\\u2029";
  } else {
    out += character;
  }
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) {
      out += "\\ufffd";
    } else {
      AppendEscaped(text.substr(0, length), out);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out += '"';
}

std::string JsonStringOrNull(const std::optional<std::string>& text) {
  return text ? JsonString(*text) : "null";
}

std::string_view KindName(SdpKind kind) { return kind == SdpKind::kOffer ? "offer" : "answer"; }

// A string, or nothing for null and missing.
Status ReadOptionalString(const Json& object, const char* name, std::optional<std::string>& into) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) return Status::Ok();
  if (!member->is_string()) return Malformed(std::string(name) + " is no string");
  into = member->get_ref<const std::string&>();
  return Status::Ok();
}

Status ReadLineIndex(const Json& object, std::optional<uint16_t>& into) {
  const auto member = object.find("sdpMLineIndex");
  if (member == object.end() || member->is_null()) return Status::Ok();
  if (!member->is_number_unsigned() || member->get<uint64_t>() > UINT16_MAX)
    return Malformed("sdpMLineIndex is no index");
  into = static_cast<uint16_t>(member->get<uint64_t>());
  return Status::Ok();
}

}  // namespace

std::string_view SignalingTypeName(SignalingType type) {
  switch (type) {
    case SignalingType::kRegisterHost:
      return "register-host";
    case SignalingType::kOffer:
      return "offer";
    case SignalingType::kAnswer:
      return "answer";
    case SignalingType::kCandidate:
      return "candidate";
    case SignalingType::kError:
      return "error";
    case SignalingType::kUnknown:
      return "";
  }
  return "";
}

Result<SignalingMessage> ParseSignalingMessage(std::string_view text,
                                               const SignalingLimits& limits) {
  if (text.size() > limits.max_bytes)
    return Status(StatusCode::kResourceExhausted, "signaling message: too long");
  std::optional<size_t> payload_index;
  auto json = ParseJson(text, limits.max_depth, &payload_index);
  if (!json.ok()) return json.status();
  if (!json->is_object()) return Malformed("not an object");
  SignalingMessage message;
  if (Status status = ReadType(*json, message); !status.ok()) return status;
  for (const auto& [name, id] :
       {std::pair("target_id", &message.target_id), std::pair("sender_id", &message.sender_id)}) {
    if (Status status = ReadId(*json, name, limits.max_id_bytes, *id); !status.ok()) return status;
  }
  if (payload_index) message.payload = std::string(MemberText(text, *payload_index));
  return message;
}

std::string SerializeSignalingMessage(const SignalingMessage& message) {
  const std::string_view type = message.type == SignalingType::kUnknown
                                    ? std::string_view{message.unknown_type}
                                    : SignalingTypeName(message.type);
  std::string text = "{\"type\":" + JsonString(type) + ",\"payload\":" + message.payload;
  if (!message.target_id.empty()) text += ",\"target_id\":" + JsonString(message.target_id);
  if (!message.sender_id.empty()) text += ",\"sender_id\":" + JsonString(message.sender_id);
  return text += '}';
}

Result<DescriptionPayload> ParseDescriptionPayload(std::string_view payload) {
  const auto json = ParseJson(payload, kMaxPayloadDepth, nullptr);
  if (!json.ok()) return json.status();
  if (!json->is_object() || !json->contains("sdp")) return Malformed("no description in payload");
  const Json& inner = (*json)["sdp"];
  if (!inner.is_object()) return Malformed("the description is no object");
  const auto type = StringMember(inner, "type");
  auto sdp = StringMember(inner, "sdp");
  if (!type || type->empty() || !sdp || sdp->empty()) return Malformed("description is incomplete");
  for (const SdpKind kind : {SdpKind::kOffer, SdpKind::kAnswer}) {
    if (*type == KindName(kind)) return DescriptionPayload{kind, *std::move(sdp)};
  }
  return Status(StatusCode::kUnsupported,
                "signaling message: description of type '" + PrintableText(*type, 40) + "'");
}

Result<CandidatePayload> ParseCandidatePayload(std::string_view payload) {
  const auto json = ParseJson(payload, kMaxPayloadDepth, nullptr);
  if (!json.ok()) return json.status();
  CandidatePayload candidate;
  if (json->is_null()) return candidate;
  if (!json->is_object()) return Malformed("payload is no object");
  const auto member = json->find("candidate");
  if (member == json->end() || member->is_null()) return candidate;
  if (!member->is_object()) return Malformed("the candidate is no object");
  std::optional<std::string> text;
  if (Status status = ReadOptionalString(*member, "candidate", text); !status.ok()) return status;
  candidate.candidate = std::move(text).value_or("");
  if (Status status = ReadOptionalString(*member, "sdpMid", candidate.mid); !status.ok())
    return status;
  if (Status status = ReadLineIndex(*member, candidate.mline_index); !status.ok()) return status;
  if (Status status = ReadOptionalString(*member, "usernameFragment", candidate.username_fragment);
      !status.ok())
    return status;
  // Candidates are kept before anything reads them.
  const auto is_long = [](const std::optional<std::string>& name) {
    return name && name->size() > kMaxCandidateNameBytes;
  };
  if (candidate.candidate.size() > kMaxCandidateTextBytes || is_long(candidate.mid) ||
      is_long(candidate.username_fragment)) {
    return Malformed("the candidate is too long");
  }
  return candidate;
}

std::string ParseErrorPayload(std::string_view payload) {
  const auto json = ParseJson(payload, kMaxPayloadDepth, nullptr);
  if (!json.ok() || !json->is_string()) return std::string(payload);
  return json->get<std::string>();
}

SignalingMessage MakeRegisterHost(const std::string& host_id) {
  SignalingMessage message;
  message.type = SignalingType::kRegisterHost;
  message.sender_id = host_id;
  return message;
}

SignalingMessage MakeDescription(const DescriptionPayload& description,
                                 const std::string& target_id, const std::string& sender_id) {
  SignalingMessage message;
  message.type =
      description.kind == SdpKind::kOffer ? SignalingType::kOffer : SignalingType::kAnswer;
  message.payload = "{\"sdp\":{\"type\":" + JsonString(KindName(description.kind)) +
                    ",\"sdp\":" + JsonString(description.sdp) + "}}";
  message.target_id = target_id;
  message.sender_id = sender_id;
  return message;
}

SignalingMessage MakeCandidate(const CandidatePayload& candidate, const std::string& target_id,
                               const std::string& sender_id) {
  SignalingMessage message;
  message.type = SignalingType::kCandidate;
  message.payload =
      "{\"candidate\":{\"candidate\":" + JsonString(candidate.candidate) +
      ",\"sdpMid\":" + JsonStringOrNull(candidate.mid) + ",\"sdpMLineIndex\":" +
      (candidate.mline_index ? std::to_string(*candidate.mline_index) : std::string("null")) +
      ",\"usernameFragment\":" + JsonStringOrNull(candidate.username_fragment) + "}}";
  message.target_id = target_id;
  message.sender_id = sender_id;
  return message;
}

SignalingMessage MakeError(std::string_view text, const std::string& target_id) {
  SignalingMessage message;
  message.type = SignalingType::kError;
  message.payload = JsonString(text);
  message.target_id = target_id;
  return message;
}

}  // namespace ming::codec
