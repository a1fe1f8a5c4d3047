# shellcheck shell=bash
# The clients: who asks whom, and what kube-proxy promises about it. Three kinds of client ask every
# address of every Service; after that come the paths that have no place in the table.

kAsked=0
kWrong=0

# The client's own address, as a pod sees it where nothing masquerades.
address_of() {
  local client=$1 family=$2 row pod node number
  case $client in
    client) local -n own=kClient$family; echo "$own"; return ;;
    node-*) local -n owns=kNode$family; echo "${owns[$client]}"; return ;;
  esac
  for row in "${kPods[@]}"; do
    read -r pod node number _ <<<"$row"
    if [[ $pod == "$client" ]]; then "pod_${family,,}" "$node" "$number"; return; fi
  done
}

# bracketed ADDRESS: as a URL wants it.
bracketed() { if [[ $1 == *:* ]]; then echo "[$1]"; else echo "$1"; fi; }

# ask_web CLIENT ADDRESS PORT [PATIENCE]: prints "POD ADDRESS-THE-POD-SAW", "refused" or "silence".
# With its usual patience a client sends its SYN twice: it cannot hear a rejection that comes back
# while it still holds its socket, as happens where the whole path is one call chain in one kernel.
ask_web() {
  local answer status=0
  answer=$(in_namespace "$1" curl -sg --noproxy '*' --connect-timeout "${4-2.5}" --max-time 5 \
    "http://$(bracketed "$2"):$3/") || status=$?
  case $status in
    0) echo "$answer" ;;
    7) echo refused ;;
    28) echo silence ;;
    *) echo "curl's exit status $status" ;;
  esac
}

# ask_dns CLIENT ADDRESS PORT [option...]: prints the pod that answered, "refused" or "silence".
ask_dns() {
  local answer
  answer=$(in_namespace "$1" dig +tries=1 +time=1 +short +noedns "${@:4}" -p "$3" "@$2" \
    who.lab TXT 2>&1) || true
  case $answer in
    *refused*) echo refused ;;
    *timed\ out* | *no\ servers* | *not\ permitted* | *permission*) echo silence ;;
    *) echo "${answer//\"/}" ;;
  esac
}

# expect WHAT ANSWER PATTERN...: one of the patterns must be the answer.
expect() {
  local what=$1 answer=$2 pattern
  kAsked=$((kAsked + 1))
  for pattern in "${@:3}"; do
    # Patterns may hold wildcards.
    # shellcheck disable=SC2053
    if [[ $answer == $pattern ]]; then return; fi
  done
  kWrong=$((kWrong + 1))
  printf 'record: %s: got "%s", expected "%s"\n' "$what" "$answer" "${*:3}" >&2
}

