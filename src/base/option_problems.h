// OptionProblems: collects what is wrong with an options struct, so that a user sees all of it at
// once.
#ifndef MING_BASE_OPTION_PROBLEMS_H_
#define MING_BASE_OPTION_PROBLEMS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/base/units.h"

namespace ming {

class OptionProblems {
 public:
  // Both ends belong to the range.
  void Range(std::string_view name, Duration value, Duration lowest, Duration highest) {
    if (value >= lowest && value <= highest) return;
    AddOutside(name, FormatDuration(lowest), FormatDuration(highest));
  }
  void Range(std::string_view name, size_t value, size_t lowest, size_t highest) {
    if (value >= lowest && value <= highest) return;
    AddOutside(name, std::to_string(lowest), std::to_string(highest));
  }
  void Require(bool holds, std::string_view problem) {
    if (!holds) Add(std::string(problem));
  }
  void Include(const Status& status) {
    if (!status.ok()) Add(status.message());
  }
  void Include(std::string_view part, const Status& status) {
    if (!status.ok()) Add(std::string(part) + ": " + status.message());
  }
  // kInvalidArgument with one problem a line, or ok.
  Status ToStatus() const {
    return text_.empty() ? Status::Ok() : Status(StatusCode::kInvalidArgument, text_);
  }

 private:
  void Add(const std::string& problem) {
    if (!text_.empty()) text_ += '\n';
    text_ += problem;
  }
  void AddOutside(std::string_view name, const std::string& lowest, const std::string& highest) {
    Add(std::string(name) + " is not within " + lowest + " to " + highest);
  }

  std::string text_;
};

}  // namespace ming

#endif  // MING_BASE_OPTION_PROBLEMS_H_
