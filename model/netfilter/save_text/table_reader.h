// Line by line through one text: the tables that stand in it, as yet without a common family.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/netfilter/save_text/parse_save_text.h"
#include "model/packet/address.h"
#include "model/result.h"

namespace kubeproof::netfilter {

struct ReadTable {
  Table table;
  std::optional<Family> family;  // where something in the table or above it tells
  std::string place;             // "node.save:12", of its first line
};

Result<std::vector<ReadTable>> read_tables(const SaveText& from);

}  // namespace kubeproof::netfilter
