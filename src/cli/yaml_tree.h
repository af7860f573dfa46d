// YamlNode: a small YAML document as a tree with places. What a configuration file has no use for
// (anchors, aliases, several documents, deep nesting) is refused, so that hostile text stays cheap.
#ifndef MING_CLI_YAML_TREE_H_
#define MING_CLI_YAML_TREE_H_

#include <string>
#include <string_view>
#include <vector>

#include "ming/base/status.h"

namespace ming::cli {

// Both count from 1.
struct TextPlace {
  int line = 1;
  int column = 1;
};

// "file:3:8: problem", as kInvalidArgument.
Status ErrorAt(const std::string& file, TextPlace place, const std::string& problem);

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  TextPlace place;
  std::string text;                // kScalar
  std::vector<YamlNode> children;  // kList: the items; kMap: key, value, key, value, ...
};

constexpr size_t kMaxYamlBytes = size_t{1024} * 1024;
constexpr size_t kMaxYamlDepth = 8;

// One document; kNull for text without any. Errors begin with "file:line:column: ".
Result<YamlNode> ParseYaml(std::string_view text, const std::string& file);

}  // namespace ming::cli

#endif  // MING_CLI_YAML_TREE_H_
