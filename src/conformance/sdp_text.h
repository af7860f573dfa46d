// Session descriptions as text: looking for lines, and changing them. For what a codec would hide
// or could not write.
#ifndef MING_CONFORMANCE_SDP_TEXT_H_
#define MING_CONFORMANCE_SDP_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ming::conformance {

// The lines without their ends, CRLF or LF.
std::vector<std::string> SdpLines(std::string_view text);
// With CRLF.
std::string JoinSdpLines(const std::vector<std::string>& lines);

// What follows `prefix` in each line that begins with it: SdpValues(text, "a=setup:").
std::vector<std::string> SdpValues(std::string_view text, std::string_view prefix);
size_t CountSdpLines(std::string_view text, std::string_view prefix);

// Edits; each gives the whole text with CRLF.
std::string WithoutSdpLines(std::string_view text, std::string_view prefix);
// Every line that begins with `prefix` becomes `line`.
std::string WithSdpLine(std::string_view text, std::string_view prefix, const std::string& line);
// `line` is put in front of the first m= line, that is, at session level.
std::string WithSessionLine(std::string_view text, const std::string& line);
// `line` is put at the end, that is, into the last section.
std::string WithMediaLine(std::string_view text, const std::string& line);
// Lines that begin with `prefix` move from their section to session level.
std::string AtSessionLevel(std::string_view text, std::string_view prefix);
std::string WithBareLineFeeds(std::string_view text);
// m=application 9 DTLS/SCTP 5000 and a=sctpmap, as aiortc offers.
std::string AsLegacyForm(std::string_view text);
// An m=audio section behind the others, in the same BUNDLE group.
std::string WithAudioSection(std::string_view text);

// Judgements: empty, or what is wrong.

// Form (RFC 8866, section 5): v= o= s= t= in that order and first, every line "x=", CRLF at the end
// of each.
std::string JudgeSdpForm(std::string_view text);
// A data-channel section of RFC 8841 with port, a=sctp-port, a=max-message-size in their grammar.
std::string JudgeSctpSection(std::string_view text);
// An answer has the sections of its offer in their order, the same mid, the offer's BUNDLE group
// (RFC 3264, section 6; RFC 8843, section 7.3).
std::string JudgeSections(std::string_view offer, std::string_view answer);
// ICE credentials of 4 to 256 and 22 to 256 ice-chars (RFC 8839, section 5.4).
std::string JudgeIceCredentials(std::string_view text);
// At least one fingerprint of sha-256 with 32 pairs of upper-case digits (RFC 8122, section 5).
std::string JudgeFingerprint(std::string_view text);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_SDP_TEXT_H_
