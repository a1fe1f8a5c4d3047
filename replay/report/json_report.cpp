#include "replay/report/json_report.h"

#include <nlohmann/json.hpp>

namespace kubeproof {
namespace {

// Keeps the order of insertion, so that the file reads from the general to the particular.
using Json = nlohmann::ordered_json;

Json to_json(const DivergenceReport& divergence) {
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
  if (!divergence.case_file.empty()) json["case"] = divergence.case_file;
  return json;
}

Json cells_to_json(const CellCounts& cells) {
  Json json = Json::array();
  cells.for_each([&](const TrafficCell& cell, uint64_t packets) {
    json.push_back({{"service", to_string(cell.service)},
                    {"origin", to_string(cell.origin)},
                    {"family", to_string(cell.family)},
                    {"protocol", to_string(cell.protocol)},
                    {"packets", packets}});
  });
  return json;
}

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
    divergences.push_back(to_json(divergence));
  }
  json["divergences"] = std::move(divergences);
  return json;
}

}  // namespace

std::string render_json(const Report& report) {
  const RunVerdict verdict = verdict_of(report);
  Json json = {
      {"kubeproof", "v1"},
      {"command", report.command},
      {"verdict", to_string(verdict)},
      {"exit_status", exit_status(verdict)},
      {"inputs", report.inputs},
      {"node", report.node},
      {"services", report.services},
      {"endpoints", report.endpoints},
  };
  Json import = Json::object();
  for (const ImportCount& line : report.import) import[line.name] = line.count;
  json["import"] = std::move(import);
  Json damage = Json::array();
  for (const ImportCount& line : report.import) {
    for (const std::string& detail : line.details) damage.push_back(detail);
  }
  json["damage"] = std::move(damage);
  Json engines = Json::array();
  for (const ColumnReport& column : report.engines) engines.push_back(to_json(column));
  json["engines"] = std::move(engines);
  if (report.captured) json["captured"] = to_json(*report.captured);
  Json failures = Json::array();
  for (const ExpectationFailure& failure : report.failures) {
    Json one = {{"source", failure.source}, {"text", failure.text}};
    if (!failure.column.empty()) one["engine"] = failure.column;
    failures.push_back(std::move(one));
  }
  json["expectations"] = {{"checked", report.expectations}, {"failed", std::move(failures)}};
  // Packets hold no text, but file names may be anything.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kubeproof
