#include "replay/report/column_json.h"

namespace kubeproof {
namespace {

Json divergence_to_json(const DivergenceReport& divergence) {
  const Disagreement& disagreement = divergence.disagreement;
  Json differences = Json::array();
  for (const DifferencePart& part : disagreement.difference.parts) {
    differences.push_back({{"kind", to_string(part.kind)}, {"text", part.text}});
  }
  Json json = {
      {"number", divergence.number},
      {"source", divergence.source},
      {"ingress", divergence.ingress},
      {"packet", divergence.packet},
      {"differences", std::move(differences)},
      {"seen", disagreement.seen},
      {"permitted", disagreement.permitted},
      {"outcomes", disagreement.outcomes},
      {"rules", disagreement.rules},
      {"decisions", divergence.decisions},
      {"consequences", divergence.consequences},
  };
  if (!divergence.scenario.empty()) json["scenario"] = divergence.scenario;
  if (!divergence.case_file.empty()) json["case"] = divergence.case_file;
  return json;
}

Json cells_to_json(const CellCounts& cells) {
  Json json = Json::array();
  cells.for_each([&](const TrafficCell& cell, uint64_t packets) {
    json.push_back({{"service", to_string(cell.service)},
                    {"policy", to_string(cell.policy)},
                    {"origin", to_string(cell.origin)},
                    {"family", to_string(cell.family)},
                    {"protocol", to_string(cell.protocol)},
                    {"packets", packets}});
  });
  return json;
}

}  // namespace

Json to_json(const ColumnReport& column) {
  Json json = {{"name", column.name}, {"status", to_string(column.status)}};
  if (!column.reason.empty()) json["reason"] = column.reason;
  json["packets"] = column.packets;
  json["agree"] = column.agree;
  json["deviate"] = column.deviate;
  json["diverge"] = column.diverge;
  json["consequences"] = column.consequences;
  json["undecided"] = column.undecided;
  json["not_shown"] = column.not_shown;
  json["re_anchored"] = column.re_anchored;
  Json fates = Json::object();
  for (size_t i = 0; i < kFateClasses; ++i) {
    fates[std::string(to_string(static_cast<FateClass>(i)))] = column.fates[i];
  }
  json["fates"] = std::move(fates);
  json["cells"] = cells_to_json(column.cells);
  Json deviations = Json::array();
  for (const DeviationReport& deviation : column.deviations) {
    deviations.push_back(
        {{"id", deviation.id}, {"title", deviation.title}, {"packets", deviation.packets}});
  }
  json["deviations"] = std::move(deviations);
  Json divergences = Json::array();
  for (const DivergenceReport& divergence : column.divergences) {
    divergences.push_back(divergence_to_json(divergence));
  }
  json["divergences"] = std::move(divergences);
  return json;
}

Json to_json(const std::vector<ImportCount>& import) {
  Json json = Json::object();
  for (const ImportCount& line : import) json[line.name] = line.count;
  return json;
}

std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kubeproof
