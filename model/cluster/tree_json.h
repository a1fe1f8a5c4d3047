// Builds one JSON document from what a parser reports, and refuses what would be lost or would not
// end: a key that occurs twice in an object, nesting without bound, aliases that multiply.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace kubeproof {

// Thrown by JsonTree; the parser that drives it knows the place.
struct TreeFailure {
  std::string message;
};

class JsonTree {
 public:
  JsonTree() = default;
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;

  void begin_object() { begin(nlohmann::json::object()); }
  void begin_array() { begin(nlohmann::json::array()); }
  // The finished object or array, as it stands in the tree until the next call.
  const nlohmann::json& end();
  void key(std::string name);
  void add(nlohmann::json scalar);
  // What a YAML alias stands for.
  void add_copy(const nlohmann::json& value);
  // YAML's key `<<`: the members of the next value, or of each in it, become the object's own where
  // it has none of that name.
  void merge_key();

  // Whether the next thing is a key of an object.
  bool awaits_key() const;
  // Where the next value will stand.
  nlohmann::json::json_pointer position() const;

  // The finished document, null where nothing was added; the tree is then empty again.
  nlohmann::json take();

 private:
  struct Level {
    nlohmann::json container;
    std::optional<std::string> key;  // of the value to come
    bool merges = false;             // holds a key `<<`
  };

  void begin(nlohmann::json container);
  const nlohmann::json& place(nlohmann::json value);

  std::vector<Level> levels_;
  nlohmann::json root_;
  size_t copied_ = 0;
};

}  // namespace kubeproof
