#include "replay/report/cells_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "replay/report/text_table.h"

namespace kubeproof {
namespace {

struct Row {
  ServiceKind service;
  CellPolicy policy;
  Origin origin;

  friend bool operator==(const Row&, const Row&) = default;
};

std::string name_of(const Row& row) {
  const std::string_view service =
      row.service == ServiceKind::kNone ? "no service" : to_string(row.service);
  // Cluster is what a service has that does not say.
  return fmt::format("{}{}, {}", service, row.policy == CellPolicy::kLocal ? " Local" : "",
                     to_string(row.origin));
}

std::string name_of(Family family, CellProtocol protocol) {
  return fmt::format("{} {}", to_string(family), to_string(protocol));
}

uint64_t count_of(const CellCounts& cells, const Row& row, Family family, CellProtocol protocol,
                  CellRows rows) {
  TrafficCell cell{row.service, row.origin, family, protocol, row.policy};
  uint64_t count = cells[cell];
  if (rows == CellRows::kByKind) {
    cell.policy = CellPolicy::kLocal;
    count += cells[cell];
  }
  return count;
}

}  // namespace

void write_cells(TextWriter& out, const CellCounts& cells, CellRows rows) {
  std::vector<std::pair<Family, CellProtocol>> columns;
  std::vector<Row> reached;
  cells.for_each([&](const TrafficCell& cell, uint64_t) {
    const std::pair column(cell.family, cell.protocol);
    const CellPolicy policy = rows == CellRows::kByKind ? CellPolicy::kCluster : cell.policy;
    const Row row{cell.service, policy, cell.origin};
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
      columns.push_back(column);
    }
    if (std::find(reached.begin(), reached.end(), row) == reached.end()) reached.push_back(row);
  });
  std::sort(columns.begin(), columns.end());
  // What concerns no service comes last.
  std::sort(reached.begin(), reached.end(), [](const Row& a, const Row& b) {
    const auto key = [](const Row& row) {
      return std::tuple(row.service == ServiceKind::kNone, row.service, row.policy, row.origin);
    };
    return key(a) < key(b);
  });
  TextTable table;
  std::vector<std::string> header = {"packets to and from"};
  for (const auto& [family, protocol] : columns) header.push_back(name_of(family, protocol));
  table.add_row(std::move(header));
  for (const Row& row : reached) {
    std::vector<std::string> line = {name_of(row)};
    for (const auto& [family, protocol] : columns) {
      const uint64_t count = count_of(cells, row, family, protocol, rows);
      line.push_back(count == 0 ? "-" : with_separators(count));
    }
    table.add_row(std::move(line));
  }
  out.add("\n" + table.render(2));
}

std::vector<std::string> name_cells(const std::vector<TrafficCell>& cells) {
  std::vector<std::string> lines;
  for (auto cell = cells.begin(); cell != cells.end();) {
    const Row row{cell->service, cell->policy, cell->origin};
    const auto end = std::find_if(cell, cells.end(), [&row](const TrafficCell& other) {
      return Row{other.service, other.policy, other.origin} != row;
    });
    std::string names;
    for (auto one = cell; one != end; ++one) {
      names += (one == cell ? "" : ", ") + name_of(one->family, one->protocol);
    }
    const bool whole_row = end - cell == kFamilies * kServiceProtocols.size();
    lines.push_back(name_of(row) + ": " + (whole_row ? "all" : names));
    cell = end;
  }
  return lines;
}

void write_reach(TextWriter& out, const CellCounts& cells) {
  const std::vector<TrafficCell> unreached = unreached_cells(cells);
  if (unreached.empty()) {
    out.line("\n  reached all {} cells of services", kServiceCells);
    return;
  }
  const bool few = unreached.size() <= kServiceCells / 2;
  out.line("\n  reached {} of {} cells of services{}", kServiceCells - unreached.size(),
           kServiceCells, few ? "; never" : "");
  if (!few) return;
  for (const std::string& line : name_cells(unreached)) out.line("    {}", line);
}

}  // namespace kubeproof
