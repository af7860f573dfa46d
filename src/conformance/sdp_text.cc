#include "ming/conformance/sdp_text.h"

#include <algorithm>
#include <optional>

#include "ming/codec/text_fields.h"

namespace ming::conformance {
namespace {

constexpr size_t kMinUfragBytes = 4;
constexpr size_t kMinPasswordBytes = 22;
constexpr size_t kMaxCredentialBytes = 256;
constexpr size_t kSha256TextBytes = 32 * 3 - 1;

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string BareName(std::string_view prefix) { return std::string(prefix.substr(2)); }

// "m=audio 9 ..." -> "audio".
std::vector<std::string> MediaKinds(std::string_view text) {
  std::vector<std::string> kinds;
  for (const std::string& value : SdpValues(text, "m=")) {
    kinds.push_back(value.substr(0, value.find(' ')));
  }
  return kinds;
}

bool IsUpperHex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); }

bool IsDigest(std::string_view digest) {
  if (digest.size() != kSha256TextBytes) return false;
  for (size_t i = 0; i < digest.size(); ++i) {
    if (i % 3 == 2 ? digest[i] != ':' : !IsUpperHex(digest[i])) return false;
  }
  return true;
}

}  // namespace

std::vector<std::string> SdpLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines.emplace_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string JoinSdpLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append("\r\n");
  return text;
}

std::vector<std::string> SdpValues(std::string_view text, std::string_view prefix) {
  std::vector<std::string> values;
  for (const std::string& line : SdpLines(text)) {
    if (StartsWith(line, prefix)) values.push_back(line.substr(prefix.size()));
  }
  return values;
}

size_t CountSdpLines(std::string_view text, std::string_view prefix) {
  return SdpValues(text, prefix).size();
}

std::string WithoutSdpLines(std::string_view text, std::string_view prefix) {
  std::vector<std::string> lines = SdpLines(text);
  lines.erase(
      std::remove_if(lines.begin(), lines.end(),
                     [prefix](const std::string& line) { return StartsWith(line, prefix); }),
      lines.end());
  return JoinSdpLines(lines);
}

std::string WithSdpLine(std::string_view text, std::string_view prefix, const std::string& line) {
  std::vector<std::string> lines = SdpLines(text);
  for (std::string& old : lines) {
    if (StartsWith(old, prefix)) old = line;
  }
  return JoinSdpLines(lines);
}

std::string WithSessionLine(std::string_view text, const std::string& line) {
  std::vector<std::string> lines = SdpLines(text);
  const auto media = std::find_if(lines.begin(), lines.end(),
                                  [](const std::string& one) { return StartsWith(one, "m="); });
  lines.insert(media, line);
  return JoinSdpLines(lines);
}

std::string WithMediaLine(std::string_view text, const std::string& line) {
  std::vector<std::string> lines = SdpLines(text);
  lines.push_back(line);
  return JoinSdpLines(lines);
}

std::string AtSessionLevel(std::string_view text, std::string_view prefix) {
  std::string moved = WithoutSdpLines(text, prefix);
  for (const std::string& value : SdpValues(text, prefix)) {
    std::string line(prefix);
    moved = WithSessionLine(moved, line.append(value));
  }
  return moved;
}

std::string WithBareLineFeeds(std::string_view text) {
  std::string bare;
  for (const std::string& line : SdpLines(text)) bare.append(line).append("\n");
  return bare;
}

std::string AsLegacyForm(std::string_view text) {
  const std::vector<std::string> ports = SdpValues(text, "a=sctp-port:");
  const std::string port = ports.empty() ? "5000" : ports.front();
  const std::string section =
      WithSdpLine(text, "m=application", "m=application 9 DTLS/SCTP " + port);
  return WithSdpLine(section, "a=sctp-port:", "a=sctpmap:" + port + " webrtc-datachannel 65535");
}

std::string WithAudioSection(std::string_view text) {
  std::string audio(text);
  for (const char* line : {"m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:sound",
                           "a=rtpmap:111 opus/48000/2", "a=sendrecv", "a=rtcp-mux"}) {
    audio = WithMediaLine(audio, line);
  }
  // Its transport attributes, as every section of an offer has them.
  for (const char* prefix :
       {"a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:", "a=ice-options:"}) {
    for (const std::string& value : SdpValues(text, prefix)) {
      std::string line(prefix);
      audio = WithMediaLine(audio, line.append(value));
    }
  }
  const std::vector<std::string> mids = SdpValues(text, "a=mid:");
  const std::string mid = mids.empty() ? "0" : mids.front();
  return WithSdpLine(audio, "a=group:BUNDLE", "a=group:BUNDLE " + mid + " sound");
}

