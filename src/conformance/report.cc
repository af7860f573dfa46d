#include "ming/conformance/report.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "ming/base/utf8.h"

namespace ming::conformance {
namespace {

constexpr size_t kVerdictColumns = 8;
constexpr size_t kIdColumns = 32;
constexpr size_t kSectionColumns = 24;
constexpr size_t kTimeColumns = 9;
constexpr size_t kDetailBytes = 300;

std::string Padded(std::string_view text, size_t columns) {
  std::string padded(text);
  padded.resize(std::max(columns, text.size() + 1), ' ');
  return padded;
}

}  // namespace

Tally Count(const std::vector<CaseResult>& results) {
  Tally tally;
  for (const CaseResult& result : results) {
    switch (result.outcome.verdict) {
      case Verdict::kHolds:
        ++tally.holds;
        break;
      case Verdict::kFails:
        ++tally.fails;
        break;
      case Verdict::kSkipped:
        ++tally.skipped;
        break;
    }
  }
  return tally;
}

std::string FormatResult(const CaseResult& result) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(result.took);
  std::string line = Padded(VerdictName(result.outcome.verdict), kVerdictColumns) +
                     Padded(result.about.id, kIdColumns) +
                     Padded(result.about.section, kSectionColumns) +
                     Padded(std::to_string(milliseconds.count()) + " ms", kTimeColumns) +
                     std::string(result.about.sentence);
  if (!result.outcome.detail.empty()) {
    line += ": " + PrintableText(result.outcome.detail, kDetailBytes);
  }
  return line;
}

std::string FormatListed(const Case& one) {
  return Padded(one.id, kIdColumns) + Padded(one.section, kSectionColumns) +
         std::string(one.sentence);
}

std::string FormatTally(const Tally& tally) {
  return std::to_string(tally.holds) + " hold, " + std::to_string(tally.fails) + " fail, " +
         std::to_string(tally.skipped) + " skipped";
}

}  // namespace ming::conformance
