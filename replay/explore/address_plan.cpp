#include "replay/explore/address_plan.h"

namespace kubeproof::explore {
namespace {

IpAddress parse(const char* text) {
  return IpAddress::parse(text).value();
}

std::vector<IpAddress> parse(std::initializer_list<const char*> texts) {
  std::vector<IpAddress> addresses;
  addresses.reserve(texts.size());
  for (const char* text : texts) addresses.push_back(parse(text));
  return addresses;
}

AddressPlan ipv4_plan() {
  AddressPlan plan;
  plan.family = Family::kIpv4;
  plan.node = parse("192.168.0.2");
  plan.second_node = parse("192.168.0.3");
  plan.node_among_pods = parse("10.180.0.200");
  plan.loopback = parse("127.0.0.1");
  plan.bridge = parse("10.180.0.1");
  plan.overlay = parse("10.180.0.0");
  plan.storage = parse("10.200.0.2");
  plan.storage_gateway = parse("10.200.0.1");
  plan.link_local = parse("169.254.20.10");
  plan.neighbour = parse("192.168.0.77");
  plan.other_node = parse("192.168.0.50");
  plan.pods_here = parse({"10.180.0.9", "10.180.0.10", "10.180.0.11"});
  plan.pods_elsewhere = parse({"10.180.1.7", "10.180.1.8"});
  plan.outside = parse({"198.51.100.7", "198.51.100.8"});
  plan.cluster_ips = parse({"10.96.0.10", "10.96.0.11", "10.96.0.12", "10.96.0.13"});
  plan.external_ips = parse({"203.0.113.1", "203.0.113.2", "203.0.113.3"});
  plan.node_prefix = "/24";
  plan.pod_cidr = "10.180.0.0/24";
  plan.cluster_cidr = "10.180.0.0/16";
  return plan;
}

AddressPlan ipv6_plan() {
  AddressPlan plan;
  plan.family = Family::kIpv6;
  plan.node = parse("2001:db8::2");
  plan.second_node = parse("2001:db8::3");
  plan.node_among_pods = parse("fd00:180::200");
  plan.loopback = parse("::1");
  plan.bridge = parse("fd00:180::1");
  plan.overlay = parse("fd00:180::");
  plan.storage = parse("2001:db8:200::2");
  plan.storage_gateway = parse("2001:db8:200::1");
  plan.link_local = parse("fe80::2");
  plan.neighbour = parse("2001:db8::77");
  plan.other_node = parse("2001:db8::50");
  plan.pods_here = parse({"fd00:180::9", "fd00:180::10", "fd00:180::11"});
  plan.pods_elsewhere = parse({"fd00:180:0:1::7", "fd00:180:0:1::8"});
  plan.outside = parse({"2001:db8:ffff::7", "2001:db8:ffff::8"});
  plan.cluster_ips = parse({"fd00:96::10", "fd00:96::11", "fd00:96::12", "fd00:96::13"});
  plan.external_ips = parse({"2001:db8:113::1", "2001:db8:113::2", "2001:db8:113::3"});
  plan.node_prefix = "/64";
  plan.pod_cidr = "fd00:180::/64";
  plan.cluster_cidr = "fd00:180::/32";
  return plan;
}

}  // namespace

const AddressPlan& address_plan(Family family) {
  static const AddressPlan kIpv4 = ipv4_plan();
  static const AddressPlan kIpv6 = ipv6_plan();
  return family == Family::kIpv4 ? kIpv4 : kIpv6;
}

}  // namespace kubeproof::explore
