# shellcheck shell=bash
# The lab's network namespaces and the links between them. Names are private: `record` runs in a
# mount namespace whose /run is its own, so that the last process that ends takes everything along.
#
# Nodes route to their pods without a bridge, as Calico does: one veth pair per pod, its host end
# without an IPv4 address, a host route to the pod, proxy ARP towards it. Segmentation offload and
# checksum offload stay as veth has them: on.

in_namespace() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

add_namespace() {
  local name=$1
  ip netns add "$name"
  in_namespace "$name" sysctl -qw \
    net.ipv4.conf.{all,default}.{rp_filter,send_redirects,accept_redirects}=0 \
    net.ipv6.conf.{all,default}.{accept_dad,dad_transmits,router_solicitations,accept_ra}=0 \
    net.ipv6.conf.{all,default}.accept_redirects=0 net.ipv6.auto_flowlabels=0
  ip -n "$name" link set lo up
}

# add_link INDEX NAMESPACE DEVICE MAC PEER_NAMESPACE PEER_DEVICE PEER_MAC: a veth pair.
# The index is that of the first device, so that every recording numbers a node's devices alike.
add_link() {
  ip link add "$3" index "$1" netns "$2" address "$4" type veth \
    peer name "$6" netns "$5" address "$7"
  ip -n "$2" link set "$3" up
  ip -n "$5" link set "$6" up
}

build_router() {
  add_namespace router
  add_namespace client
  in_namespace router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip -n router link add wire address 02:00:00:00:00:01 type bridge mcast_snooping 0
  ip -n router link set wire up
  ip -n router addr add "$kGatewayIpv4/24" dev wire
  ip -n router addr add "$kGatewayIpv6/64" dev wire

  add_link 2 client eth0 02:00:00:00:01:02 router outside 02:00:00:00:01:01
  ip -n router addr add "$kOutsideIpv4/24" dev outside
  ip -n router addr add "$kOutsideIpv6/64" dev outside
  ip -n client addr add "$kClientIpv4/24" dev eth0
  ip -n client addr add "$kClientIpv6/64" dev eth0
  ip -n client route add default via "$kOutsideIpv4"
  ip -n client route add default via "$kOutsideIpv6"

  # The outside reaches Services through the captured node. What a node itself sends to such an
  # address untranslated ends here, as it would at a router that knows of no such network.
  local range
  for range in "${kServiceRangesIpv4[@]}"; do
    ip -n router route add "$range" via "${kNodeIpv4[$kCapturedNode]}" table 100
    ip -n router route add blackhole "$range"
  done
  for range in "${kServiceRangesIpv6[@]}"; do
    ip -n router -6 route add "$range" via "${kNodeIpv6[$kCapturedNode]}" table 100
    ip -n router -6 route add blackhole "$range"
  done
  ip -n router rule add iif outside lookup 100
  ip -n router -6 rule add iif outside lookup 100
}

# As kube-proxy leaves a node: forwarding, route_localnet, its conntrack timeouts. The limits on
# ICMP errors are off, so that what is rejected shows.
set_node_sysctls() {
  in_namespace "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
    net.ipv4.conf.all.route_localnet=1 \
    net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 \
    net.netfilter.nf_conntrack_tcp_timeout_established=86400 \
    net.netfilter.nf_conntrack_tcp_timeout_close_wait=3600
}

build_node() {
  local node=$1 number=$2
  add_namespace "$node"
  set_node_sysctls "$node"
  add_link 2 "$node" eth0 "02:00:00:00:02:0$number" router "to-$node" "02:00:00:00:03:0$number"
  ip -n router link set "to-$node" master wire
  ip -n "$node" addr add "${kNodeIpv4[$node]}/24" dev eth0
  ip -n "$node" addr add "${kNodeIpv6[$node]}/64" dev eth0
  ip -n "$node" route add default via "$kGatewayIpv4" dev eth0
  ip -n "$node" route add default via "$kGatewayIpv6" dev eth0
}

route_to_other_nodes() {
  local node=$1 other
  for other in "${kNodes[@]}"; do
    [[ $other != "$node" ]] || continue
    ip -n "$node" route add "${kPodCidrIpv4[$other]}" via "${kNodeIpv4[$other]}" dev eth0
    ip -n "$node" route add "${kPodCidrIpv6[$other]}" via "${kNodeIpv6[$other]}" dev eth0
  done
}

# A pod's namespace; the host's end of its link has the interface index 100 + NUMBER.
build_pod() {
  local pod=$1 node=$2 number=$3 device=veth-$1 ipv4 ipv6 gateway
  ipv4=$(pod_ipv4 "$node" "$number")
  ipv6=$(pod_ipv6 "$node" "$number")
  add_namespace "$pod"
  add_link $((100 + number)) "$node" "$device" "02:00:00:01:00:$number" \
    "$pod" eth0 "02:00:00:02:00:$number"
  in_namespace "$node" sysctl -qw "net.ipv4.conf.$device.proxy_arp=1" \
    "net.ipv4.neigh.$device.proxy_delay=0"
  ip -n "$node" route add "$ipv4" dev "$device"
  ip -n "$node" route add "$ipv6" dev "$device"

  gateway=$(ip -n "$node" -j -6 addr show dev "$device" scope link | grep -o 'fe80[0-9a-f:]*')
  ip -n "$pod" addr add "$ipv4/32" dev eth0
  ip -n "$pod" addr add "$ipv6/128" dev eth0
  ip -n "$pod" route add 169.254.1.1 dev eth0
  ip -n "$pod" route add default via 169.254.1.1 dev eth0
  ip -n "$pod" route add default via "$gateway" dev eth0
}

build_network() {
  local node row pod number=2
  build_router
  for node in "${kNodes[@]}"; do
    build_node "$node" "$number"
    number=$((number + 1))
  done
  for node in "${kNodes[@]}"; do route_to_other_nodes "$node"; done
  for row in "${kPods[@]}"; do
    read -r pod node number _ <<<"$row"
    build_pod "$pod" "$node" "$number"
  done
}

# The node's world, as a user would save it from a real one.
save_world() {
  local directory=$1
  ip -n "$kCapturedNode" -j addr >"$directory/$kCapturedNode-addr.json"
  ip -n "$kCapturedNode" -j route >"$directory/$kCapturedNode-route.json"
  ip -n "$kCapturedNode" -j -6 route >"$directory/$kCapturedNode-route6.json"
}
