// What replays and cases tell in the same way: the table of engines, and a divergence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/report/report.h"
#include "replay/report/text_writer.h"

namespace kubeproof {

// One row for each engine that ran, then what could not run and why.
void write_columns(TextWriter& out, const std::vector<ColumnReport>& engines,
                   const std::optional<ColumnReport>& captured);

// How many packets each entry of the ledger took.
void write_deviations(TextWriter& out, const std::vector<ColumnReport>& engines);

// Why a run is incomplete: "netfilter cannot run here".
std::string incomplete_reason(const std::vector<ColumnReport>& engines);

void write_divergence(TextWriter& out, const DivergenceReport& divergence, size_t indent);

}  // namespace kubeproof
