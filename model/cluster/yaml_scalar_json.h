// What an unquoted YAML scalar means, by the rules of the tools of Kubernetes (sigs.k8s.io/yaml,
// which reads YAML 1.1): null, a boolean, a number, or else a string. Timestamps stay strings.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kubeproof {

nlohmann::json plain_yaml_scalar(const std::string& text);

}  // namespace kubeproof
