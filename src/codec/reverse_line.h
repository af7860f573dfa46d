// The lines of RT1, the protocol between the two ends of a reverse tunnel: printable ASCII, words
// with one space between them, then parameters "key=value" in any order. A line here is without its
// LF; the exact bytes are in docs/reverse.md.
#ifndef MING_CODEC_REVERSE_LINE_H_
#define MING_CODEC_REVERSE_LINE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/random.h"
#include "ming/base/status.h"

namespace ming::codec {

// Bytes of a line, with its LF: the first of a connection, and every other.
inline constexpr size_t kMaxReverseFirstLine = 1024;
inline constexpr size_t kMaxReverseLine = 512;

// Names one caller between announcement and end. Nobody can guess it: 128 random bits.
class ReverseConnId {
 public:
  // All zero; no connection has it.
  ReverseConnId() = default;
  // `random` must be unpredictable.
  static ReverseConnId Draw(Random& random);
  // 32 lower-case hexadecimal digits.
  static std::optional<ReverseConnId> Parse(std::string_view text);

  std::string ToString() const;
  // The first 8 digits: what logs may show while the whole is still a key.
  std::string Prefix() const { return ToString().substr(0, 8); }

  uint64_t high() const { return high_; }
  uint64_t low() const { return low_; }
  friend bool operator==(const ReverseConnId& a, const ReverseConnId& b) {
    return a.high_ == b.high_ && a.low_ == b.low_;
  }
  friend bool operator!=(const ReverseConnId& a, const ReverseConnId& b) { return !(a == b); }
  friend bool operator<(const ReverseConnId& a, const ReverseConnId& b) {
    return a.high_ != b.high_ ? a.high_ < b.high_ : a.low_ < b.low_;
  }

 private:
  uint64_t high_ = 0;
  uint64_t low_ = 0;
};

// The name of a client, or of a group of clients: 1 to 64 of A-Z a-z 0-9 . _ -
bool IsReverseName(std::string_view text);

// The parameters of a line. Unknown ones are kept and ignored.
class ReverseParams {
 public:
  ReverseParams() = default;
  // CHECKs that key and value are as the grammar says, and that the key is new.
  void Add(std::string key, std::string value);
  std::optional<std::string_view> Find(std::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }

  friend bool operator==(const ReverseParams& a, const ReverseParams& b) {
    return a.all_ == b.all_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

// First lines, client to server.
struct ReverseControl {  // "RT1 CONTROL id=home"
  ReverseParams params;
};
struct ReverseData {  // "RT1 DATA <connid>"
  ReverseConnId conn;
  ReverseParams params;
};
using ReverseFirstLine = std::variant<ReverseControl, ReverseData>;

enum class ReverseError {
  kProto,
  kVersion,
  kTooLong,
  kTimeout,
  kBusy,
  kAuth,
  kUnknown,
  kTaken,
  kLimit,
  kShutdown,
};
// "PROTO", "TOO_LONG".
std::string_view ReverseErrorName(ReverseError error);

// The reply to a first line.
struct ReverseOk {
  ReverseParams params;
};
struct ReverseErr {
  // None: a code this version does not know.
  std::optional<ReverseError> code;
  std::string text;  // for people; may be empty
};
using ReverseReply = std::variant<ReverseOk, ReverseErr>;

enum class ReverseReason {
  kDone,
  kPairTimeout,
  kCallerGone,
  kTargetRefused,
  kTargetTimeout,
  kTargetUnreachable,
  kTargetDns,
  kLimit,
  kDenied,
  kReset,
  kIdle,
  kShutdown,
  kControlLost,
  kReplaced,
  kProtocol,
  kInternal,
};
inline constexpr size_t kReverseReasonCount = 16;
// "done", "pair-timeout".
std::string_view ReverseReasonName(ReverseReason reason);

// Lines of a control connection after the reply.
struct ReverseNewConn {  // "NEW_CONN <connid> src=192.0.2.1:5000 ttl=9800"
  ReverseConnId conn;
  ReverseParams params;
};
struct ReverseAhead {  // "AHEAD <connid>"
  ReverseConnId conn;
  ReverseParams params;
};
struct ReverseReady {  // "READY <connid>"
  ReverseConnId conn;
  ReverseParams params;
};
struct ReverseClose {
  ReverseConnId conn;
  ReverseReason reason = ReverseReason::kDone;
};
struct ReversePing {
  uint64_t number = 0;
};
struct ReversePong {
  uint64_t number = 0;
};
struct ReverseBye {
  ReverseReason reason = ReverseReason::kShutdown;
};
using ReverseMessage = std::variant<ReverseNewConn, ReverseAhead, ReverseReady, ReverseClose,
                                    ReversePing, ReversePong, ReverseBye>;

// `line` is without LF and without the CR before it. kUnsupported: another version of RT;
// kMalformed: not a first line.
Result<ReverseFirstLine> ParseReverseFirstLine(std::string_view line);
// kMalformed: neither OK nor ERR.
Result<ReverseReply> ParseReverseReply(std::string_view line);
// kUnsupported: an unknown verb, to be counted and ignored; kMalformed: a known one used wrongly.
Result<ReverseMessage> ParseReverseMessage(std::string_view line);

// With the LF. CHECKs that the line fits its limit; of the text of an ERR, what does not is cut.
std::string SerializeReverseLine(const ReverseFirstLine& line);
std::string SerializeReverseLine(const ReverseReply& reply);
std::string SerializeReverseLine(const ReverseMessage& message);

}  // namespace ming::codec

template <>
struct std::hash<ming::codec::ReverseConnId> {
  size_t operator()(const ming::codec::ReverseConnId& id) const {
    return static_cast<size_t>(id.high() ^ id.low());  // random bits already
  }
};

#endif  // MING_CODEC_REVERSE_LINE_H_
