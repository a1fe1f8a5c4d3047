# shellcheck shell=bash
# kube-proxy's rules on the nodes, and tcpdump on the captured one.

install_rules() {
  local output=$1 node
  for node in "${kNodes[@]}"; do
    print_rules "$output" "$node" ipv4 | in_namespace "$node" iptables-legacy-restore
    print_rules "$output" "$node" ipv6 | in_namespace "$node" ip6tables-legacy-restore
  done
}

print_rules() {
  "$KUBEPROOF" rules --cluster "$1/cluster.yaml" --proxy-config "$1/kube-proxy.yaml" \
    --node "$2" --family "$3"
}

# Packets of the node's own processes are translated before tcpdump sees them on a device, so they
# are captured once more where they begin: NFLOG in raw OUTPUT, one message per packet.
start_captures() {
  local output=$1 command protocol
  for command in iptables-legacy ip6tables-legacy; do
    for protocol in tcp udp; do
      in_namespace "$kCapturedNode" "$command" -t raw -A OUTPUT -p "$protocol" \
        -j NFLOG --nflog-group 5 --nflog-threshold 1
    done
  done
  start_tcpdump any "$output/$kCapturedNode.pcap" --linktype LINUX_SLL2
  start_tcpdump nflog:5 "$output/$kCapturedNode-host.pcap"
}

# start_tcpdump DEVICE FILE [option...]
start_tcpdump() {
  local device=$1 file=$2 log attempt
  log=$kScratch/tcpdump-${device%:*}.log
  rm -f "$file"
  : >"$log"
  nsenter --net="/run/netns/$kCapturedNode" tcpdump -Z root -n -U --immediate-mode -B 16384 \
    -i "$device" -w "$file" "${@:3}" 2>"$log" &
  kCaptures+=($!)
  for ((attempt = 0; attempt < 100; ++attempt)); do
    if grep -q '^.*listening on' "$log"; then return; fi
    sleep 0.1
  done
  die "tcpdump on $device did not start: $(cat "$log")"
}

stop_captures() {
  local log
  sleep 1
  # That nothing became of a packet shows only in what comes after it: the node asks for its
  # gateway's hardware address once more.
  ip -n "$kCapturedNode" neigh change "$kGatewayIpv4" dev eth0 nud probe
  sleep 0.5
  kill -TERM "${kCaptures[@]}"
  wait "${kCaptures[@]}" || true
  for log in "$kScratch"/tcpdump-*.log; do
    grep -q '^0 packets dropped by kernel' "$log" || die "$(cat "$log")"
  done
}
