// ParseSessionDescription: lines into sections, then one section into a description.
#include <algorithm>
#include <set>

#include "ming/base/utf8.h"
#include "ming/codec/sdp.h"
#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

constexpr size_t kMaxMidBytes = 64;
constexpr size_t kMaxDigestBytes = 64;  // SHA-512
constexpr uint16_t kDefaultSctpPort = 5000;
constexpr uint64_t kDefaultMaxMessageBytes = 65536;  // RFC 8841, section 6.1

Status Malformed(const std::string& why) {
  return {StatusCode::kMalformed, "session description: " + why};
}

Status Exhausted(const std::string& what) {
  return {StatusCode::kResourceExhausted, "session description: too many or too long " + what};
}

Status Unsupported(const std::string& why) {
  return {StatusCode::kUnsupported, "session description: " + why};
}

std::string Quoted(std::string_view text) { return "'" + PrintableText(text, 40) + "'"; }

// The attributes of one section, or of the session level. Views into the text that is parsed.
struct Attributes {
  std::optional<std::string_view> mid;
  std::optional<std::string_view> ice_ufrag;
  std::optional<std::string_view> ice_pwd;
  std::optional<std::string_view> setup;
  std::optional<std::string_view> sctp_port;
  std::optional<std::string_view> sctpmap;
  std::optional<std::string_view> max_message_size;
  std::optional<std::string_view> ming;
  std::vector<std::string_view> groups;
  std::vector<SdpFingerprint> fingerprints;
  std::vector<IceCandidate> candidates;
  bool end_of_candidates = false;
  bool trickle = false;
  bool ice_lite = false;
  bool bundle_only = false;
};

struct Section {
  std::string_view media;
  std::string_view port;
  std::string_view protocol;
  std::string formats;  // single spaces
  Attributes attributes;
};

// An attribute that is allowed once, and where the parser keeps it.
struct SingleAttribute {
  std::string_view name;
  std::optional<std::string_view> Attributes::*slot;
};

constexpr SingleAttribute kSingleAttributes[] = {
    {"mid", &Attributes::mid},
    {"ice-ufrag", &Attributes::ice_ufrag},
    {"ice-pwd", &Attributes::ice_pwd},
    {"setup", &Attributes::setup},
    {"sctp-port", &Attributes::sctp_port},
    {"sctpmap", &Attributes::sctpmap},
    {"max-message-size", &Attributes::max_message_size},
    {"x-ming", &Attributes::ming},
};

// What a known hash has in bytes; nothing for an unknown one.
std::optional<size_t> DigestBytes(std::string_view algorithm) {
  if (algorithm == "sha-1") return 20;
  if (algorithm == "sha-224") return 28;
  if (algorithm == "sha-256") return 32;
  if (algorithm == "sha-384") return 48;
  if (algorithm == "sha-512") return 64;
  return std::nullopt;
}

std::optional<uint8_t> ParseHexByte(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    constexpr std::string_view kLowerHexDigits = "0123456789abcdef";
    const size_t digit = kLowerHexDigits.find(LowerCase({&c, 1}));
    if (digit == std::string_view::npos) return std::nullopt;
    value = value << 4U | static_cast<unsigned>(digit);
  }
  return static_cast<uint8_t>(value);
}

// "sha-256 AA:BB:..." (RFC 8122, section 5).
Result<SdpFingerprint> ParseFingerprint(std::string_view value) {
  SdpFingerprint fingerprint;
  fingerprint.algorithm = LowerCase(TakeWord(value));
  if (!IsSdpToken(fingerprint.algorithm)) return Malformed("a fingerprint without hash function");
  std::string_view digits = TakeWord(value);
  if (digits.empty() || !TakeWord(value).empty()) return Malformed("bad fingerprint");
  if (digits.size() >= 3 * kMaxDigestBytes) return Malformed("a fingerprint that is too long");
  // A separator behind the last byte leaves an empty one, which is none.
  for (bool more = true; more;) {
    more = digits.find(':') != std::string_view::npos;
    const auto byte = ParseHexByte(TakeUntil(digits, ':'));
    if (!byte) return Malformed("bad fingerprint");
    fingerprint.digest.push_back(*byte);
  }
  const auto want = DigestBytes(fingerprint.algorithm);
  if (want && fingerprint.digest.size() != *want)
    return Malformed("a fingerprint of the wrong length");
  return fingerprint;
}

Result<SdpSetup> ParseSetup(std::string_view value) {
  if (value == "actpass") return SdpSetup::kActpass;
  if (value == "active") return SdpSetup::kActive;
  if (value == "passive") return SdpSetup::kPassive;
  return Malformed("bad setup " + Quoted(value));
}

