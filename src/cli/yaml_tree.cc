#include "ming/cli/yaml_tree.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace ming::cli {
namespace {

TextPlace PlaceOf(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

// Takes the parser's events; after the first problem it ignores the rest.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder() { open_.push_back(&document_); }

  // What was read since the start: one node a document.
  std::vector<YamlNode>& documents() { return document_.children; }
  std::optional<std::pair<TextPlace, std::string>> TakeProblem() { return std::move(problem_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add(YamlNode::Kind::kNull, mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Complain(mark, "aliases (*name) cannot be used here");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    if (YamlNode* node = Add(YamlNode::Kind::kScalar, mark)) node->text = value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kList, mark);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, mark);
  }
  void OnMapEnd() override { Close(); }

 private:
  void Complain(const YAML::Mark& mark, std::string text) {
    if (!problem_) problem_ = {PlaceOf(mark), std::move(text)};
  }

  YamlNode* Add(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (problem_) return nullptr;
    YamlNode node;
    node.kind = kind;
    node.place = PlaceOf(mark);
    open_.back()->children.push_back(std::move(node));
    return &open_.back()->children.back();
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (open_.size() > kMaxYamlDepth) Complain(mark, "nested too deeply");
    // The children of a node move only while that node is the innermost open one, so the pointers
    // to the open nodes stay valid.
    if (YamlNode* node = Add(kind, mark)) open_.push_back(node);
  }

  void Close() {
    if (!problem_) open_.pop_back();
  }

  YamlNode document_;
  std::vector<YamlNode*> open_;
  std::optional<std::pair<TextPlace, std::string>> problem_;
};

}  // namespace

Status ErrorAt(const std::string& file, TextPlace place, const std::string& problem) {
  return Status(StatusCode::kInvalidArgument, file + ":" + std::to_string(place.line) + ":" +
                                                  std::to_string(place.column) + ": " + problem);
}

Result<YamlNode> ParseYaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxYamlBytes) return ErrorAt(file, {}, "larger than 1 MiB");
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (builder.documents().size() <= 1 && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    return ErrorAt(file, PlaceOf(error.mark), error.msg);
  }
  if (auto problem = builder.TakeProblem()) return ErrorAt(file, problem->first, problem->second);
  std::vector<YamlNode>& documents = builder.documents();
  if (documents.empty()) return YamlNode();
  if (documents.size() > 1) {
    return ErrorAt(file, documents[1].place, "more than one YAML document");
  }
  return std::move(documents[0]);
}

}  // namespace ming::cli
