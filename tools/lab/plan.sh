# shellcheck shell=bash disable=SC2034
# What the lab consists of: namespaces, addresses, pods and Services. The network, the servers, the
# snapshot and the traffic are all made from these tables, so that they cannot contradict each other.
#
#   client ── router ──┬── node-a ── pods        outside   203.0.113.0/24    2001:db8:0:2::/64
#                      └── node-b ── pods        nodes     192.168.0.0/24    2001:db8:0:1::/64
#                                                pods      10.180.0.0/16     fd00:10:180::/56
#                                                services  10.96.0.0/16      fd00:10:96::/112
#                                                VIPs      198.51.100.0/24   2001:db8:0:ff::/64

readonly kNodes=(node-a node-b)
readonly kCapturedNode=node-a

declare -rA kNodeIpv4=([node-a]=192.168.0.2 [node-b]=192.168.0.3)
declare -rA kNodeIpv6=([node-a]=2001:db8:0:1::2 [node-b]=2001:db8:0:1::3)
declare -rA kPodCidrIpv4=([node-a]=10.180.0.0/24 [node-b]=10.180.1.0/24)
declare -rA kPodCidrIpv6=([node-a]=fd00:10:180::/64 [node-b]=fd00:10:180:1::/64)

readonly kGatewayIpv4=192.168.0.1 kGatewayIpv6=2001:db8:0:1::1
readonly kClientIpv4=203.0.113.10 kClientIpv6=2001:db8:0:2::10
readonly kOutsideIpv4=203.0.113.1 kOutsideIpv6=2001:db8:0:2::1

readonly kClusterCidrIpv4=10.180.0.0/16 kClusterCidrIpv6=fd00:10:180::/56
# What the outside reaches through node-a: Service addresses and virtual IPs.
readonly kServiceRangesIpv4=(10.96.0.0/16 198.51.100.0/24)
readonly kServiceRangesIpv6=(fd00:10:96::/112 2001:db8:0:ff::/64)

readonly kWebPort=8080 kDnsPort=5353 kHostWebPort=8081

# name, node, last part of both addresses, what runs in it, further label
readonly kPods=(
  "web-a1  node-a 10 web site=a"
  "web-a2  node-a 11 web site=a"
  "dns-a1  node-a 53 dns site=a"
  "shell-a node-a 20 shell site=a"
  "web-b1  node-b 10 web site=b"
  "web-b2  node-b 11 web site=b"
  "dns-b1  node-b 53 dns site=b"
  "shell-b node-b 20 shell site=b"
)
# A pod in the node's own network namespace.
readonly kHostPod=host-web-a

# name, type, external policy, internal policy, number, nodePort, virtual IP?, external IP?,
# selector, ports. The number is the last part of every address of the Service:
# 10.96.0.N, 198.51.100.N (virtual IP), 198.51.100.1N (external IP, N below 100), and the same in IPv6.
readonly kServices=(
  "web                ClusterIP    -       Cluster 10 -     no  no  app=web        http"
  "web-internal-local ClusterIP    -       Local   11 -     no  no  app=web        http"
  "web-external       ClusterIP    Cluster Cluster 12 -     no  yes app=web        http"
  "web-external-local ClusterIP    Local   Cluster 13 -     no  yes app=web        http"
  "web-nodeport       NodePort     Cluster Cluster 14 30014 no  no  app=web        http"
  "web-nodeport-local NodePort     Local   Cluster 15 30015 no  no  app=web        http"
  "web-lb             LoadBalancer Cluster Cluster 16 30016 yes no  app=web        http"
  "web-lb-local       LoadBalancer Local   Cluster 17 30017 yes no  app=web        http"
  "web-away           LoadBalancer Local   Local   18 30018 yes yes app=web,site=b http"
  "web-none           LoadBalancer Cluster Cluster 19 30019 yes yes app=nothing    http"
  "host-web           LoadBalancer Cluster Cluster 20 30020 yes yes app=host-web   host-http"
  "kube-dns           ClusterIP    -       Cluster 30 -     no  no  app=dns        dns,dns-tcp"
  "dns-internal-local ClusterIP    -       Local   31 -     no  no  app=dns        dns"
  "dns-lb             LoadBalancer Cluster Cluster 32 30032 yes yes app=dns        dns"
  "dns-lb-local       LoadBalancer Local   Cluster 33 30033 yes yes app=dns        dns"
  "dns-away           LoadBalancer Local   Local   34 30034 yes yes app=dns,site=b dns"
  "dns-none           LoadBalancer Cluster Cluster 35 30035 yes yes app=nothing    dns"
)

# name, protocol, port, target port
declare -rA kPorts=(
  [http]="TCP 80 $kWebPort"
  [host-http]="TCP 80 $kHostWebPort"
  [dns]="UDP 53 $kDnsPort"
  [dns-tcp]="TCP 53 $kDnsPort"
)

pod_ipv4() { local node=$1 number=$2; echo "${kPodCidrIpv4[$node]%.*}.$number"; }
pod_ipv6() { local node=$1 number=$2; echo "${kPodCidrIpv6[$node]%/*}$number"; }

cluster_ipv4() { echo "10.96.0.$1"; }
cluster_ipv6() { echo "fd00:10:96::$1"; }
virtual_ipv4() { echo "198.51.100.$1"; }
virtual_ipv6() { echo "2001:db8:0:ff::$1"; }
external_ipv4() { echo "198.51.100.1$1"; }
external_ipv6() { echo "2001:db8:0:ff::1$1"; }

# Of a pod or a Service.
namespace_of() { if [[ $1 == *dns* ]]; then echo kube-system; else echo default; fi; }

# Whether a selector ("app=web,site=b") takes a pod with these labels.
selects() {
  local selector=$1 labels=$2 term
  for term in ${selector//,/ }; do
    [[ ",$labels," == *",$term,"* ]] || return 1
  done
}
