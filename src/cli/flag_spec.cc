#include "ming/cli/flag_spec.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::cli {
namespace {

// Optimal string alignment distance: edits with swaps of neighbours.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

FlagSpec FileCompanion(const FlagSpec& secret) {
  FlagSpec file;
  file.name = secret.name + "-file";
  file.type = ValueType::kPath;
  file.value_name = "PATH";
  file.help = secret.type == ValueType::kTextList ? "read --" + secret.name + ", one a line"
                                                  : "read --" + secret.name + " from a file";
  file.group = secret.group;
  file.sources = secret.sources;
  file.secret_of = secret.name;
  return file;
}

}  // namespace

std::string NormalizeFlagName(std::string_view name) {
  std::string normalized(name);
  std::replace(normalized.begin(), normalized.end(), '_', '-');
  return normalized;
}

FlagSet::FlagSet(std::vector<FlagSpec> flags) {
  for (FlagSpec& flag : flags) {
    CHECK(Find(flag.name) == nullptr) << "flag defined twice: " << flag.name;
    flags_.push_back(std::move(flag));
    if (flags_.back().sensitivity == Sensitivity::kSecret) {
      flags_.push_back(FileCompanion(flags_.back()));
    }
  }
}

const FlagSpec* FlagSet::Find(std::string_view name) const {
  const std::string wanted = NormalizeFlagName(name);
  for (const FlagSpec& flag : flags_) {
    if (NormalizeFlagName(flag.name) == wanted) return &flag;
    for (const std::string& alias : flag.aliases) {
      if (NormalizeFlagName(alias) == wanted) return &flag;
    }
  }
  return nullptr;
}

std::optional<std::string> FlagSet::Suggest(std::string_view name) const {
  std::vector<std::string> names;
  names.reserve(flags_.size());
  for (const FlagSpec& flag : flags_) names.push_back(NormalizeFlagName(flag.name));
  const std::optional<std::string> nearest = NearestWord(NormalizeFlagName(name), names);
  if (!nearest) return std::nullopt;
  return Find(*nearest)->name;
}

std::optional<std::string> NearestWord(std::string_view word,
                                       const std::vector<std::string>& candidates) {
  constexpr size_t kLongestWord = 64;  // longer ones are not typing mistakes
  if (word.empty() || word.size() > kLongestWord) return std::nullopt;
  const size_t limit = std::max<size_t>(1, word.size() / 3);
  std::optional<std::string> best;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    // A distance of the whole candidate means that nothing of it was typed.
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string DidYouMean(const std::optional<std::string>& suggestion) {
  return suggestion ? "; did you mean \"" + *suggestion + "\"?" : "";
}

}  // namespace ming::cli
