#include "model/cluster/tree_json.h"

#include <fmt/format.h>

#include <utility>

namespace kubeproof {
namespace {

using nlohmann::json;

constexpr size_t kMostLevels = 100;        // Kubernetes objects have about a dozen
constexpr size_t kMostCopied = 1'000'000;  // values that aliases may add to what was written
constexpr const char* kMergeKey = "<<";

size_t count_values(const json& value) {
  size_t count = 1;
  if (value.is_structured()) {
    for (const json& each : value) count += count_values(each);
  }
  return count;
}

void merge_members(json& object) {
  const json merged = std::move(object[kMergeKey]);
  object.erase(kMergeKey);
  const auto merge_one = [&](const json& members) {
    if (!members.is_object()) throw TreeFailure{"expected a map, or a list of maps, to merge"};
    for (const auto& [key, value] : members.items()) object.emplace(key, value);
  };
  if (!merged.is_array()) return merge_one(merged);
  for (const json& each : merged) merge_one(each);
}

}  // namespace

void JsonTree::begin(json container) {
  if (levels_.size() == kMostLevels) {
    throw TreeFailure{fmt::format("nested deeper than {} levels", kMostLevels)};
  }
  levels_.push_back({std::move(container), std::nullopt, false});
}

const json& JsonTree::end() {
  Level level = std::move(levels_.back());
  levels_.pop_back();
  if (level.merges) merge_members(level.container);
  return place(std::move(level.container));
}

void JsonTree::key(std::string name) {
  Level& level = levels_.back();
  if (level.container.contains(name)) {
    throw TreeFailure{fmt::format("key '{}' occurs twice in one object", name)};
  }
  level.key = std::move(name);
}

void JsonTree::merge_key() {
  key(kMergeKey);
  levels_.back().merges = true;
}

void JsonTree::add(json scalar) {
  place(std::move(scalar));
}

void JsonTree::add_copy(const json& value) {
  copied_ += count_values(value);
  if (copied_ > kMostCopied) throw TreeFailure{"aliases stand for too many values"};
  place(value);
}

const json& JsonTree::place(json value) {
  if (levels_.empty()) return root_ = std::move(value);
  Level& level = levels_.back();
  if (level.container.is_array()) return level.container.emplace_back(std::move(value));
  return level.container[*std::exchange(level.key, std::nullopt)] = std::move(value);
}

bool JsonTree::awaits_key() const {
  return !levels_.empty() && levels_.back().container.is_object() && !levels_.back().key;
}

json::json_pointer JsonTree::position() const {
  json::json_pointer pointer;
  for (const Level& level : levels_) {
    if (level.container.is_array()) {
      pointer.push_back(std::to_string(level.container.size()));
    } else if (level.key) {
      pointer.push_back(*level.key);
    }
  }
  return pointer;
}

json JsonTree::take() {
  copied_ = 0;
  levels_.clear();
  return std::exchange(root_, json());
}

}  // namespace kubeproof