bool HasWord(std::string_view words, std::string_view wanted) {
  for (std::string_view word = TakeWord(words); !word.empty(); word = TakeWord(words)) {
    if (word == wanted) return true;
  }
  return false;
}

std::optional<DataChannelForm> FormOf(const Section& section) {
  if (section.media != "application") return std::nullopt;
  if (section.protocol == "DTLS/SCTP") {
    // draft-ietf-mmusic-sctp-sdp-05: the format is the SCTP port, a=sctpmap names what it carries.
    if (!ParseDecimal(section.formats, UINT16_MAX)) return std::nullopt;
    std::string_view map = section.attributes.sctpmap.value_or("0 webrtc-datachannel");
    TakeWord(map);
    if (TakeWord(map) != "webrtc-datachannel") return std::nullopt;
    return DataChannelForm::kLegacy;
  }
  if (section.formats != "webrtc-datachannel") return std::nullopt;
  if (section.protocol == "UDP/DTLS/SCTP") return DataChannelForm::kUdpDtlsSctp;
  if (section.protocol == "TCP/DTLS/SCTP") return DataChannelForm::kTcpDtlsSctp;
  return std::nullopt;
}

// Port 0 rejects a section, unless it only waits for its bundle (RFC 9143, section 6).
bool IsRejected(const Section& section) {
  return ParseDecimal(section.port, 0).has_value() && !section.attributes.bundle_only;
}

// First pass: the text as session level and sections.
class LineParser {
 public:
  explicit LineParser(const SdpLimits& limits) : limits_(limits) {}

  Status Parse(std::string_view text);

  uint64_t session_id() const { return session_id_; }
  uint64_t session_version() const { return session_version_; }
  const Attributes& session() const { return session_; }
  const std::vector<Section>& sections() const { return sections_; }

 private:
  Status ParseLine(std::string_view line);
  Status ParseOrigin(std::string_view value);
  Status ParseMedia(std::string_view value);
  Status ParseAttribute(std::string_view attribute);
  Status ParseListAttribute(std::string_view name, std::string_view value, Attributes& into);
  Attributes& current() { return sections_.empty() ? session_ : sections_.back().attributes; }

  const SdpLimits& limits_;
  size_t lines_ = 0;
  size_t candidates_ = 0;
  size_t fingerprints_ = 0;
  bool has_origin_ = false;
  uint64_t session_id_ = 0;
  uint64_t session_version_ = 0;
  Attributes session_;
  std::vector<Section> sections_;
};

Status LineParser::Parse(std::string_view text) {
  if (text.size() > limits_.max_bytes) return Exhausted("text");
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() && text.empty()) break;  // one empty line at the end
    if (++lines_ > limits_.max_lines) return Exhausted("lines");
    if (line.size() > limits_.max_line_bytes) return Exhausted("line");
    if (Status status = ParseLine(line); !status.ok()) return status;
  }
  if (!has_origin_) return Malformed("no o= line");
  return Status::Ok();
}

