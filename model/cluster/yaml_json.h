// YAML documents as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

namespace kubeproof {

// All documents of a stream; an empty one is null. Errors name `file` and the line.
Result<std::vector<nlohmann::json>> parse_yaml(const std::string& text, std::string_view file);

// The line, from 1, where a value of one of the stream's documents stands; 0 where there is none.
size_t line_in_yaml(const std::string& text, size_t document,
                    const nlohmann::json::json_pointer& value);

}  // namespace kubeproof
