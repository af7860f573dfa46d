// The report of a run: lines of the table, and what they add up to.
#ifndef MING_CONFORMANCE_REPORT_H_
#define MING_CONFORMANCE_REPORT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "ming/base/time.h"
#include "ming/conformance/case.h"

namespace ming::conformance {

struct CaseResult {
  Case about;
  Outcome outcome;
  Duration took{0};
};

struct Tally {
  size_t holds = 0;
  size_t fails = 0;
  size_t skipped = 0;

  // Something was shown, and nothing against it.
  bool all_hold() const { return fails == 0 && holds > 0; }
};

Tally Count(const std::vector<CaseResult>& results);

// One line of the table, without a line end: verdict, id, section, time, sentence, and the detail
// where there is one. Control characters of a peer are replaced.
std::string FormatResult(const CaseResult& result);
// The same columns for `--list`: id, section, sentence.
std::string FormatListed(const Case& one);
// "71 hold, 0 fail, 2 skipped".
std::string FormatTally(const Tally& tally);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_REPORT_H_
