#include "replay/report/json_report.h"

#include "replay/report/column_json.h"

namespace kubeproof {

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
      {"notes", report.notes},
      {"import", to_json(report.import)},
  };
  if (report.fuzz) {
    json["seed"] = report.fuzz->seed;
    json["cases"] = report.fuzz->cases;
    json["shard"] = report.fuzz->shard;
    json["shards"] = report.fuzz->shards;
    json["seconds"] = report.fuzz->time.count();
  }
  Json damage = Json::array();
  for (const ImportCount& line : report.import) {
    for (const std::string& detail : line.details) damage.push_back(detail);
  }
  json["damage"] = std::move(damage);
  Json engines = Json::array();
  for (const ColumnReport& column : report.engines) engines.push_back(to_json(column));
  json["engines"] = std::move(engines);
  if (report.captured) json["captured"] = to_json(*report.captured);
  return json_text(json);
}

}  // namespace kubeproof
