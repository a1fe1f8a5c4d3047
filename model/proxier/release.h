// Where releases of kube-proxy differ in what a packet meets, by minor version of Kubernetes 1.x,
// each in its newest patch release, with feature gates as they are by default.
//
// The rules have been organised in three ways:
//   1.20 to 1.23  KUBE-SVC- for traffic of all kinds; KUBE-XLB- where the external traffic policy
//                 is Local; KUBE-FW- in front of every load balancer's address (xlb_rules.h)
//   1.24          KUBE-SVC-, KUBE-SVL-, KUBE-EXT-; what is turned away is marked 0x8000, and the
//                 kubelet's KUBE-FIREWALL drops what has that mark
//   since 1.25    the same; what is turned away is dropped in table filter
#pragma once

#include "model/cluster/proxy_config.h"

namespace kubeproof::proxier {

class Release {
 public:
  explicit Release(const ProxyConfig& config)
      : minor_(config.release_minor),
        ignores_external_ips_(minor_ >= 36 && !config.allow_service_external_ips) {}

  // The organisation of the rules.
  bool has_xlb_chains() const { return minor_ <= 23; }
  bool drops_by_mark() const { return minor_ <= 24; }
  bool ends_firewall_chain_with_a_comment() const { return minor_ >= 27; }
  // Health-check node ports are accepted by KUBE-NODEPORTS of table filter.
  bool accepts_health_checks() const { return minor_ >= 21; }
  // KUBE-FORWARD names replies and requests of pods apart, though the rules are the same.
  bool accepts_established_twice() const { return minor_ <= 22; }
  // Rules that balance over local endpoints say which of them they are, in their comments.
  bool numbers_local_balancing_rules() const { return minor_ <= 22; }
  // The kubelet marks and drops, and guards 127.0.0.0/8 whatever kube-proxy serves there
  // (pkg/kubelet/kubelet_network_linux.go); later kube-proxy guards it, where it serves it.
  bool relies_on_kubelet_chains() const { return minor_ <= 26; }

  // Who is masqueraded stands in KUBE-SERVICES and KUBE-NODEPORTS, before the jump to the chain of
  // the service port; since 1.22 in that chain.
  bool masquerades_before_the_jump() const { return minor_ <= 21; }
  // An external IP is only served to what comes from off the machine, or where it is an address of
  // the node; and all that goes there is masqueraded.
  bool captures_external_ips_from_outside() const { return minor_ <= 20; }

  // Localhost and the addresses of NodePorts.
  // net.ipv4.conf.all.route_localnet is set whether NodePorts answer on localhost or not.
  bool always_routes_localnet() const { return minor_ <= 23; }
  // The option iptables.localhostNodePorts, and no NodePorts on ::1.
  bool excludes_loopback_node_ports() const { return minor_ >= 26; }
  // Where nodePortAddresses match no address of the node, NodePorts have no rules at all; up to
  // 1.22 the service port has none of those that come after them either.
  bool node_ports_need_an_address() const { return minor_ <= 26; }
  bool services_need_a_node_port_address() const { return minor_ <= 22; }

  // Endpoints.
  // The text of an address, canonical or not, names its endpoint. (One of IPv4 with leading zeros
  // iptables-restore refuses, and all rules with it: such an endpoint is taken for what it means.)
  bool names_endpoints_by_text() const { return minor_ <= 30; }
  // Those that are not ready are known, if not used.
  bool knows_unready_endpoints() const { return minor_ >= 21; }
  // Of several with one address and different ports, one is kept.
  bool keeps_one_port_of_an_address() const { return minor_ <= 21; }
  // Where no endpoint is ready, those that serve while they terminate are used (KEP-1669, beta).
  bool falls_back_to_terminating() const { return minor_ >= 26; }
  // internalTrafficPolicy (KEP-2086, beta).
  bool honours_internal_policy() const { return minor_ >= 22; }
  // It filters the endpoints of all traffic to the service port, NodePorts and load balancers
  // included, unless the external policy is Local too; without an endpoint, traffic is rejected.
  bool internal_policy_is_for_all_traffic() const { return minor_ <= 23; }

  // Topology hints (KEP-2433, beta and on); first the annotation has to say Auto, then anything but
  // disabled; then hints count without an annotation of the Service (KEP-4444, beta).
  bool honours_hints() const { return minor_ >= 24; }
  bool hints_need_annotation() const { return minor_ <= 30; }
  bool hints_need_auto() const { return minor_ <= 26; }
  // The annotation has a second name, topology-mode.
  bool reads_topology_mode() const { return minor_ >= 27; }
  // Hints for nodes (KEP-3015, PreferSameNode, beta).
  bool honours_node_hints() const { return minor_ >= 34; }

  // KUBE-FORWARD's drop of INVALID packets is left out where conntrack is liberal (PR 120412).
  bool honours_liberal_conntrack() const { return minor_ >= 29; }
  // externalTrafficPolicy of Services of type ClusterIP, for their external IPs.
  bool honours_external_policy_of_cluster_ip_services() const { return minor_ >= 29; }
  // `ipMode: Proxy` of a load balancer's address (KEP-1860, beta).
  bool honours_ip_mode() const { return minor_ >= 30; }
  // A source range of length 0 makes the list of ranges as good as empty.
  bool zero_range_allows_all() const { return minor_ >= 34; }
  // The labels service-proxy-name and headless each hide both Services and EndpointSlices; later
  // each only the kind that it is meant for.
  bool labels_hide_both_kinds() const { return minor_ <= 35; }
  // Of two equal endpoints the earlier stays where the later terminates; before, where the later is
  // not local.
  bool terminating_duplicate_yields() const { return minor_ >= 36; }
  // The feature gate AllowServiceExternalIPs is off; earlier releases have no such gate.
  bool ignores_external_ips() const { return ignores_external_ips_; }

  // The cleanup of UDP flows (stale_udp_flows.h).
  // Looks through all flows; before, ends those that single changes concern.
  bool udp_cleanup_reconciles() const { return minor_ >= 32; }
  // Goes by address and port of the endpoint; before, by address.
  bool udp_cleanup_compares_ports() const { return minor_ >= 34; }
  // Takes in services without a serving endpoint (PR 139629), and deleted ones (PR 141371).
  bool udp_cleanup_ends_flows_to_nowhere() const { return minor_ >= 37; }
  // Which endpoints can have had traffic: all that are known; then those that are ready (PR
  // 106163); then those that serve (PR 119394).
  bool udp_cleanup_counts_ready() const { return minor_ >= 22 && minor_ <= 28; }
  bool udp_cleanup_counts_serving() const { return minor_ >= 29; }
  // An endpoint that stops serving is taken for gone; later only one that is no longer listed.
  bool udp_cleanup_ends_flows_to_unready() const { return minor_ <= 29; }
  // An endpoint that another node reports is another one.
  bool udp_cleanup_tells_local_apart() const { return minor_ <= 28; }

 private:
  int minor_;
  bool ignores_external_ips_;
};

}  // namespace kubeproof::proxier