std::string JudgeSdpForm(std::string_view text) {
  const std::vector<std::string> lines = SdpLines(text);
  if (lines.size() < 4 || lines[0] != "v=0") return "does not begin with v=0";
  if (!StartsWith(lines[1], "o=")) return "the second line is not o=";
  if (!StartsWith(lines[2], "s=")) return "the third line is not s=";
  if (CountSdpLines(text, "t=") != 1) return "not exactly one t= line";
  for (const std::string& line : lines) {
    if (line.size() < 2 || line[1] != '=') return "a line that is no \"x=value\": " + line;
  }
  const auto feeds = std::count(text.begin(), text.end(), '\n');
  const auto returns = std::count(text.begin(), text.end(), '\r');
  if (feeds != returns || text.back() != '\n') return "a line does not end with CRLF";
  return "";
}

std::string JudgeSctpSection(std::string_view text) {
  const std::vector<std::string> sections = SdpValues(text, "m=application ");
  if (sections.size() != 1) return "not exactly one m=application section";
  std::string_view rest = sections.front();
  const std::optional<uint64_t> port = codec::ParseDecimal(codec::TakeWord(rest), 65535);
  if (!port || *port == 0) return "the section has no port, or was rejected";
  const std::string_view protocol = codec::TakeWord(rest);
  if (protocol == "DTLS/SCTP") {
    if (CountSdpLines(text, "a=sctpmap:") != 1) return "DTLS/SCTP without a=sctpmap";
    return "";
  }
  if (protocol != "UDP/DTLS/SCTP" && protocol != "TCP/DTLS/SCTP") {
    return "protocol " + std::string(protocol);
  }
  if (codec::TakeWord(rest) != "webrtc-datachannel") return "format is not webrtc-datachannel";
  const std::vector<std::string> sctp = SdpValues(text, "a=sctp-port:");
  if (sctp.size() != 1 || !codec::ParseDecimal(sctp.front(), 65535)) {
    return "not exactly one a=sctp-port with a port";
  }
  for (const std::string& size : SdpValues(text, "a=max-message-size:")) {
    if (!codec::ParseDecimal(size, UINT64_MAX)) return "a=max-message-size:" + size;
  }
  return "";
}

std::string JudgeSections(std::string_view offer, std::string_view answer) {
  const std::vector<std::string> want = MediaKinds(offer);
  if (MediaKinds(answer) != want) return "the sections are not those of the offer";
  const std::vector<std::string> mids = SdpValues(offer, "a=mid:");
  for (const std::string& mid : SdpValues(answer, "a=mid:")) {
    if (std::find(mids.begin(), mids.end(), mid) == mids.end()) return "a mid of its own: " + mid;
  }
  if (want.size() == 1 && CountSdpLines(answer, "a=mid:") != mids.size()) return "the mid is gone";
  const bool offered = CountSdpLines(offer, "a=group:BUNDLE") > 0;
  if (offered && CountSdpLines(answer, "a=group:BUNDLE") != 1) return "the BUNDLE group is gone";
  return "";
}

std::string JudgeIceCredentials(std::string_view text) {
  for (const auto& [prefix, least] :
       {std::pair("a=ice-ufrag:", kMinUfragBytes), std::pair("a=ice-pwd:", kMinPasswordBytes)}) {
    const std::vector<std::string> values = SdpValues(text, prefix);
    if (values.empty()) return "no " + BareName(prefix);
    for (const std::string& value : values) {
      if (!codec::IsIceText(value, least, kMaxCredentialBytes)) {
        return BareName(prefix) + " of " + std::to_string(value.size()) +
               " bytes, or with characters that are not allowed";
      }
    }
  }
  return "";
}

std::string JudgeFingerprint(std::string_view text) {
  bool usable = false;
  for (const std::string& value : SdpValues(text, "a=fingerprint:")) {
    std::string_view rest = value;
    if (!codec::EqualsIgnoreCase(codec::TakeWord(rest), "sha-256")) continue;
    if (!IsDigest(codec::TakeWord(rest))) return "not 32 upper-case pairs: " + value;
    usable = true;
  }
  return usable ? "" : "no sha-256 fingerprint";
}

}  // namespace ming::conformance
