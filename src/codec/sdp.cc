#include "ming/codec/sdp.h"

#include <tuple>

#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

std::string_view SetupName(SdpSetup setup) {
  switch (setup) {
    case SdpSetup::kActpass:
      return "actpass";
    case SdpSetup::kActive:
      return "active";
    case SdpSetup::kPassive:
      return "passive";
  }
  return "";
}

std::string FingerprintText(const SdpFingerprint& fingerprint) {
  std::string text = fingerprint.algorithm;
  char separator = ' ';
  for (const uint8_t byte : fingerprint.digest) {
    text += separator;
    text += kHexDigits[byte >> 4U];
    text += kHexDigits[byte & 15U];
    separator = ':';
  }
  return text;
}

// Lines with CRLF; a field that would end a line early is a bug of ours, since what came from a
// peer was parsed.
class LineWriter {
 public:
  void Line(std::string_view text) {
    CHECK(IsPrintableAscii(text)) << "a session description holds printable ASCII only";
    (out_ += text) += "\r\n";
  }
  void Attribute(std::string_view name, std::string_view value) {
    Line("a=" + std::string(name) + ':' + std::string(value));
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

bool IsRtp(const SdpOtherSection& section) {
  return section.media == "audio" || section.media == "video";
}

void WriteOtherSection(const SdpOtherSection& section, LineWriter& out) {
  // RFC 3264, section 6: port zero rejects a stream.
  out.Line("m=" + section.media + " 0 " + section.protocol + ' ' + section.formats);
  out.Line("c=IN IP4 0.0.0.0");
  if (!section.mid.empty()) out.Attribute("mid", section.mid);
  if (IsRtp(section)) out.Line("a=inactive");
}

std::string MediaLine(const SessionDescription& description) {
  switch (description.form) {
    case DataChannelForm::kUdpDtlsSctp:
      return "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
    case DataChannelForm::kTcpDtlsSctp:
      return "m=application 9 TCP/DTLS/SCTP webrtc-datachannel";
    case DataChannelForm::kLegacy:
      return "m=application 9 DTLS/SCTP " + std::to_string(description.sctp_port);
  }
  return "";
}

void WriteDataSection(const SessionDescription& description, LineWriter& out) {
  out.Line(MediaLine(description));
  out.Line("c=IN IP4 0.0.0.0");
  for (const IceCandidate& candidate : description.candidates) {
    out.Line("a=" + SerializeIceCandidate(candidate));
  }
  if (description.end_of_candidates) out.Line("a=end-of-candidates");
  out.Attribute("ice-ufrag", description.ice.username_fragment);
  out.Attribute("ice-pwd", description.ice.password.Reveal());
  if (description.trickle) out.Attribute("ice-options", "trickle");
  for (const SdpFingerprint& fingerprint : description.fingerprints) {
    out.Attribute("fingerprint", FingerprintText(fingerprint));
  }
  out.Attribute("setup", SetupName(description.setup));
  if (!description.mid.empty()) out.Attribute("mid", description.mid);
  const std::string port = std::to_string(description.sctp_port);
  if (description.form == DataChannelForm::kLegacy) {
    out.Attribute("sctpmap", port + " webrtc-datachannel 65535");
  } else {
    out.Attribute("sctp-port", port);
  }
  out.Attribute("max-message-size", std::to_string(description.max_message_bytes.value_or(0)));
}

auto Fields(const SessionDescription& d) {
  return std::tie(d.session_id, d.session_version, d.form, d.mid, d.bundled, d.ice, d.trickle,
                  d.ice_lite, d.fingerprints, d.setup, d.sctp_port, d.max_message_bytes,
                  d.candidates, d.end_of_candidates, d.ming, d.other_sections, d.section_index);
}

bool IsComplementary(SdpSetup offered, SdpSetup answered) {
  switch (offered) {
    case SdpSetup::kActpass:
      return answered != SdpSetup::kActpass;
    case SdpSetup::kActive:
      return answered == SdpSetup::kPassive;
    case SdpSetup::kPassive:
      return answered == SdpSetup::kActive;
  }
  return false;
}

}  // namespace

bool operator==(const SessionDescription& a, const SessionDescription& b) {
  return Fields(a) == Fields(b);
}

std::string SerializeSessionDescription(const SessionDescription& description) {
  CHECK(description.section_index <= description.other_sections.size());
  LineWriter out;
  out.Line("v=0");
  out.Line("o=- " + std::to_string(description.session_id) + ' ' +
           std::to_string(description.session_version) + " IN IP4 127.0.0.1");
  out.Line("s=-");
  out.Line("t=0 0");
  if (description.bundled && !description.mid.empty())
    out.Attribute("group", "BUNDLE " + description.mid);
  out.Attribute("msid-semantic", " WMS");
  if (description.ice_lite) out.Line("a=ice-lite");
  if (description.ming) out.Attribute("x-ming", SerializeMingFeatures(*description.ming));
  for (size_t i = 0; i <= description.other_sections.size(); ++i) {
    if (i == description.section_index) WriteDataSection(description, out);
    if (i < description.other_sections.size())
      WriteOtherSection(description.other_sections[i], out);
  }
  return out.Take();
}

SessionDescription MakeAnswerSkeleton(const SessionDescription& offer) {
  SessionDescription answer;
  answer.form = offer.form;
  answer.mid = offer.mid;
  answer.bundled = offer.bundled;
  answer.trickle = offer.trickle;
  answer.setup = offer.setup == SdpSetup::kActive ? SdpSetup::kPassive : SdpSetup::kActive;
  answer.other_sections = offer.other_sections;
  answer.section_index = offer.section_index;
  for (SdpOtherSection& section : answer.other_sections) {
    // Pion refuses an answer whose payload types it cannot look up, also in a rejected section; 0
    // it passes over.
    if (IsRtp(section)) section.formats = "0";
  }
  return answer;
}

Status CheckAnswerFitsOffer(const SessionDescription& offer, const SessionDescription& answer) {
  const auto violation = [](const char* why) {
    return Status(StatusCode::kProtocolViolation, std::string("answer: ") + why);
  };
  if (answer.other_sections.size() != offer.other_sections.size())
    return violation("not the sections of the offer");
  if (answer.section_index != offer.section_index)
    return violation("the data channel section is at another place");
  if (answer.mid != offer.mid) return violation("another mid than the offer's");
  if (!IsComplementary(offer.setup, answer.setup))
    return violation("a setup that does not complement the offer's");
  return Status::Ok();
}

}  // namespace ming::codec
