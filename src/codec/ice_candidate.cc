#include "ming/codec/ice_candidate.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "ming/base/utf8.h"
#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

constexpr size_t kMaxFoundationBytes = 32;          // RFC 8839: foundation = 1*32ice-char
constexpr uint32_t kMaxComponent = 256;             // RFC 8445, section 5.1.1
constexpr uint32_t kMaxPriority = (1U << 31U) - 1;  // RFC 8445, section 5.1.2
constexpr size_t kMaxNameBytes = 253;               // a DNS name

Status ParseError(const std::string& why) { return {StatusCode::kMalformed, "candidate: " + why}; }

std::string Quoted(std::string_view text) { return "'" + PrintableText(text, 40) + "'"; }

std::string_view WithoutFrame(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  for (const std::string_view prefix : {std::string_view("a="), std::string_view("candidate:")}) {
    if (text.substr(0, prefix.size()) == prefix) text.remove_prefix(prefix.size());
  }
  return text;
}

Status ParseNumbers(std::string_view component, std::string_view priority, std::string_view port,
                    IceCandidate& candidate) {
  const auto component_value = ParseDecimal(component, UINT32_MAX);
  if (!component_value) return ParseError("bad component " + Quoted(component));
  const auto priority_value = ParseDecimal(priority, UINT32_MAX);
  if (!priority_value) return ParseError("bad priority " + Quoted(priority));
  const auto port_value = ParsePort(port);
  if (!port_value) return ParseError("bad port " + Quoted(port));
  candidate.component = static_cast<uint32_t>(*component_value);
  candidate.priority = static_cast<uint32_t>(*priority_value);
  candidate.port = *port_value;
  return Status::Ok();
}

void SetType(std::string_view text, IceCandidate& candidate) {
  for (const CandidateType type : {CandidateType::kHost, CandidateType::kServerReflexive,
                                   CandidateType::kPeerReflexive, CandidateType::kRelay}) {
    if (!EqualsIgnoreCase(text, CandidateTypeName(type))) continue;
    candidate.type = type;
    return;
  }
  candidate.type = CandidateType::kOther;
  candidate.other_type = std::string(text);
}

// One name-value pair behind the type.
Status ParsePair(std::string_view name, std::string_view value, IceCandidate& candidate) {
  const auto duplicate = [name] { return ParseError(std::string(name) + " twice"); };
  if (name == "typ") return duplicate();
  if (name == "raddr") {
    if (candidate.related_address) return duplicate();
    candidate.related_address = std::string(value);
  } else if (name == "rport") {
    if (candidate.related_port) return duplicate();
    candidate.related_port = ParsePort(value);
    if (!candidate.related_port) return ParseError("bad rport " + Quoted(value));
  } else if (name == "tcptype") {
    if (candidate.tcp_type) return duplicate();
    candidate.tcp_type = std::string(value);
  } else {
    if (candidate.extensions.size() == kMaxCandidateExtensions)
      return ParseError("too many extensions");
    candidate.extensions.emplace_back(name, value);
  }
  return Status::Ok();
}

bool IsHostName(std::string_view text) {
  if (text.size() > kMaxNameBytes || text.front() == '.') return false;
  // What is digits and dots only, or holds a colon or a zone, is meant as an address.
  const bool has_letter = std::any_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  return has_letter && std::all_of(text.begin(), text.end(), [](char c) {
           return IsIceText({&c, 1}, 1, 1) ? c != '+' && c != '/'
                                           : c == '-' || c == '.' || c == '_';
         });
}

bool IsBroadcast(const IpAddress& address) {
  const ByteSpan bytes = address.bytes();
  return address.is_v4() &&
         std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0xFF; });
}

CandidateCheck Malformed(const char* reason) { return {CandidateVerdict::kMalformed, reason}; }
CandidateCheck Ignored(const char* reason) { return {CandidateVerdict::kIgnored, reason}; }

// Every text stands alone between spaces: nothing in it can end a word or a line.
bool IsWellFormedText(const IceCandidate& candidate) {
  const auto optional_word = [](const std::optional<std::string>& text) {
    return !text || IsWord(*text);
  };
  return IsWord(candidate.transport) && IsWord(candidate.address) &&
         (candidate.type != CandidateType::kOther || IsWord(candidate.other_type)) &&
         optional_word(candidate.related_address) && optional_word(candidate.tcp_type) &&
         std::all_of(candidate.extensions.begin(), candidate.extensions.end(),
                     [](const auto& pair) { return IsWord(pair.first) && IsWord(pair.second); });
}

