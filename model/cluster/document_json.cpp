#include "model/cluster/document_json.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include "model/cluster/input_file.h"
#include "model/cluster/tree_json.h"
#include "model/cluster/yaml_json.h"

namespace kubeproof {
namespace {

using nlohmann::json;

constexpr std::string_view kSeparator = "---";  // YAML's, but found between JSON documents as well

// Turns the parser's events into a tree, since json::parse() would hide keys that occur twice.
class TreeSax : public json::json_sax_t {
 public:
  TreeSax() = default;
  TreeSax(const TreeSax&) = delete;
  TreeSax& operator=(const TreeSax&) = delete;
  ~TreeSax() override = default;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // not in JSON text
  bool start_object(size_t) override {
    return guarded([&] { tree_.begin_object(); });
  }
  bool start_array(size_t) override {
    return guarded([&] { tree_.begin_array(); });
  }
  bool key(string_t& name) override {
    return guarded([&] { tree_.key(std::move(name)); });
  }
  bool end_object() override {
    return guarded([&] { tree_.end(); });
  }
  bool end_array() override {
    return guarded([&] { tree_.end(); });
  }
  bool parse_error(size_t, const std::string&, const json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while …"
    const std::string text = error.what();
    const size_t colon = text.find(": ");
    message_ = colon == std::string::npos ? text : text.substr(colon + 2);
    return false;
  }

  json take() { return tree_.take(); }
  const std::string& message() const { return message_; }

 private:
  bool add(json value) {
    return guarded([&] { tree_.add(std::move(value)); });
  }
  template <class Action>
  bool guarded(Action action) {
    try {
      action();
    } catch (const TreeFailure& failure) {
      message_ = failure.message;
      return false;
    }
    return true;
  }

  JsonTree tree_;
  std::string message_;
};

Result<std::vector<json>> parse_json(const std::string& text, const std::string& file) {
  std::vector<json> documents;
  std::istringstream stream(text);
  while (!(stream >> std::ws).eof()) {
    if (text.compare(static_cast<size_t>(stream.tellg()), kSeparator.size(), kSeparator) == 0) {
      stream.ignore(static_cast<std::streamsize>(kSeparator.size()));
      continue;
    }
    TreeSax sax;
    if (!json::sax_parse(stream, &sax, json::input_format_t::json, false)) {
      stream.clear();
      const auto reached = std::min(static_cast<size_t>(stream.tellg()), text.size());
      const std::string_view read(text.data(), reached);
      const auto lines = std::count(read.begin(), read.end(), '\n');
      const size_t column = std::max<size_t>(read.size() - (read.rfind('\n') + 1), 1);
      return bad_input("{}:{}:{}: {}", file, lines + 1, column, sax.message());
    }
    documents.push_back(sax.take());
  }
  return documents;
}

bool ends_like_yaml(const std::string& file) {
  return file.ends_with(".yaml") || file.ends_with(".yml");
}

}  // namespace

std::string JsonDocument::place_of(const json& inside) const {
  if (yaml == nullptr) return file;
  const size_t line = line_in_yaml(*yaml, index, pointer_to(value, inside));
  return line == 0 ? file : fmt::format("{}:{}", file, line);
}

tl::unexpected<Error> JsonDocument::error(const FieldFailure& failure,
                                          const std::string& subject) const {
  std::string text = place_of(*failure.value);
  for (const std::string& part : {subject, failure.path, failure.message}) {
    if (!part.empty()) text += ": " + part;
  }
  return bad_input("{}", text);
}

Result<std::vector<JsonDocument>> parse_documents(std::string text, const std::string& file) {
  const size_t first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");  // blanks, byte order mark
  const bool looks_like_json =
      first != std::string::npos && (text[first] == '{' || text[first] == '[');
  std::shared_ptr<const std::string> yaml;
  Result<std::vector<json>> values;
  if (looks_like_json) values = parse_json(text, file);
  // YAML's own maps and lists may stand in braces and brackets, too.
  if (!looks_like_json || (!values && ends_like_yaml(file))) {
    yaml = std::make_shared<const std::string>(std::move(text));
    values = parse_yaml(*yaml, file);
  }
  if (!values) return tl::unexpected(values.error());
  std::vector<JsonDocument> documents;
  for (json& value : *values) {
    documents.push_back({file, std::move(value), yaml, documents.size()});
  }
  return documents;
}

Result<std::vector<JsonDocument>> read_documents(const std::string& file) {
  auto input = read_input_file(file, "JSON or YAML");
  if (!input) return tl::unexpected(input.error());
  return parse_documents(std::move(input->text), input->name);
}

}  // namespace kubeproof
