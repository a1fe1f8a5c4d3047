// Files of JSON or YAML as JSON documents that still know where they came from.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/cluster/field_json.h"
#include "model/result.h"

namespace kubeproof {

struct JsonDocument {
  std::string file;  // as the user named it
  nlohmann::json value;
  std::shared_ptr<const std::string> yaml;  // the whole text, where it was YAML
  size_t index = 0;                         // of this document in it

  // Where a value of this document stands: "cluster.yaml:12", or only the file's name for JSON.
  std::string place_of(const nlohmann::json& inside) const;

  // The error for a field that failed a check: "cluster.yaml:12: SUBJECT: spec.type: expected …".
  // The subject is whatever the reading began with; it may be empty.
  tl::unexpected<Error> error(const FieldFailure& failure, const std::string& subject) const;
};

// JSON where the text begins like it, else YAML. JSON documents may follow each other directly.
Result<std::vector<JsonDocument>> parse_documents(std::string text, const std::string& file);

// "-" is standard input.
Result<std::vector<JsonDocument>> read_documents(const std::string& file);

}  // namespace kubeproof
