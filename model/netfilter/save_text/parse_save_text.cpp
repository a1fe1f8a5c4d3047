#include "model/netfilter/save_text/parse_save_text.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/netfilter/save_text/table_reader.h"

namespace kubeproof::netfilter {
namespace {

// The tables of one run of iptables-save or ip6tables-save.
struct Dump {
  std::vector<ReadTable> tables;
  std::optional<Family> family;

  const ReadTable* find(TableName name) const {
    const auto found = std::find_if(tables.begin(), tables.end(),
                                    [&](const ReadTable& each) { return each.table.name == name; });
    return found == tables.end() ? nullptr : &*found;
  }
  // Whether the next table could be of the same run.
  bool may_hold(const ReadTable& next) const {
    const bool same_family = !family || !next.family || family == next.family;
    return same_family && find(next.table.name) == nullptr;
  }
};

// Tables that tell nothing of their family are of the same as their neighbours.
void split_dumps(std::vector<ReadTable> tables, std::vector<Dump>& dumps) {
  bool first = true;
  for (ReadTable& table : tables) {
    if (first || !dumps.back().may_hold(table)) dumps.emplace_back();
    first = false;
    Dump& dump = dumps.back();
    if (table.family) dump.family = table.family;
    dump.tables.push_back(std::move(table));
  }
}

// Of one family.
Result<Dump> unite(std::vector<Dump>& dumps, Family family) {
  Dump united;
  for (Dump& dump : dumps) {
    if (dump.family.value_or(Family::kIpv4) != family) continue;
    for (ReadTable& table : dump.tables) {
      if (const ReadTable* other = united.find(table.table.name)) {
        return bad_input("{}: expected table {} once for {}, but it stands at {} already",
                         table.place, to_string(table.table.name), kubeproof::to_string(family),
                         other->place);
      }
      united.tables.push_back(std::move(table));
    }
  }
  return united;
}

}  // namespace

Result<std::vector<Ruleset>> parse_save_texts(std::span<const SaveText> texts) {
  std::vector<Dump> dumps;
  for (const SaveText& text : texts) {
    auto tables = read_tables(text);
    if (!tables) return tl::unexpected(tables.error());
    if (tables->empty()) {
      return bad_input("{}: expected the text of iptables-save, found no table", text.name);
    }
    split_dumps(*std::move(tables), dumps);
  }
  std::vector<Ruleset> rulesets;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    auto united = unite(dumps, family);
    if (!united) return tl::unexpected(united.error());
    if (united->tables.empty()) continue;
    Ruleset& ruleset = rulesets.emplace_back();
    ruleset.family = family;
    for (ReadTable& table : united->tables) ruleset.tables.push_back(std::move(table.table));
  }
  return rulesets;
}

}  // namespace kubeproof::netfilter
