// A node made of the real thing: a private network namespace with the world's interfaces and any
// rules that iptables-restore takes. Packets go in and come out as bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "model/result.h"
#include "replay/engine/conntrack_table.h"
#include "replay/engine/hook_chains.h"
#include "replay/engine/node_ports.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/recent_lists.h"
#include "replay/engine/rule_lines.h"

namespace kubeproof {

// Which of the two implementations behind the iptables tools holds the rules.
enum class IptablesVariant : uint8_t {
  kLegacy,  // iptables-legacy-restore, ip_tables
  kNft,     // iptables-nft-restore, nf_tables: slow for many rules, and without traces
};

// "legacy" or "nft", as in the tools' names.
std::string_view to_string(IptablesVariant variant);

class NetfilterNode {
 public:
  static Result<std::unique_ptr<NetfilterNode>> create(const World& world, IptablesVariant variant);
  NetfilterNode(const NetfilterNode&) = delete;
  NetfilterNode& operator=(const NetfilterNode&) = delete;

  // Replaces all rules of the tables that the text names, each table at once, with flows and
  // `recent` lists living on. `text` is as iptables-save prints it.
  Result<void> load_rules(Family family, const std::string& text);
  // The rules as the kernel holds them.
  Result<std::string> save_rules(Family family) const;

  Result<void> inject(const Injection& injection, Fate& fate);

  // Lets whole seconds pass for flows and `recent` lists.
  Result<void> age(uint32_t seconds);

  // While on, fates carry the rules that the packet met, in its order, and the flow it belongs to.
  Result<void> explain(bool on);

  ConntrackTable& conntrack() { return conntrack_; }
  Result<ConntrackStatistics> statistics() const;
  // Packets that the stack sent on its own account.
  uint64_t chatter() const { return ports_.chatter(); }

 private:
  NetfilterNode(PrivateNamespace space, NodePorts ports, ConntrackTable conntrack,
                IptablesVariant variant);

  Result<void> apply_entry_chains(const EntryChains& wanted);
  std::vector<std::string> tool(Family family, std::string_view action) const;
  void note_rule(const LoggedPacket& logged);
  Result<void> note_flow(ByteView packet, Fate& fate);

  PrivateNamespace space_;
  NodePorts ports_;
  ConntrackTable conntrack_;
  IptablesVariant variant_;
  std::map<Family, RuleLines> rules_;
  RecentLists recent_;
  EntryChains entry_;
  std::vector<std::string> trace_;  // of the packet under way
};

}  // namespace kubeproof
