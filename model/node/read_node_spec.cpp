#include <charconv>
#include <utility>

#include "model/node/read_node_spec_json.h"
#include "model/node/read_world_json.h"

namespace kubeproof {
namespace {

SysctlSettings read_sysctls(const JsonField& field) {
  SysctlSettings settings;
  const std::pair<const char*, std::optional<bool> SysctlSettings::*> known[] = {
      {"net.ipv4.ip_forward", &SysctlSettings::ip_forward},
      {"net.ipv4.conf.all.route_localnet", &SysctlSettings::route_localnet},
      {"net.ipv4.conf.all.accept_local", &SysctlSettings::accept_local},
      {"net.netfilter.nf_conntrack_tcp_be_liberal", &SysctlSettings::tcp_be_liberal},
      {"net.netfilter.nf_conntrack_tcp_loose", &SysctlSettings::tcp_loose},
  };
  field.expect_only(
      {known[0].first, known[1].first, known[2].first, known[3].first, known[4].first});
  for (const auto& [name, member] : known) {
    if (field[name].present()) settings.*member = field[name].integer(0, 1) == 1;
  }
  return settings;
}

NodeSpec read_spec(const JsonField& field, const std::string& file) {
  field.expect_only({"name", "addresses", "podCIDRs", "interfaces", "routes", "sysctls"});
  NodeSpec node;
  node.name = field["name"].string();
  for (const JsonField& item : field["addresses"].items()) {
    const auto address = parse_node_address(item.string());
    if (!address) item.fail_expecting("ADDRESS or ADDRESS/LENGTH");
    node.addresses.push_back(*address);
  }
  for (const JsonField& item : field["podCIDRs"].items()) {
    const auto cidr = Cidr::parse(item.string());
    if (!cidr) item.fail_expecting("ADDRESS/LENGTH");
    node.pod_cidrs.push_back(*cidr);
  }
  if (field["interfaces"].present()) node.interfaces = read_interfaces(field["interfaces"]);
  if (field["routes"].present()) node.routes = read_routes(field["routes"], file);
  node.sysctls = read_sysctls(field["sysctls"]);
  return node;
}

}  // namespace

Result<InterfaceAddress> parse_node_address(const std::string& text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return tl::unexpected(address.error());
  InterfaceAddress result = node_address(*address);
  if (slash != std::string::npos) {
    const auto cidr = Cidr::parse(text);
    if (!cidr) return tl::unexpected(cidr.error());
    result.prefix_length = cidr->prefix_length();
  }
  return result;
}

Result<NodeSpec> read_node_spec(const JsonField& field, const JsonDocument& document) {
  try {
    return read_spec(field, document.file);
  } catch (const FieldFailure& failure) {
    return document.error(failure, "");
  }
}

}  // namespace kubeproof
