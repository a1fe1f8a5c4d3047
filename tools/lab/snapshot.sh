# shellcheck shell=bash
# Prints the lab's objects as an API server would serve them:
#   kubectl get services,endpointslices,nodes,pods -A -o yaml
# UIDs and times follow from the objects' names, so that recording again changes nothing.

readonly kCreated='"2026-03-02T09:14:07Z"'

uid() {
  local digest
  digest=$(printf '%s' "$1" | sha256sum)
  echo "${digest:0:8}-${digest:8:4}-4${digest:13:3}-9${digest:17:3}-${digest:20:12}"
}

# suffix TEXT: five letters as generated names end with.
suffix() { printf '%s' "$1" | sha256sum | tr '0-9' 'k-t' | head -c 5; }

# labels_yaml INDENT LABELS ("app=web,site=a")
labels_yaml() {
  local indent=$1 term
  for term in ${2//,/ }; do printf '%s%s: %s\n' "$indent" "${term%%=*}" "${term#*=}"; done
}

print_service_port() {
  local port=$1 node_port=$2 protocol number target
  read -r protocol number target <<<"${kPorts[$port]}"
  echo "    - name: $port"
  [[ $node_port == - ]] || echo "      nodePort: $node_port"
  echo "      port: $number"
  echo "      protocol: $protocol"
  echo "      targetPort: $target"
}

print_service() {
  local name=$1 type=$2 external=$3 internal=$4 number=$5 node_port=$6 has_virtual=$7 \
    has_external=$8 selector=$9 ports=${10} port
  cat <<YAML
- apiVersion: v1
  kind: Service
  metadata:
    creationTimestamp: $kCreated
    labels:
      service: $name
    name: $name
    namespace: $(namespace_of "$name")
    resourceVersion: "10$number"
    uid: $(uid "service/$name")
  spec:
YAML
  [[ $type != LoadBalancer ]] || echo "    allocateLoadBalancerNodePorts: true"
  cat <<YAML
    clusterIP: $(cluster_ipv4 "$number")
    clusterIPs:
    - $(cluster_ipv4 "$number")
    - $(cluster_ipv6 "$number")
YAML
  if [[ $has_external == yes ]]; then
    echo "    externalIPs:"
    echo "    - $(external_ipv4 "$number")"
    echo "    - $(external_ipv6 "$number")"
  fi
  [[ $external == - ]] || echo "    externalTrafficPolicy: $external"
  if [[ $type == LoadBalancer && $external == Local ]]; then
    echo "    healthCheckNodePort: $((node_port + 1000))"
  fi
  cat <<YAML
    internalTrafficPolicy: $internal
    ipFamilies:
    - IPv4
    - IPv6
    ipFamilyPolicy: RequireDualStack
    ports:
YAML
  for port in ${ports//,/ }; do print_service_port "$port" "$node_port"; done
  echo "    selector:"
  labels_yaml "      " "$selector"
  cat <<YAML
    sessionAffinity: None
    type: $type
  status:
YAML
  if [[ $has_virtual == yes ]]; then
    cat <<YAML
    loadBalancer:
      ingress:
      - ip: $(virtual_ipv4 "$number")
        ipMode: VIP
      - ip: $(virtual_ipv6 "$number")
        ipMode: VIP
YAML
  else
    echo "    loadBalancer: {}"
  fi
}

# print_endpoint ADDRESS NODE POD
print_endpoint() {
  cat <<YAML
  - addresses:
    - $1
    conditions:
      ready: true
      serving: true
      terminating: false
    nodeName: $2
    targetRef:
      kind: Pod
      name: $3
      namespace: $(namespace_of "$3")
      uid: $(uid "pod/$3")
YAML
}

# print_endpoints FAMILY SELECTOR: nothing when no pod is selected.
print_endpoints() {
  local family=$1 selector=$2 row pod node number kind further
  for row in "${kPods[@]}"; do
    read -r pod node number kind further <<<"$row"
    selects "$selector" "app=$kind,$further" || continue
    print_endpoint "$("pod_${family,,}" "$node" "$number")" "$node" "$pod"
  done
  if selects "$selector" app=host-web; then
    local -n host_addresses=kNode${family/IP/Ip}
    print_endpoint "${host_addresses[$kCapturedNode]}" "$kCapturedNode" "$kHostPod"
  fi
}

# One slice per family, as the endpoint slice controller makes them; without endpoints it leaves
# both lists null.
print_slice() {
  local family=$1 service=$2 selector=$3 ports=$4 name endpoints port protocol target
  name=$service-$(suffix "$service/$family")
  endpoints=$(print_endpoints "$family" "$selector")
  printf -- '- addressType: %s\n' "$family"
  echo "  apiVersion: discovery.k8s.io/v1"
  if [[ -n $endpoints ]]; then
    printf '  endpoints:\n%s\n' "$endpoints"
  else
    echo "  endpoints: null"
  fi
  cat <<YAML
  kind: EndpointSlice
  metadata:
    creationTimestamp: $kCreated
    generateName: $service-
    generation: 3
    labels:
      endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io
      kubernetes.io/service-name: $service
      service: $service
    name: $name
    namespace: $(namespace_of "$service")
    ownerReferences:
    - apiVersion: v1
      blockOwnerDeletion: true
      controller: true
      kind: Service
      name: $service
      uid: $(uid "service/$service")
    resourceVersion: "2100"
    uid: $(uid "slice/$name")
YAML
  if [[ -z $endpoints ]]; then
    echo "  ports: null"
    return
  fi
  echo "  ports:"
  for port in ${ports//,/ }; do
    read -r protocol _ target <<<"${kPorts[$port]}"
    printf '  - name: %s\n    port: %s\n    protocol: %s\n' "$port" "$target" "$protocol"
  done
}

print_node() {
  local node=$1
  cat <<YAML
- apiVersion: v1
  kind: Node
  metadata:
    annotations:
      node.alpha.kubernetes.io/ttl: "0"
    creationTimestamp: $kCreated
    labels:
      beta.kubernetes.io/arch: amd64
      kubernetes.io/arch: amd64
      kubernetes.io/hostname: $node
      kubernetes.io/os: linux
      topology.kubernetes.io/zone: zone-${node#node-}
    name: $node
    resourceVersion: "2300"
    uid: $(uid "node/$node")
  spec:
    podCIDR: ${kPodCidrIpv4[$node]}
    podCIDRs:
    - ${kPodCidrIpv4[$node]}
    - ${kPodCidrIpv6[$node]}
  status:
    addresses:
    - address: ${kNodeIpv4[$node]}
      type: InternalIP
    - address: ${kNodeIpv6[$node]}
      type: InternalIP
    - address: $node
      type: Hostname
    conditions:
    - lastHeartbeatTime: $kCreated
      lastTransitionTime: $kCreated
      message: kubelet is posting ready status
      reason: KubeletReady
      status: "True"
      type: Ready
    nodeInfo:
      architecture: amd64
      operatingSystem: linux
      osImage: Debian GNU/Linux 12 (bookworm)
YAML
}

# print_pod NAME NODE IPV4 IPV6 LABELS HOST_NETWORK HOST_IPV4 HOST_IPV6
print_pod() {
  cat <<YAML
- apiVersion: v1
  kind: Pod
  metadata:
    creationTimestamp: $kCreated
    labels:
$(labels_yaml "      " "$5")
    name: $1
    namespace: $(namespace_of "$1")
    resourceVersion: "2200"
    uid: $(uid "pod/$1")
  spec:
    containers:
    - image: registry.example/lab/${5%%,*}:1
      imagePullPolicy: IfNotPresent
      name: main
    dnsPolicy: ClusterFirst
YAML
  [[ $6 != yes ]] || echo "    hostNetwork: true"
  cat <<YAML
    nodeName: $2
    restartPolicy: Always
  status:
    hostIP: $7
    hostIPs:
    - ip: $7
    - ip: $8
    phase: Running
    podIP: $3
    podIPs:
    - ip: $3
    - ip: $4
    startTime: $kCreated
YAML
}

print_pods() {
  local row pod node number kind further ipv4 ipv6
  for row in "${kPods[@]}"; do
    read -r pod node number kind further <<<"$row"
    ipv4=$(pod_ipv4 "$node" "$number")
    ipv6=$(pod_ipv6 "$node" "$number")
    print_pod "$pod" "$node" "$ipv4" "$ipv6" "app=$kind,$further" no \
      "${kNodeIpv4[$node]}" "${kNodeIpv6[$node]}"
  done
  ipv4=${kNodeIpv4[$kCapturedNode]}
  ipv6=${kNodeIpv6[$kCapturedNode]}
  print_pod "$kHostPod" "$kCapturedNode" "$ipv4" "$ipv6" app=host-web yes "$ipv4" "$ipv6"
}

# Kinds of Services that kube-proxy passes over.
print_other_services() {
  cat <<YAML
- apiVersion: v1
  kind: Service
  metadata:
    creationTimestamp: $kCreated
    name: web-headless
    namespace: default
    resourceVersion: "1090"
    uid: $(uid service/web-headless)
  spec:
    clusterIP: None
    clusterIPs:
    - None
    internalTrafficPolicy: Cluster
    ipFamilies:
    - IPv4
    ipFamilyPolicy: SingleStack
    ports:
    - name: http
      port: $kWebPort
      protocol: TCP
      targetPort: $kWebPort
    selector:
      app: web
    sessionAffinity: None
    type: ClusterIP
  status:
    loadBalancer: {}
- apiVersion: v1
  kind: Service
  metadata:
    creationTimestamp: $kCreated
    name: web-elsewhere
    namespace: default
    resourceVersion: "1091"
    uid: $(uid service/web-elsewhere)
  spec:
    externalName: web.example.org
    sessionAffinity: None
    type: ExternalName
  status:
    loadBalancer: {}
YAML
}

print_cluster() {
  local row name selector ports node
  printf 'apiVersion: v1\nitems:\n'
  for row in "${kServices[@]}"; do
    # The table's columns are the function's arguments.
    # shellcheck disable=SC2086
    print_service $row
  done
  print_other_services
  for row in "${kServices[@]}"; do
    read -r name _ _ _ _ _ _ _ selector ports <<<"$row"
    print_slice IPv4 "$name" "$selector" "$ports"
    print_slice IPv6 "$name" "$selector" "$ports"
  done
  for node in "${kNodes[@]}"; do print_node "$node"; done
  print_pods
  printf 'kind: List\nmetadata:\n  resourceVersion: ""\n'
}

print_proxy_config() {
  cat <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
clusterCIDR: $kClusterCidrIpv4,$kClusterCidrIpv6
conntrack:
  maxPerCore: null
  min: null
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
detectLocalMode: ClusterCIDR
hostnameOverride: ""
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
kind: KubeProxyConfiguration
mode: iptables
nodePortAddresses: null
YAML
}

write_snapshot() {
  print_cluster >"$1/cluster.yaml"
  print_proxy_config >"$1/kube-proxy.yaml"
}
