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

// Of those that TCP, UDP and SCTP to services could reach, one line for each row of the table:
// "ClusterIP Local, host: IPv6 SCTP".
std::vector<std::string> unreached_cells(const CellCounts& cells);

}  // namespace kubeproof
