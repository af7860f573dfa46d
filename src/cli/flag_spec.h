// FlagSpec and FlagSet: what one command-line flag is. The argument parser, the environment, the
// configuration file and the help screens all read the same table.
#ifndef MING_CLI_FLAG_SPEC_H_
#define MING_CLI_FLAG_SPEC_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ming::cli {

enum class ValueType {
  kBool,       // true/false, yes/no, on/off, 1/0; on the command line the name alone means true
  kInteger,    // decimal, between FlagSpec::minimum and maximum
  kDuration,   // 300ms, 10s, 1m30s; between FlagSpec::minimum and maximum nanoseconds
  kSize,       // 64KiB, 1M; between FlagSpec::minimum and maximum bytes
  kText,       // any printable text up to FlagSpec::maximum bytes
  kTextList,   // texts between commas; repeating the flag appends
  kChoice,     // one of FlagSpec::choices
  kAddress,    // host:port, [v6]:port, :port
  kPath,       // a file or folder name
  kPortRange,  // low-high, or empty
};

// Whether a value may be seen by others.
enum class Sensitivity { kPlain, kSecret };

// Where a flag may be set.
enum class Sources {
  kEverywhere,
  kNoFile,       // command line and environment
  kCommandLine,  // command line only
};

// How much a help screen says about a flag.
enum class Detail {
  kFull,
  kNameOnly,  // with others of its kind in one list
};

// The headings of a help screen, in their order.
enum class FlagGroup { kMain, kNetwork, kLimits, kLogging };

struct FlagSpec {
  std::string name;  // as help shows it, without dashes in front: "stun-server", "log_dir"
  ValueType type = ValueType::kText;
  std::string default_text;
  std::string value_name;  // stands for the value in help: "HOST:PORT"; empty for kBool
  std::string help;        // one line, no full stop
  FlagGroup group = FlagGroup::kMain;
  Sensitivity sensitivity = Sensitivity::kPlain;
  Sources sources = Sources::kEverywhere;
  Detail detail = Detail::kFull;
  bool required = false;
  // Other names that mean the same, not shown in help.
  std::vector<std::string> aliases = {};
  // For kChoice all values; for kDuration and kSize words that are allowed as well.
  std::vector<std::string> choices = {};
  uint64_t minimum = 0;
  uint64_t maximum = std::numeric_limits<uint64_t>::max();
  // For "x-file": the secret flag whose value the file holds.
  std::string secret_of = {};
};

// One spelling for comparing: lower-case is kept, '_' becomes '-'.
std::string NormalizeFlagName(std::string_view name);

class FlagSet {
 public:
  FlagSet() = default;
  // Adds for every secret "x" a flag "x-file", right behind it. CHECKs that names are unique.
  explicit FlagSet(std::vector<FlagSpec> flags);

  const std::vector<FlagSpec>& flags() const { return flags_; }
  // By name or alias, '-' and '_' alike; null where there is none. Valid as long as the set.
  const FlagSpec* Find(std::string_view name) const;
  // The name of this set nearest to a misspelt one; nothing when none is near.
  std::optional<std::string> Suggest(std::string_view name) const;

 private:
  std::vector<FlagSpec> flags_;
};

// One command's flags, under the command's name.
struct CommandFlags {
  std::string command;
  const FlagSet* flags = nullptr;
};

// The candidate nearest to `word` by edits (an insertion, deletion, replacement or swap is one), if
// near enough to be meant.
std::optional<std::string> NearestWord(std::string_view word,
                                       const std::vector<std::string>& candidates);

// "; did you mean \"x\"?", or nothing.
std::string DidYouMean(const std::optional<std::string>& suggestion);

}  // namespace ming::cli

#endif  // MING_CLI_FLAG_SPEC_H_
