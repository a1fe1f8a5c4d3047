#include "replay/engine/netfilter_node.h"

#include <charconv>
#include <utility>

#include "model/packet/packet_view.h"
#include "replay/engine/child_process.h"
#include "replay/engine/sysctl.h"

namespace kubeproof {
namespace {

Result<void> set_conntrack_settings(const Sysctls& sysctls) {
  const FlowTimeouts& timeouts = sysctls.timeouts;
  const auto text = [](std::chrono::seconds duration) { return std::to_string(duration.count()); };
  const std::pair<std::string_view, std::string> settings[] = {
      {"netfilter/nf_conntrack_tcp_be_liberal", sysctls.tcp_be_liberal ? "1" : "0"},
      {"netfilter/nf_conntrack_tcp_loose", sysctls.tcp_loose ? "1" : "0"},
      {"netfilter/nf_conntrack_tcp_timeout_established", text(timeouts.tcp_established)},
      {"netfilter/nf_conntrack_tcp_timeout_close_wait", text(timeouts.tcp_close_wait)},
      {"netfilter/nf_conntrack_udp_timeout", text(timeouts.udp)},
      {"netfilter/nf_conntrack_udp_timeout_stream", text(timeouts.udp_stream)},
      {"netfilter/nf_conntrack_checksum", "1"},
  };
  for (const auto& [name, value] : settings) {
    auto written = write_sysctl(name, value);
    if (!written) return written;
  }
  return stretch_conntrack_timeouts();
}

struct OpenNode {
  NodePorts ports;
  ConntrackTable conntrack;
};

Result<OpenNode> open_inside(const World& world) {
  auto ports = NodePorts::open(world);
  if (!ports) return tl::unexpected(ports.error());
  auto settings = set_conntrack_settings(world.sysctls);
  if (!settings) return tl::unexpected(settings.error());
  auto conntrack = ConntrackTable::open();
  if (!conntrack) return tl::unexpected(conntrack.error());
  return OpenNode{std::move(*ports), std::move(*conntrack)};
}

std::string_view hook_name(uint8_t hook) {
  constexpr std::string_view kNames[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
  return hook < std::size(kNames) ? kNames[hook] : "";
}

struct TracedRule {
  std::string_view table;
  std::string_view chain;
  size_t number = 0;
};

// "TRACE: nat:KUBE-SERVICES:rule:4 ", or `policy` and `return` in place of `rule`
// (net/ipv4/netfilter/ip_tables.c trace_packet).
std::optional<TracedRule> parse_trace(std::string_view text) {
  constexpr std::string_view kStart = "TRACE: ";
  constexpr std::string_view kRule = ":rule:";
  const size_t colon = text.find(':', kStart.size());
  const size_t rule = text.rfind(kRule);
  if (!text.starts_with(kStart) || rule == std::string_view::npos || colon >= rule) return {};
  TracedRule traced;
  traced.table = text.substr(kStart.size(), colon - kStart.size());
  traced.chain = text.substr(colon + 1, rule - colon - 1);
  const std::string_view number = text.substr(rule + kRule.size());
  std::from_chars(number.data(), number.data() + number.size(), traced.number);
  return traced;
}

// The `recent` lists whose rules look back less far than before.
std::map<std::string, uint32_t> shortened(const std::map<std::string, uint32_t>& before,
                                          const std::map<std::string, uint32_t>& after) {
  std::map<std::string, uint32_t> lists;
  for (const auto& [list, timeout] : after) {
    const auto known = before.find(list);
    if (known != before.end() && timeout < known->second) lists.emplace(list, timeout);
  }
  return lists;
}

}  // namespace

std::string_view to_string(IptablesVariant variant) {
  return variant == IptablesVariant::kLegacy ? "legacy" : "nft";
}

NetfilterNode::NetfilterNode(PrivateNamespace space, NodePorts ports, ConntrackTable conntrack,
                             IptablesVariant variant)
    : space_(std::move(space)),
      ports_(std::move(ports)),
      conntrack_(std::move(conntrack)),
      variant_(variant) {
  ports_.on_trace([this](const LoggedPacket& logged) { note_rule(logged); });
}

Result<std::unique_ptr<NetfilterNode>> NetfilterNode::create(const World& world,
                                                             IptablesVariant variant) {
  auto space = PrivateNamespace::create();
  if (!space) return tl::unexpected(space.error());
  auto open = space->run([&] { return open_inside(world); });
  if (!open) return tl::unexpected(open.error());
  return std::unique_ptr<NetfilterNode>(new NetfilterNode(std::move(*space), std::move(open->ports),
                                                          std::move(open->conntrack), variant));
}

std::vector<std::string> NetfilterNode::tool(Family family, std::string_view action) const {
  return {fmt::format("{}-{}-{}", family == Family::kIpv4 ? "iptables" : "ip6tables",
                      to_string(variant_), action)};
}

Result<void> NetfilterNode::load_rules(Family family, const std::string& text) {
  auto loaded = space_.run([&] {
    // The tools' lock guards a host's rules; ours are nobody else's. As a lock of our own serves
    // the memory file that is the tool's standard input.
    return run_child_checked(tool(family, "restore"), text, {"XTABLES_LOCKFILE=/proc/self/fd/0"});
  });
  if (!loaded) return tl::unexpected(loaded.error());
  RuleLines rules(text);
  const auto shorter = shortened(rules_[family].recent_timeouts(), rules.recent_timeouts());
  rules_[family] = std::move(rules);
  // Addresses that are too old by then.
  return space_.run([&] { return recent_.age(0, shorter); });
}

Result<std::string> NetfilterNode::save_rules(Family family) const {
  return space_.run([&] { return run_child_checked(tool(family, "save"), ""); });
}

Result<void> NetfilterNode::apply_entry_chains(const EntryChains& wanted) {
  auto applied = space_.run([&] {
    return run_child_checked({"nft", "-f", "-"}, entry_chains(wanted));
  });
  if (!applied) return tl::unexpected(applied.error());
  entry_ = wanted;
  return {};
}

Result<void> NetfilterNode::inject(const Injection& injection, Fate& fate) {
  if (!injection.ingress.is_host() && injection.mark != entry_.mark) {
    auto applied = apply_entry_chains({injection.mark, entry_.traced});
    if (!applied) return applied;
  }
  trace_.clear();
  auto exchanged = ports_.exchange(injection, fate);
  if (!exchanged || !entry_.traced) return exchanged;
  fate.trace = trace_;
  return note_flow(injection.packet, fate);
}

Result<void> NetfilterNode::age(uint32_t seconds) {
  auto aged = conntrack_.age(seconds);
  if (!aged) return aged;
  return space_.run([&]() -> Result<void> {
    for (const auto& [family, rules] : rules_) {
      auto done = recent_.age(seconds, rules.recent_timeouts());
      if (!done) return done;
    }
    return {};
  });
}

Result<void> NetfilterNode::explain(bool on) {
  if (on == entry_.traced) return {};
  if (on && variant_ == IptablesVariant::kLegacy) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      auto taken = ports_.take_traces(family);
      if (!taken) return taken;
    }
  }
  return apply_entry_chains({entry_.mark, on});
}

