// The table of the traffic that a run reached, and the cells that it never reached.
#pragma once

#include <string>
#include <vector>

#include "replay/report/text_writer.h"
#include "replay/report/traffic_cell.h"

namespace kubeproof {

enum class CellRows : uint8_t {
  kByKind,           // one for each kind of service address and origin
  kByKindAndPolicy,  // and traffic policy
};

void write_cells(TextWriter& out, const CellCounts& cells, CellRows rows);

// How many of the cells of services were reached, and which never were; of a run that meant to
// reach a few alone only how many.
void write_reach(TextWriter& out, const CellCounts& cells);

// One line for each row of the table: "ClusterIP Local, host: IPv6 SCTP". The cells are in the
// order of unreached_cells().
std::vector<std::string> name_cells(const std::vector<TrafficCell>& cells);

}  // namespace kubeproof
