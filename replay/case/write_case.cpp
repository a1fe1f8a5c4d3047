#include "replay/case/write_case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "model/packet/protocol_name.h"
#include "replay/case/ingress_text.h"
#include "replay/case/node_json.h"

namespace kubeproof {
namespace {

using Json = nlohmann::ordered_json;

std::string duration_text(std::chrono::nanoseconds duration) {
  const int64_t count = duration.count();
  if (count % 1'000'000'000 == 0) return fmt::format("{}s", count / 1'000'000'000);
  if (count % 1'000'000 == 0) return fmt::format("{}ms", count / 1'000'000);
  return fmt::format("{}ns", count);
}

Json objects_json(const Objects& objects) {
  Json json = Json::array();
  for (const auto& [id, text] : objects.json) json.push_back(Json::parse(text));
  return json;
}

Json expectation_json(const Expectation& expectation) {
  Json json = {{"verdict", to_string(expectation.verdict)}};
  if (expectation.endpoints) {
    json["endpoints"] = Json::array();
    for (const ExpectedEndpoint& each : *expectation.endpoints) {
      Json endpoint = each.address.to_string();
      if (each.masquerade) {
        endpoint = {{"address", each.address.to_string()}, {"masquerade", *each.masquerade}};
      }
      json["endpoints"].push_back(std::move(endpoint));
    }
  }
  if (expectation.masquerade) json["masquerade"] = *expectation.masquerade;
  return json;
}

// The steps of a case, as the members that name them.
class StepWriter {
 public:
  StepWriter(const Case& written, const std::string& folder) : written_(written), folder_(folder) {}

  Json operator()(const FlowStep& step) const {
    Json flow = {{"from", step.from.to_string()},
                 {"to", step.to.to_string()},
                 {"protocol", protocol_name(step.protocol)}};
    put_ingress(flow, step.ingress, step.from);
    if (step.source_port) flow["sourcePort"] = *step.source_port;
    if (step.repeat != 1) flow["repeat"] = step.repeat;
    if (step.ttl != FlowStep{}.ttl) flow["ttl"] = step.ttl;
    if (step.payload) flow["payload"] = *step.payload;
    if (!step.reply) flow["reply"] = false;
    Json json = {{"flow", std::move(flow)}};
    if (step.expect) json["expect"] = expectation_json(*step.expect);
    return json;
  }

  Json operator()(const CaptureStep& step) const {
    std::vector<std::string> files;
    for (const std::string& file : step.files) {
      files.push_back(std::filesystem::proximate(file, folder_).string());
    }
    if (files.size() == 1) return {{"capture", files.front()}};
    return {{"capture", files}};
  }

  Json operator()(const PacketStep& step) const {
    Json packet = {{"ingress", ingress_text(step.ingress, written_.world)},
                   {"hex", hex(step.packet)}};
    if (step.mark != 0) packet["mark"] = step.mark;
    return {{"packet", std::move(packet)}};
  }

  Json operator()(const CapturedStep& step) const {
    const CapturedPacket& packet = step.packet;
    Json captured = {{"ingress", ingress_text(packet.ingress, written_.world)},
                     {"hex", hex(packet.packet)}};
    if (packet.departures_complete || !packet.departures.empty()) {
      captured["departures"] = Json::array();
      for (const CapturedPacket::Departure& each : packet.departures) {
        captured["departures"].push_back(departure_json(each));
      }
    }
    if (packet.as_it_left) captured["asItLeft"] = true;
    return {{"captured", std::move(captured)}};
  }

  Json operator()(const AdvanceStep& step) const {
    return {{"advance", duration_text(step.duration)}};
  }

  Json operator()(const ApplyStep& step) const { return {{"apply", objects_json(step.objects)}}; }

  Json operator()(const DeleteStep& step) const {
    Json ids = Json::array();
    for (const ObjectId& id : step.objects) {
      Json& json = ids.emplace_back(Json{{"kind", to_string(id.kind)}});
      if (!id.key.name_space.empty()) json["namespace"] = id.key.name_space;
      json["name"] = id.key.name;
    }
    return {{"delete", std::move(ids)}};
  }

 private:
  static std::string hex(const Bytes& packet) {
    return fmt::format("{:02x}", fmt::join(packet, ""));
  }

  Json departure_json(const CapturedPacket::Departure& departure) const {
    Json json = Json::object();
    const Interface* interface =
        departure.interface ? written_.world.find_interface(*departure.interface) : nullptr;
    if (interface != nullptr) json["interface"] = interface->name;
    json["hex"] = hex(departure.packet);
    if (departure.is_answer) json["answer"] = true;
    if (departure.loopback) json["loopback"] = true;
    return json;
  }

  void put_ingress(Json& json, Ingress ingress, const IpAddress& source) const {
    if (ingress != written_.world.ingress_for_source(source)) {
      json["ingress"] = ingress_text(ingress, written_.world);
    }
  }

  const Case& written_;
  const std::string& folder_;
};

}  // namespace

std::string case_text(const Case& written, const std::string& folder) {
  Json json = {{"kubeproof", "v1"}, {"name", written.name}};
  if (!written.description.empty()) json["description"] = written.description;
  if (!written.tags.empty()) json["tags"] = written.tags;
  json["node"] = node_json(written.snapshot.node);
  json["proxy"] = proxy_json(written.snapshot.proxy);
  json["objects"] = objects_json(written.snapshot.objects);
  json["steps"] = Json::array();
  for (const Step& step : written.steps) {
    json["steps"].push_back(std::visit(StepWriter(written, folder), step));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> write_case(const Case& written, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) return bad_input("{}: {}", path, std::strerror(errno));
  file << case_text(written, std::filesystem::path(path).parent_path().string());
  file.close();
  if (!file) return bad_input("{}: cannot be written", path);
  return {};
}

}  // namespace kubeproof