Result<ConntrackStatistics> NetfilterNode::statistics() const {
  return space_.run([] { return read_conntrack_statistics(); });
}

void NetfilterNode::note_rule(const LoggedPacket& logged) {
  const auto traced = parse_trace(logged.prefix);
  if (!traced || logged.packet.empty()) return;
  const Family family = logged.packet[0] >> 4 == 4 ? Family::kIpv4 : Family::kIpv6;
  const std::string_view hook = hook_name(logged.hook);
  const std::string user_chain = traced->chain == hook ? "" : " " + std::string(traced->chain);
  trace_.push_back(fmt::format("{} {}{} #{} {}", traced->table, hook, user_chain, traced->number,
                               rules_[family].rule(traced->table, traced->chain, traced->number)));
}

Result<void> NetfilterNode::note_flow(ByteView packet, Fate& fate) {
  const auto view = parse_packet(packet);
  if (!view || !view->has_ports) return {};
  auto flows = conntrack_.list();
  if (!flows) return tl::unexpected(flows.error());
  const FlowTuple tuple{view->source_endpoint(), view->destination_endpoint()};
  for (const TrackedFlow& flow : *flows) {
    if (flow.protocol == view->protocol && (flow.original == tuple || flow.reply == tuple)) {
      fate.trace.push_back("conntrack " + flow.describe());
    }
  }
  return {};
}

}  // namespace kubeproof
