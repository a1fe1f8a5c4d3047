// The parts of the JSON reports that replays and cases share.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "replay/report/report.h"

namespace kubeproof {

// Keeps the order of insertion, so that a report reads from the general to the particular.
using Json = nlohmann::ordered_json;

Json to_json(const ColumnReport& column);
Json to_json(const std::vector<ImportCount>& import);

// Packets hold no text, but file names may be anything.
std::string json_text(const Json& json);

}  // namespace kubeproof