CandidateCheck CheckAddress(const std::string& text, LoopbackCandidates loopback) {
  const auto address = IpAddress::Parse(text);
  if (!address) {
    return IsHostName(text) ? Ignored("a host name") : Malformed("neither address nor host name");
  }
  if (address->IsUnspecified()) return Malformed("an unspecified address");
  if (address->IsMulticast()) return Malformed("a multicast address");
  if (IsBroadcast(address->Canonical())) return Malformed("a broadcast address");
  if (address->Canonical() != *address) return Ignored("an IPv4-mapped address");
  if (!address->is_v4() && address->IsLinkLocal()) return Ignored("an IPv6 link-local address");
  if (address->IsLoopback() && loopback == LoopbackCandidates::kRefuse)
    return Ignored("a loopback address");
  return {};
}

auto Fields(const IceCandidate& c) {
  return std::tie(c.foundation, c.component, c.transport, c.priority, c.address, c.port, c.type,
                  c.other_type, c.related_address, c.related_port, c.tcp_type, c.extensions);
}

}  // namespace

std::string_view CandidateTypeName(CandidateType type) {
  switch (type) {
    case CandidateType::kHost:
      return "host";
    case CandidateType::kServerReflexive:
      return "srflx";
    case CandidateType::kPeerReflexive:
      return "prflx";
    case CandidateType::kRelay:
      return "relay";
    case CandidateType::kOther:
      return "";
  }
  return "";
}

bool operator==(const IceCandidate& a, const IceCandidate& b) { return Fields(a) == Fields(b); }

Result<IceCandidate> ParseIceCandidate(std::string_view text) {
  std::string_view rest = WithoutFrame(text);
  if (rest.size() > kMaxCandidateBytes) return ParseError("too long");
  if (!IsPrintableAscii(rest)) return ParseError("not printable ASCII");
  // foundation component transport priority address port "typ" type
  std::array<std::string_view, 8> words;
  for (std::string_view& word : words) word = TakeWord(rest);
  if (words.back().empty()) return ParseError("too few fields");
  if (words[6] != "typ") return ParseError("no typ");
  if (!IsSdpToken(words[0])) return ParseError("bad foundation");
  IceCandidate candidate;
  candidate.foundation = std::string(words[0]);
  candidate.transport = std::string(words[2]);
  candidate.address = std::string(words[4]);
  if (Status status = ParseNumbers(words[1], words[3], words[5], candidate); !status.ok())
    return status;
  SetType(words[7], candidate);
  for (std::string_view name = TakeWord(rest); !name.empty(); name = TakeWord(rest)) {
    const std::string_view value = TakeWord(rest);
    if (value.empty()) return ParseError(Quoted(name) + " has no value");
    if (Status status = ParsePair(name, value, candidate); !status.ok()) return status;
  }
  return candidate;
}

std::string SerializeIceCandidate(const IceCandidate& candidate) {
  std::string text = "candidate:" + candidate.foundation;
  const auto append = [&text](std::string_view word) { (text += ' ') += word; };
  append(std::to_string(candidate.component));
  append(candidate.transport);
  append(std::to_string(candidate.priority));
  append(candidate.address);
  append(std::to_string(candidate.port.value()));
  append("typ");
  append(candidate.type == CandidateType::kOther ? std::string_view{candidate.other_type}
                                                 : CandidateTypeName(candidate.type));
  if (candidate.related_address) {
    append("raddr");
    append(*candidate.related_address);
  }
  if (candidate.related_port) {
    append("rport");
    append(std::to_string(candidate.related_port->value()));
  }
  if (candidate.tcp_type) {
    append("tcptype");
    append(*candidate.tcp_type);
  }
  for (const auto& [name, value] : candidate.extensions) {
    append(name);
    append(value);
  }
  return text;
}

CandidateCheck ValidateRemoteCandidate(const IceCandidate& candidate, LoopbackCandidates loopback) {
  if (!IsIceText(candidate.foundation, 1, kMaxFoundationBytes)) return Malformed("bad foundation");
  if (!IsWellFormedText(candidate)) return Malformed("text that could end a line or a field");
  if (candidate.component == 0 || candidate.component > kMaxComponent)
    return Malformed("bad component");
  if (candidate.priority == 0 || candidate.priority > kMaxPriority)
    return Malformed("bad priority");
  const bool is_tcp = EqualsIgnoreCase(candidate.transport, "tcp");
  // RFC 6544, section 4.5: an active TCP candidate has no port; 9 is written, or 0.
  const bool may_lack_port = is_tcp && candidate.tcp_type == "active";
  if (candidate.port == Port(0) && !may_lack_port) return Malformed("port 0");
  const CandidateCheck address = CheckAddress(candidate.address, loopback);
  if (address.verdict == CandidateVerdict::kMalformed) return address;
  if (candidate.related_address) {
    const std::string& related = *candidate.related_address;
    if (!IpAddress::Parse(related) && !IsHostName(related)) return Malformed("bad raddr");
  }
  if (candidate.component != 1) return Ignored("another component");
  if (is_tcp) return Ignored("TCP");
  if (!EqualsIgnoreCase(candidate.transport, "udp")) return Ignored("an unknown transport");
  if (candidate.type == CandidateType::kOther) return Ignored("an unknown type");
  return address;
}

}  // namespace ming::codec
