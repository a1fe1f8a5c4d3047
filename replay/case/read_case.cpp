#include "replay/case/read_case.h"

#include <filesystem>
#include <utility>

#include "model/cluster/read_objects.h"
#include "model/cluster/read_objects_json.h"
#include "model/cluster/read_proxy_config_json.h"
#include "model/node/read_node_spec_json.h"
#include "replay/capture/capture_survey.h"
#include "replay/case/read_steps_json.h"

namespace kubeproof {
namespace {

constexpr const char* kVersion = "v1";

std::string next_to(const std::string& file, const std::string& name) {
  return (std::filesystem::path(file).parent_path() / name).string();
}

// The objects stand in the case itself or in files beside it.
Result<Objects> read_case_objects(const JsonField& root, const JsonDocument& document) {
  const JsonField cluster = root["cluster"];
  if (!cluster.present()) {
    const JsonField objects = root["objects"];
    if (!objects.present()) return Objects{};
    objects.items();  // fails where it is no list
    return read_objects(objects.value(), document);
  }
  if (root["objects"].present()) cluster.fail("stands in place of objects, not beside them");
  std::vector<std::string> files;
  if (cluster.value().is_string()) {
    files.push_back(next_to(document.file, cluster.string()));
  } else {
    for (const std::string& name : cluster.strings()) files.push_back(next_to(document.file, name));
  }
  return read_objects(files);
}

// Where a packet enters follows from its source, so the world has to hold every pod of the
// timeline.
Result<World> world_of(const Case& read, const StepsReader& steps) {
  const NodeSpec& node = read.snapshot.node;
  NodePods pods(node);
  pods.add(read.snapshot.objects.cluster);
  for (const Step& step : read.steps) {
    if (const auto* apply = std::get_if<ApplyStep>(&step)) pods.add(apply->objects.cluster);
  }
  for (const IpAddress& source : steps.sources()) pods.add_traffic_address(source);
  for (const Step& step : read.steps) {
    const auto* capture = std::get_if<CaptureStep>(&step);
    if (capture == nullptr) continue;
    const auto survey = survey_captures(capture->files, node.pod_cidrs);
    if (!survey) return tl::unexpected(survey.error());
    for (const IpAddress& source : survey->sources) pods.add_traffic_address(source);
  }
  auto world = make_world(node, pods, read.snapshot.objects.cluster, read.snapshot.proxy);
  if (!world) return bad_input("{}: {}", read.file, world.error().message);
  return world;
}

// Throws FieldFailure.
Result<Case> read_root(const JsonDocument& document) {
  const JsonField root(document.value);
  root.expect_only(
      {"kubeproof", "name", "description", "tags", "node", "proxy", "objects", "cluster", "steps"});
  if (root["kubeproof"].string() != kVersion) root["kubeproof"].fail_expecting(kVersion);

  Case read;
  read.file = document.file;
  read.name = root["name"].string_or(std::filesystem::path(document.file).stem().string());
  read.description = root["description"].string_or("");
  read.tags = root["tags"].strings();

  auto node = read_node_spec(root["node"], document);
  if (!node) return tl::unexpected(node.error());
  read.snapshot.node = *std::move(node);
  auto proxy = read_proxy_config(root["proxy"], document);
  if (!proxy) return tl::unexpected(proxy.error());
  read.snapshot.proxy = *std::move(proxy);
  auto objects = read_case_objects(root, document);
  if (!objects) return tl::unexpected(objects.error());
  read.snapshot.objects = *std::move(objects);
  complete_node(read.snapshot.node, read.snapshot.objects.cluster);

  StepsReader steps(document,
                    [&](const std::string& name) { return next_to(document.file, name); });
  if (auto done = steps.read(root["steps"]); !done) return tl::unexpected(done.error());
  read.steps = std::move(steps.steps());
  auto world = world_of(read, steps);
  if (!world) return tl::unexpected(world.error());
  read.world = *std::move(world);
  steps.steps() = std::move(read.steps);
  steps.look_up_ingresses(read.world);
  read.steps = std::move(steps.steps());
  return read;
}

}  // namespace

Result<Case> read_case(const std::string& file) {
  const auto documents = read_documents(file);
  if (!documents) return tl::unexpected(documents.error());
  if (documents->size() != 1) {
    return bad_input("{}: expected one case, found {} documents", file, documents->size());
  }
  const JsonDocument& document = documents->front();
  try {
    return read_root(document);
  } catch (const FieldFailure& failure) {
    return document.error(failure, "");
  }
}

Result<bool> is_case(const std::string& file) {
  const auto documents = read_documents(file);
  if (!documents) return tl::unexpected(documents.error());
  return documents->size() == 1 && documents->front().value.is_object() &&
         documents->front().value.contains("kubeproof");
}

}  // namespace kubeproof
