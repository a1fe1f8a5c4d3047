#include "model/cluster/yaml_json.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>
#include <utility>

#include "model/cluster/tree_json.h"
#include "model/cluster/yaml_scalar_json.h"

namespace kubeproof {
namespace {

using nlohmann::json;

// Turns the parser's events into a tree. yaml-cpp's own nodes would take ten times the memory, and
// hide keys that occur twice.
class TreeHandler : public YAML::EventHandler {
 public:
  // Looks for the line of one value meanwhile.
  explicit TreeHandler(const json::json_pointer* wanted = nullptr) : wanted_(wanted) {}

  json take() {
    anchors_.clear();
    return tree_.take();
  }
  size_t wanted_line() const { return wanted_line_; }
  size_t line() const { return line_; }
  size_t column() const { return column_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    see(mark);
    // yaml-cpp takes a token that no document can begin with for an empty document, and leaves it
    // where it is for the next one.
    if (mark.pos == document_begin_) {
      throw TreeFailure{"expected a document, found what none can begin with"};
    }
    document_begin_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, "?", anchor, "");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    add(mark, tag, anchor, text);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    see(mark);
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw TreeFailure{"an alias stands inside of what it names"};
    if (tree_.awaits_key()) throw TreeFailure{"expected a plain key, found an alias"};
    tree_.add_copy(known->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, anchor);
    tree_.begin_array();
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, anchor);
    tree_.begin_object();
  }
  void OnMapEnd() override { end(); }

 private:
  void see(const YAML::Mark& mark) {
    line_ = static_cast<size_t>(mark.line) + 1;
    column_ = static_cast<size_t>(mark.column) + 1;
    if (wanted_ != nullptr && wanted_line_ == 0 && !tree_.awaits_key() &&
        tree_.position() == *wanted_) {
      wanted_line_ = line_;
    }
  }

  void add(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
           const std::string& text) {
    see(mark);
    const bool plain = tag == "?" || tag.empty();
    if (tree_.awaits_key()) {
      plain&& text == "<<" ? tree_.merge_key() : tree_.key(text);
      return;
    }
    json value = plain ? plain_yaml_scalar(text) : json(text);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    tree_.add(std::move(value));
  }

  void begin(const YAML::Mark& mark, YAML::anchor_t anchor) {
    see(mark);
    if (tree_.awaits_key()) throw TreeFailure{"expected a plain key, found a map or list"};
    open_anchors_.push_back(anchor);
  }

  void end() {
    const YAML::anchor_t anchor = open_anchors_.back();
    open_anchors_.pop_back();
    const json& finished = tree_.end();
    if (anchor != YAML::NullAnchor) anchors_[anchor] = finished;
  }

  JsonTree tree_;
  std::map<YAML::anchor_t, json> anchors_;
  std::vector<YAML::anchor_t> open_anchors_;
  const json::json_pointer* wanted_;
  size_t wanted_line_ = 0;
  int document_begin_ = -1;  // in the text, of the last document
  size_t line_ = 0;
  size_t column_ = 0;
};

}  // namespace

Result<std::vector<json>> parse_yaml(const std::string& text, std::string_view file) {
  std::istringstream stream(text);
  std::vector<json> documents;
  TreeHandler handler;
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) documents.push_back(handler.take());
  } catch (const YAML::Exception& error) {
    return bad_input("{}:{}:{}: {}", file, error.mark.line + 1, error.mark.column + 1, error.msg);
  } catch (const TreeFailure& failure) {
    return bad_input("{}:{}:{}: {}", file, handler.line(), handler.column(), failure.message);
  }
  return documents;
}

size_t line_in_yaml(const std::string& text, size_t document, const json::json_pointer& value) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  for (size_t i = 0; i < document; ++i) {
    TreeHandler skipped;
    parser.HandleNextDocument(skipped);
  }
  TreeHandler handler(&value);
  parser.HandleNextDocument(handler);
  return handler.wanted_line();
}

}  // namespace kubeproof