Status LineParser::ParseLine(std::string_view line) {
  if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z')
    return Malformed("no SDP line: " + Quoted(line));
  const bool has_control = std::any_of(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
  if (has_control) return Malformed("a control character");
  const std::string_view value = line.substr(2);
  if (lines_ == 1) return line == "v=0" ? Status::Ok() : Malformed("want v=0 first");
  switch (line[0]) {
    case 'v':
      return Malformed("a second v= line");
    case 'o':
      return ParseOrigin(value);
    case 'm':
      return ParseMedia(value);
    case 'a':
      return ParseAttribute(value);
    default:
      return Status::Ok();  // names, times and addresses decide nothing here
  }
}

Status LineParser::ParseOrigin(std::string_view value) {
  if (has_origin_ || !sections_.empty()) return Malformed("an o= line too many");
  has_origin_ = true;
  const std::string_view username = TakeWord(value);
  const auto id = ParseDecimal(TakeWord(value), UINT64_MAX);
  const auto version = ParseDecimal(TakeWord(value), UINT64_MAX);
  const std::string_view net_type = TakeWord(value);
  const std::string_view address_type = TakeWord(value);
  const std::string_view address = TakeWord(value);
  if (username.empty() || !id || !version || net_type != "IN" || address.empty() ||
      (address_type != "IP4" && address_type != "IP6"))
    return Malformed("bad o= line");
  session_id_ = *id;
  session_version_ = *version;
  return Status::Ok();
}

Status LineParser::ParseMedia(std::string_view value) {
  if (sections_.size() == limits_.max_media_sections) return Exhausted("media sections");
  if (!IsPrintableAscii(value)) return Malformed("bad m= line");
  Section section;
  section.media = TakeWord(value);
  section.port = TakeWord(value);
  section.protocol = TakeWord(value);
  for (std::string_view format = TakeWord(value); !format.empty(); format = TakeWord(value)) {
    if (!section.formats.empty()) section.formats += ' ';
    section.formats += format;
  }
  if (section.formats.empty()) return Malformed("m= line is cut off");
  sections_.push_back(std::move(section));
  return Status::Ok();
}

Status LineParser::ParseAttribute(std::string_view attribute) {
  std::string_view value = attribute;
  const std::string_view name = TakeUntil(value, ':');
  Attributes& into = current();
  for (const SingleAttribute& single : kSingleAttributes) {
    if (name != single.name) continue;
    auto& slot = into.*single.slot;
    if (slot && *slot != value) return Malformed("two different values of " + std::string(name));
    slot = value;
    return Status::Ok();
  }
  if (name == "end-of-candidates") {
    into.end_of_candidates = true;
  } else if (name == "ice-lite") {
    into.ice_lite = true;
  } else if (name == "bundle-only") {
    into.bundle_only = true;
  } else if (name == "ice-options") {
    into.trickle = into.trickle || HasWord(value, "trickle");
  } else {
    return ParseListAttribute(name, value, into);
  }
  return Status::Ok();
}

Status LineParser::ParseListAttribute(std::string_view name, std::string_view value,
                                      Attributes& into) {
  if (name == "candidate") {
    if (++candidates_ > limits_.max_candidates) return Exhausted("candidates");
    auto candidate = ParseIceCandidate(value);
    if (!candidate.ok()) return candidate.status().WithContext("session description");
    into.candidates.push_back(*std::move(candidate));
  } else if (name == "fingerprint") {
    if (++fingerprints_ > limits_.max_fingerprints) return Exhausted("fingerprints");
    auto fingerprint = ParseFingerprint(value);
    if (!fingerprint.ok()) return fingerprint.status();
    into.fingerprints.push_back(*std::move(fingerprint));
  } else if (name == "group") {
    into.groups.push_back(value);
  }
  return Status::Ok();
}

// Second pass: the description of the data-channel section.
class DescriptionBuilder {
 public:
  DescriptionBuilder(const LineParser& lines, SdpKind kind) : lines_(lines), kind_(kind) {}

  Result<SessionDescription> Build();

 private:
  // The level at which an attribute holds for our section: itself, the first section of its bundle,
  // or the session.
  template <typename Predicate>
  const Attributes* FindLevel(Predicate has_it) const;

  Status PickSection();
  Status CheckMids();
  void FindBundle();
  Status FillTransport();
  Status FillSctp();
  Status FillSecurity();

  const LineParser& lines_;
  SdpKind kind_;
  const Section* section_ = nullptr;
  const Section* bundle_head_ = nullptr;
  SessionDescription description_;
};

template <typename Predicate>
const Attributes* DescriptionBuilder::FindLevel(Predicate has_it) const {
  const Attributes* const levels[] = {
      &section_->attributes, bundle_head_ ? &bundle_head_->attributes : nullptr, &lines_.session()};
  for (const Attributes* level : levels) {
    if (level != nullptr && has_it(*level)) return level;
  }
  return nullptr;
}

Result<SessionDescription> DescriptionBuilder::Build() {
  description_.session_id = lines_.session_id();
  description_.session_version = lines_.session_version();
  for (const auto step : {&DescriptionBuilder::CheckMids, &DescriptionBuilder::PickSection,
                          &DescriptionBuilder::FillTransport, &DescriptionBuilder::FillSecurity,
                          &DescriptionBuilder::FillSctp}) {
    if (Status status = (this->*step)(); !status.ok()) return status;
  }
  if (lines_.session().ming) description_.ming = ParseMingFeatures(*lines_.session().ming);
  return std::move(description_);
}

// A mid names one section.
Status DescriptionBuilder::CheckMids() {
  std::set<std::string_view> seen;
  for (const Section& section : lines_.sections()) {
    const auto& mid = section.attributes.mid;
    if (!mid) continue;
    if (mid->size() > kMaxMidBytes || !IsSdpToken(*mid))
      return Malformed("bad mid " + Quoted(*mid));
    if (!seen.insert(*mid).second) return Malformed("two sections with mid " + Quoted(*mid));
  }
  return Status::Ok();
}

Status DescriptionBuilder::PickSection() {
  bool was_rejected = false;
  for (const Section& section : lines_.sections()) {
    const std::string mid(section.attributes.mid.value_or(""));
    const auto form = section_ == nullptr ? FormOf(section) : std::nullopt;
    if (form && !IsRejected(section)) {
      section_ = &section;
      description_.section_index = description_.other_sections.size();
      description_.form = *form;
      description_.mid = mid;
      continue;
    }
    was_rejected = was_rejected || form.has_value();
    description_.other_sections.push_back(
        {std::string(section.media), std::string(section.protocol), section.formats, mid});
  }
  if (section_ == nullptr) {
    return Unsupported(was_rejected ? "the data channel section is rejected"
                                    : "no data channel section");
  }
  if (!ParseDecimal(section_->port, UINT16_MAX)) return Malformed("bad port in the m= line");
  FindBundle();
  return Status::Ok();
}

void DescriptionBuilder::FindBundle() {
  description_.bundled = false;
  if (description_.mid.empty()) return;
  for (std::string_view group : lines_.session().groups) {
    if (TakeWord(group) != "BUNDLE" || !HasWord(group, description_.mid)) continue;
    description_.bundled = true;
    const std::string_view head_mid = TakeWord(group);
    for (const Section& section : lines_.sections()) {
      if (section.attributes.mid == head_mid) bundle_head_ = &section;
    }
    return;
  }
}

Status DescriptionBuilder::FillTransport() {
  const Attributes* credentials =
      FindLevel([](const Attributes& a) { return a.ice_ufrag || a.ice_pwd; });
  if (credentials == nullptr || !credentials->ice_ufrag || !credentials->ice_pwd)
    return Malformed("no ICE credentials");
  // RFC 8839, section 5.4.
  if (!IsIceText(*credentials->ice_ufrag, 4, 256)) return Malformed("bad ice-ufrag");
  if (!IsIceText(*credentials->ice_pwd, 22, 256)) return Malformed("bad ice-pwd");
  description_.ice.username_fragment = std::string(*credentials->ice_ufrag);
  description_.ice.password = Secret(std::string(*credentials->ice_pwd));
  description_.ice_lite = lines_.session().ice_lite;
  description_.trickle = FindLevel([](const Attributes& a) { return a.trickle; }) != nullptr;
  description_.end_of_candidates =
      FindLevel([](const Attributes& a) { return a.end_of_candidates; }) != nullptr;
  const Attributes* candidates =
      FindLevel([](const Attributes& a) { return !a.candidates.empty(); });
  if (candidates != nullptr) description_.candidates = candidates->candidates;
  return Status::Ok();
}

Status DescriptionBuilder::FillSecurity() {
  const Attributes* prints = FindLevel([](const Attributes& a) { return !a.fingerprints.empty(); });
  if (prints == nullptr) return Malformed("no fingerprint");
  description_.fingerprints = prints->fingerprints;
  const bool has_sha256 =
      std::any_of(prints->fingerprints.begin(), prints->fingerprints.end(),
                  [](const SdpFingerprint& print) { return print.algorithm == "sha-256"; });
  if (!has_sha256) return Unsupported("no sha-256 fingerprint");
  const Attributes* level = FindLevel([](const Attributes& a) { return a.setup.has_value(); });
  if (level == nullptr) return Malformed("no setup");
  const auto setup = ParseSetup(*level->setup);
  if (!setup.ok()) return setup.status();
  if (kind_ == SdpKind::kAnswer && *setup == SdpSetup::kActpass)
    return Malformed("an answer with setup:actpass");
  description_.setup = *setup;
  return Status::Ok();
}

Status DescriptionBuilder::FillSctp() {
  const Attributes& attributes = section_->attributes;
  std::optional<std::string_view> port = attributes.sctp_port;
  if (description_.form == DataChannelForm::kLegacy) {
    port = section_->formats;
    std::string_view map = attributes.sctpmap.value_or(section_->formats);
    if (TakeWord(map) != port) return Malformed("sctpmap names another port than the m= line");
  }
  description_.sctp_port = kDefaultSctpPort;
  if (port) {
    const auto value = ParseDecimal(*port, UINT16_MAX);
    if (!value || *value == 0) return Malformed("bad SCTP port " + Quoted(*port));
    description_.sctp_port = static_cast<uint16_t>(*value);
  }
  description_.max_message_bytes = kDefaultMaxMessageBytes;
  if (attributes.max_message_size) {
    const auto value = ParseDecimal(*attributes.max_message_size, UINT64_MAX);
    if (!value) return Malformed("bad max-message-size " + Quoted(*attributes.max_message_size));
    description_.max_message_bytes = value;
    if (*value == 0) description_.max_message_bytes = std::nullopt;  // any size (RFC 8841)
  }
  return Status::Ok();
}

}  // namespace

Result<SessionDescription> ParseSessionDescription(std::string_view text, SdpKind kind,
                                                   const SdpLimits& limits) {
  LineParser lines(limits);
  if (Status status = lines.Parse(text); !status.ok()) return status;
  return DescriptionBuilder(lines, kind).Build();
}

}  // namespace ming::codec
