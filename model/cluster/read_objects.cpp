#include "model/cluster/read_objects.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "model/cluster/object_readers_json.h"
#include "model/cluster/read_objects_json.h"

namespace kubeproof {
namespace {

using nlohmann::json;

struct KnownKind {
  std::string_view api_version;
  ObjectKind kind;
};
constexpr std::array kKnownKinds = {
    KnownKind{"v1", ObjectKind::kService},
    KnownKind{"discovery.k8s.io/v1", ObjectKind::kEndpointSlice},
    KnownKind{"v1", ObjectKind::kNode},
    KnownKind{"v1", ObjectKind::kPod},
};

// By which clusters of before Kubernetes 1.21 know EndpointSlices.
constexpr std::string_view kOlderSlices = "discovery.k8s.io/v1beta1";

std::string_view group_of(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

// Reads objects one after the other into `objects`.
class ObjectsReader {
 public:
  explicit ObjectsReader(Objects& objects) : objects_(objects) {}

  // The object that is being read, for errors: "Service default/web".
  const std::string& subject() const { return subject_; }

  // An object, a list, or an array of both. `kind` and `api_version` are what a list says of its
  // items, which need not say it themselves.
  void read(const JsonField& field, const std::string& kind = {},
            const std::string& api_version = {}) {
    if (!field.present() || field.value().is_null()) return;
    if (field.value().is_array()) {
      for (const JsonField& item : field.items()) {
        if (item.value().is_null()) item.fail_expecting("an object");
        read(item, kind, api_version);
      }
      return;
    }
    subject_.clear();
    const std::string own_kind =
        kind.empty() || field["kind"].present() ? field["kind"].string() : kind;
    if (own_kind.empty()) field["kind"].fail_expecting("the kind of an object");
    const std::string own_version = field["apiVersion"].string_or(api_version);
    if (own_kind == "List" || own_kind.ends_with("List")) {
      const std::string item_kind = own_kind.substr(0, own_kind.size() - 4);
      read(field["items"], item_kind, item_kind.empty() ? "" : own_version);
      return;
    }
    for (const KnownKind& known : kKnownKinds) {
      if (own_kind != to_string(known.kind)) continue;
      if (!own_version.empty() && group_of(own_version) != group_of(known.api_version)) continue;
      read_known(field, known, own_version);
      return;
    }
    ++objects_.skipped[own_kind];
  }

 private:
  void read_known(const JsonField& field, const KnownKind& known, const std::string& api_version) {
    const bool namespaced = known.kind != ObjectKind::kNode;
    subject_ = to_string(known.kind);
    const ObjectId id{known.kind, read_key(field, namespaced)};
    subject_ = id.to_string();
    const bool older = known.kind == ObjectKind::kEndpointSlice && api_version == kOlderSlices;
    if (!api_version.empty() && api_version != known.api_version && !older) {
      field["apiVersion"].fail_expecting(known.api_version);
    }
    // Checks say where a field stands from the object on.
    const JsonField object(field.value());
    switch (known.kind) {
      case ObjectKind::kService:
        objects_.cluster.services.insert_or_assign(id.key, read_service(object));
        break;
      case ObjectKind::kEndpointSlice:
        objects_.cluster.endpoint_slices.insert_or_assign(id.key, read_endpoint_slice(object));
        break;
      case ObjectKind::kNode:
        objects_.cluster.nodes.insert_or_assign(id.key, read_node(object));
        break;
      case ObjectKind::kPod:
        objects_.cluster.pods.insert_or_assign(id.key, read_pod(object));
        break;
    }
    json whole = field.value();
    if (!whole.contains("kind")) whole["kind"] = to_string(known.kind);
    if (!whole.contains("apiVersion")) whole["apiVersion"] = known.api_version;
    std::string text = whole.dump(-1, ' ', false, json::error_handler_t::replace);
    const auto [earlier, is_first] = objects_.json.try_emplace(id);
    if (!is_first && earlier->second != text) objects_.changed.insert(id);
    earlier->second = std::move(text);
  }

  Objects& objects_;
  std::string subject_;
};

}  // namespace

Result<Objects> read_objects(const json& value, const JsonDocument& document) {
  Objects objects;
  ObjectsReader reader(objects);
  try {
    reader.read(JsonField(value));
  } catch (const FieldFailure& failure) {
    return document.error(failure, reader.subject());
  }
  return objects;
}

Result<ObjectId> read_object_id(const JsonField& field, const JsonDocument& document) {
  try {
    field.expect_only({"kind", "namespace", "name"});
    ObjectId id;
    id.kind = field["kind"].one_of<ObjectKind>({{"Service", ObjectKind::kService},
                                                {"EndpointSlice", ObjectKind::kEndpointSlice},
                                                {"Node", ObjectKind::kNode},
                                                {"Pod", ObjectKind::kPod}});
    if (id.kind != ObjectKind::kNode) id.key.name_space = field["namespace"].string_or("default");
    id.key.name = field["name"].string();
    return id;
  } catch (const FieldFailure& failure) {
    return document.error(failure, "");
  }
}

Result<Objects> read_objects(const std::vector<std::string>& files) {
  Objects all;
  for (const std::string& file : files) {
    const auto documents = read_documents(file);
    if (!documents) return tl::unexpected(documents.error());
    for (const JsonDocument& document : *documents) {
      auto objects = read_objects(document.value, document);
      if (!objects) return tl::unexpected(objects.error());
      all.apply(*std::move(objects));
    }
  }
  return all;
}

}  // namespace kubeproof
