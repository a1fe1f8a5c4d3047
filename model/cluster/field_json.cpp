#include "model/cluster/field_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace kubeproof {
namespace {

using nlohmann::json;

constexpr size_t kLongestQuote = 60;  // characters of a wrong value that a message repeats

// A member's step of a path: "port", or ["a/b"] where the key has other characters in it.
std::string step(const std::string& key) {
  const bool plain = std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
  return plain ? key : "[\"" + key + "\"]";
}

std::string step(size_t index) {
  return fmt::format("[{}]", index);
}

std::string joined(const std::string& path, const std::string& step) {
  const bool needs_dot = !path.empty() && !step.starts_with('[');
  return path + (needs_dot ? "." : "") + step;
}

// The way to a value by its identity, as keys and indices.
bool find(const json& root, const json& inside, std::vector<std::string>& tokens) {
  if (&root == &inside) return true;
  if (!root.is_structured()) return false;
  size_t index = 0;
  for (auto each = root.begin(); each != root.end(); ++each, ++index) {
    tokens.push_back(root.is_object() ? each.key() : std::to_string(index));
    if (find(*each, inside, tokens)) return true;
    tokens.pop_back();
  }
  return false;
}

std::string path_to(const json& root, const json& inside) {
  std::vector<std::string> tokens;
  find(root, inside, tokens);
  std::string path;
  const json* at = &root;
  for (const std::string& token : tokens) {
    const bool in_array = at->is_array();
    path = joined(path, in_array ? step(std::stoul(token)) : step(token));
    at = in_array ? &at->at(std::stoul(token)) : &at->at(token);
  }
  return path;
}

std::string describe(const json* value) {
  if (value == nullptr) return "nothing";
  if (value->is_null()) return "null";
  if (value->is_object()) return "an object";
  if (value->is_array()) return "a list";
  std::string text = value->dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kLongestQuote) text = text.substr(0, kLongestQuote) + "…";
  return text;
}

}  // namespace

json::json_pointer pointer_to(const json& root, const json& inside) {
  std::vector<std::string> tokens;
  find(root, inside, tokens);
  json::json_pointer pointer;
  for (std::string& token : tokens) pointer.push_back(std::move(token));
  return pointer;
}

const json& JsonField::value() const {
  if (!present()) fail_expecting("a value");
  return *value_;
}

JsonField JsonField::operator[](const std::string& key) const {
  if (!present()) return {root_, parent_, joined(step_, step(key)), nullptr};
  if (!value_->is_object()) fail_expecting("an object");
  const auto member = value_->find(key);
  return {root_, value_, step(key), member == value_->end() ? nullptr : &*member};
}

std::string JsonField::string() const {
  if (!present() || !value_->is_string()) fail_expecting("a string");
  return value_->get<std::string>();
}

std::string JsonField::string_or(std::string fallback) const {
  return present() ? string() : std::move(fallback);
}

int64_t JsonField::integer(int64_t least, int64_t most) const {
  const auto in_range = [&] {
    if (value_->is_number_unsigned() && value_->get<uint64_t>() > INT64_MAX) return false;
    const auto number = value_->get<int64_t>();
    return number >= least && number <= most;
  };
  if (!present() || !value_->is_number_integer() || !in_range()) {
    fail_expecting(fmt::format("a whole number from {} to {}", least, most));
  }
  return value_->get<int64_t>();
}

int64_t JsonField::integer_or(int64_t fallback, int64_t least, int64_t most) const {
  return present() ? integer(least, most) : fallback;
}

bool JsonField::boolean_or(bool fallback) const {
  if (!present()) return fallback;
  if (!value_->is_boolean()) fail_expecting("true or false");
  return value_->get<bool>();
}

std::vector<JsonField> JsonField::items() const {
  std::vector<JsonField> result;
  if (!present()) return result;
  if (!value_->is_array()) fail_expecting("a list");
  for (const nlohmann::json& item : *value_) {
    result.push_back({root_, value_, step(result.size()), &item});
  }
  return result;
}

std::vector<std::pair<std::string, JsonField>> JsonField::members() const {
  std::vector<std::pair<std::string, JsonField>> result;
  if (!present()) return result;
  if (!value_->is_object()) fail_expecting("an object");
  for (const auto& [key, value] : value_->items()) {
    result.emplace_back(key, JsonField(root_, value_, step(key), &value));
  }
  return result;
}

std::vector<std::string> JsonField::strings() const {
  std::vector<std::string> result;
  for (const JsonField& item : items()) result.push_back(item.string());
  return result;
}

void JsonField::expect_only(const std::initializer_list<std::string_view>& keys) const {
  for (const auto& [key, member] : members()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      member.fail(fmt::format("unknown field; known are {}", fmt::join(keys, ", ")));
    }
  }
}

void JsonField::fail(std::string message) const {
  const std::string path = parent_ == nullptr ? "" : joined(path_to(*root_, *parent_), step_);
  throw FieldFailure{value_ != nullptr ? value_ : parent_, path, std::move(message)};
}

void JsonField::fail_expecting(std::string_view what) const {
  fail(fmt::format("expected {}, found {}", what, describe(value_)));
}

void JsonField::fail_unknown_word(const std::vector<std::string_view>& known) const {
  fail_expecting(fmt::format("one of {}", fmt::join(known, ", ")));
}

}  // namespace kubeproof
