// A value inside a JSON document, read with checks. Within the readers a failed check is an
// exception, FieldFailure, so that a reader reads as a list of fields; it never leaves them.
//
// An absent member and a null one are the same, as in the Kubernetes API.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubeproof {

struct FieldFailure {
  const nlohmann::json* value;  // the value, or what lacks it
  std::string path;             // "spec.ports[0].port", from where the reading began; may be empty
  std::string message;          // "expected …, found …"
};

class JsonField {
 public:
  // Where reading begins. The document must outlive this and everything read from it.
  explicit JsonField(const nlohmann::json& root) : root_(&root), value_(&root) {}

  bool present() const { return value_ != nullptr && !value_->is_null(); }
  const nlohmann::json& value() const;  // fails where absent

  // A member of an object. Fails where this is present and no object.
  JsonField operator[](const std::string& key) const;

  std::string string() const;
  std::string string_or(std::string fallback) const;
  int64_t integer(int64_t least, int64_t most) const;
  int64_t integer_or(int64_t fallback, int64_t least, int64_t most) const;
  bool boolean_or(bool fallback) const;

  // The value that stands for one of the given words.
  template <class T>
  T one_of(const std::initializer_list<std::pair<const char*, T>>& words) const {
    const std::string word = string();
    std::vector<std::string_view> known;
    for (const auto& [text, meaning] : words) {
      if (word == text) return meaning;
      known.emplace_back(text);
    }
    fail_unknown_word(known);
  }
  template <class T>
  T one_of_or(T fallback, const std::initializer_list<std::pair<const char*, T>>& words) const {
    return present() ? one_of(words) : fallback;
  }

  // Elements of an array, members of an object, an array of strings; none where absent.
  std::vector<JsonField> items() const;
  std::vector<std::pair<std::string, JsonField>> members() const;
  std::vector<std::string> strings() const;

  // Fails at the first member that is not one of these.
  void expect_only(const std::initializer_list<std::string_view>& keys) const;

  [[noreturn]] void fail(std::string message) const;
  // "expected WHAT, found …"
  [[noreturn]] void fail_expecting(std::string_view what) const;

 private:
  JsonField(const nlohmann::json* root, const nlohmann::json* parent, std::string step,
            const nlohmann::json* value)
      : root_(root), parent_(parent), step_(std::move(step)), value_(value) {}
  [[noreturn]] void fail_unknown_word(const std::vector<std::string_view>& known) const;

  const nlohmann::json* root_;
  const nlohmann::json* parent_ = nullptr;  // the innermost value around this that is there
  std::string step_;                        // from the parent to this: "port", "[0]", "a.b"
  const nlohmann::json* value_;             // null where absent
};

// The way from one value to another inside it, as a JSON pointer; by identity, not by content.
nlohmann::json::json_pointer pointer_to(const nlohmann::json& root, const nlohmann::json& inside);

}  // namespace kubeproof