# promise CLIENT KIND EXTERNAL_POLICY INTERNAL_POLICY SELECTOR: what kube-proxy does with the
# first packet: "refused", "silence", or "LETTERS keep|masquerade" with the sites that may answer.
promise() {
  local client=$1 kind=$2 external=$3 internal=$4 selector=$5 sites=ab local_sites=a
  case $selector in
    app=nothing)
      # Nothing holds a node's own packets to an address that the node does not have: they leave.
      if [[ $client == node-a && $kind == @(virtual|external) ]]; then
        echo silence
      else
        echo refused
      fi
      return ;;
    *site=b) sites=b local_sites= ;;
    app=host-web) sites=a ;;
  esac
  case $kind/$internal/$external/$client in
    cluster/Local/*) sites=$local_sites ;;
    node-port/*/Local/client | virtual/*/Local/client | external/*/Local/client)
      sites=$local_sites ;;
  esac
  if [[ -z $sites ]]; then echo silence; return; fi
  case $kind/$external/$client in
    */node-a) echo "$sites masquerade" ;;
    cluster/*/shell-a) echo "$sites keep" ;;
    cluster/*) echo "$sites masquerade" ;;
    */Local/*) echo "$sites keep" ;;
    *) echo "$sites masquerade" ;;
  esac
}

# ask CLIENT FAMILY KIND ADDRESS PORT SERVICE_ROW
ask() {
  local client=$1 family=$2 kind=$3 address=$4 port=$5 name external internal selector ports
  local promised seen what
  read -r name _ external internal _ _ _ _ selector ports <<<"$6"
  promised=$(promise "$client" "$kind" "$external" "$internal" "$selector")
  what="$client to $kind address of $name, $(bracketed "$address"):$port"
  case $promised in
    *keep) seen=$(address_of "$client" "$family") ;;
    *masquerade) seen=$(address_of node-a "$family") ;;
    *) seen= ;;
  esac
  # The mark comes to nothing where the endpoint is the node itself: no POSTROUTING.
  if [[ $selector == app=host-web ]]; then seen=$(address_of "$client" "$family"); fi
  local sites=${promised%% *} pattern=$promised patience=0.3
  if [[ $ports == dns* ]]; then
    [[ -z $seen ]] || pattern="dns-[$sites]1"
    expect "$what" "$(ask_dns "$client" "$address" "$port")" "$pattern"
  else
    [[ -z $seen ]] || pattern="*web-[$sites][12] $seen"
    [[ $selector != app=host-web ]] || pattern="$kHostPod $seen"
    [[ $promised == silence ]] || patience=2.5
    expect "$what" "$(ask_web "$client" "$address" "$port" "$patience")" "$pattern"
  fi
}

ask_every_address() {
  local client=$1 family=$2 row number node_port has_virtual has_external ports port
  for row in "${kServices[@]}"; do
    read -r _ _ _ _ number node_port has_virtual has_external _ ports <<<"$row"
    read -r _ port _ <<<"${kPorts[${ports%%,*}]}"
    ask "$client" "$family" cluster "$("cluster_${family,,}" "$number")" "$port" "$row"
    if [[ $node_port != - ]]; then
      ask "$client" "$family" node-port "$(address_of node-a "$family")" "$node_port" "$row"
    fi
    if [[ $has_virtual == yes ]]; then
      ask "$client" "$family" virtual "$("virtual_${family,,}" "$number")" "$port" "$row"
    fi
    if [[ $has_external == yes ]]; then
      ask "$client" "$family" external "$("external_${family,,}" "$number")" "$port" "$row"
    fi
  done
}

# 127.0.0.1:nodePort, which kube-proxy offers in IPv4 only.
ask_localhost() {
  local node
  node=$(address_of node-a Ipv4)
  expect "localhost, web-nodeport" "$(ask_web node-a 127.0.0.1 30014)" "web-[ab][12] $node"
  expect "localhost, web-nodeport-local" "$(ask_web node-a 127.0.0.1 30015)" "web-[ab][12] $node"
  expect "localhost, web-none" "$(ask_web node-a 127.0.0.1 30019)" refused
  expect "localhost, dns-lb" "$(ask_dns node-a 127.0.0.1 30032)" "dns-[ab]1"
}

# A pod that its own Service leads back to itself sees the node as its client. Asked several times,
# so that whoever replays this picks the pod itself at least once.
ask_hairpin() {
  local family=$1 own node answer attempt seen=0
  own=$(address_of web-a1 "$family")
  node=$(address_of node-a "$family")
  for ((attempt = 0; attempt < 20; ++attempt)); do
    answer=$(ask_web web-a1 "$("cluster_${family,,}" 11)" 80)
    expect "web-a1 to its own Service" "$answer" "web-a1 $node" "web-a2 $own"
    if [[ $answer == "web-a1 $node" ]]; then seen=1; fi
    if [[ $seen -eq 1 && $attempt -ge 8 ]]; then return; fi
  done
  expect "web-a1 to its own Service, twenty times" none "web-a1 $node"
}

# Through or to the node without translation, and what other nodes' clients bring.
ask_others() {
  local family=$1 node other
  node=$(address_of node-a "$family")
  other=$(address_of node-b "$family")
  expect "pod to pod" "$(ask_web shell-a "$(address_of web-b1 "$family")" "$kWebPort")" \
    "web-b1 $(address_of shell-a "$family")"
  expect "node to pod" "$(ask_web node-a "$(address_of web-a2 "$family")" "$kWebPort")" \
    "web-a2 $node"
  expect "client to a server of the node" "$(ask_web client "$node" "$kHostWebPort")" \
    "$kHostPod $(address_of client "$family")"
  expect "client to a closed port" "$(ask_web client "$node" 9)" refused
  expect "client to a closed UDP port" "$(ask_dns client "$node" 9)" refused
  expect "pod to an unused port of a Service" \
    "$(ask_web shell-a "$("cluster_${family,,}" 10)" 81 0.3)" silence
  expect "pod to DNS over TCP" "$(ask_dns shell-a "$("cluster_${family,,}" 30)" 53 +tcp)" "dns-[ab]1"
  expect "other node to nodePort" "$(ask_web node-b "$node" 30014)" "web-[ab][12] $node"
  expect "other node's pod to nodePort" "$(ask_web shell-b "$node" 30014)" "web-[ab][12] $node"
  expect "other node to its own nodePort" "$(ask_web node-b "$other" 30015)" "web-[ab][12] $other"
}

# move_bulk CLIENT ADDRESS: down and up, large enough for segmentation offload to show.
move_bulk() {
  local client=$1 address=$2 url count
  url="http://$(bracketed "$address")"
  count=$(in_namespace "$client" curl -sg --max-time 10 "$url/big" | wc -c)
  expect "$client downloads from $address" "$count" "$kBigFileBytes"
  head -c "$kBigFileBytes" /dev/zero | in_namespace "$client" curl -sg --max-time 10 \
    --data-binary @- -H 'Expect:' -o /dev/null "$url/" || count=failed
  expect "$client uploads to $address" "$count" "$kBigFileBytes"
}

run_traffic() {
  local family client
  for family in Ipv4 Ipv6; do
    for client in client shell-a node-a; do ask_every_address "$client" "$family"; done
    ask_hairpin "$family"
    ask_others "$family"
    move_bulk client "$("virtual_${family,,}" 16)"
  done
  ask_localhost
  move_bulk shell-a "$(cluster_ipv4 10)"
  move_bulk node-a "$(cluster_ipv6 10)"
}

report_traffic() {
  if [[ $kWrong -ne 0 ]]; then
    die "$kWrong of $kAsked clients did not get what kube-proxy promises: this capture is no good"
  fi
  echo "record: all $kAsked clients got what kube-proxy promises"
}
