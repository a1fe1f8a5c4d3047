# shellcheck shell=bash
# Real servers in the pods: nginx for TCP, dnsmasq for UDP (and DNS over TCP). An answer names the
# pod that gave it and, over HTTP, the client's address as the pod saw it: endpoint and masquerade.

readonly kBigFileBytes=40000

# start_web NAMESPACE NAME PORT
start_web() {
  local namespace=$1 name=$2 port=$3 directory=$kScratch/$2
  mkdir -p "$directory/tmp"
  head -c "$kBigFileBytes" /dev/zero | tr '\0' '.' >"$directory/big"
  cat >"$directory/nginx.conf" <<NGINX
daemon off;
master_process off;
user root;
pid $directory/nginx.pid;
error_log $directory/error.log;
events { worker_connections 64; }
http {
  access_log off;
  server_tokens off;
  keepalive_timeout 5;
  client_max_body_size 1m;
  client_body_temp_path $directory/tmp;
  proxy_temp_path $directory/tmp;
  fastcgi_temp_path $directory/tmp;
  uwsgi_temp_path $directory/tmp;
  scgi_temp_path $directory/tmp;
  server {
    listen $port;
    listen [::]:$port;
    location / { return 200 "$name \$remote_addr\n"; }
    location = /big { root $directory; }
  }
}
NGINX
  in_namespace "$namespace" nginx -e "$directory/error.log" -c "$directory/nginx.conf" &
}

# start_dns NAMESPACE NAME PORT
start_dns() {
  local namespace=$1 name=$2 port=$3
  in_namespace "$namespace" dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= \
    --user=root --no-resolv --no-hosts --port="$port" --txt-record="who.lab,$name" &
}

start_servers() {
  local row pod number kind
  for row in "${kPods[@]}"; do
    read -r pod _ number kind _ <<<"$row"
    case $kind in
      web) start_web "$pod" "$pod" "$kWebPort" ;;
      dns) start_dns "$pod" "$pod" "$kDnsPort" ;;
      shell) ;;
    esac
  done
  start_web "$kCapturedNode" "$kHostPod" "$kHostWebPort"
  for row in "${kPods[@]}"; do
    read -r pod _ _ kind _ <<<"$row"
    case $kind in
      web) await_port "$pod" "$kWebPort" ;;
      dns) await_port "$pod" "$kDnsPort" ;;
    esac
  done
  await_port "$kCapturedNode" "$kHostWebPort"
}

# await_port NAMESPACE PORT: until someone listens there, in both families.
await_port() {
  local attempt
  for ((attempt = 0; attempt < 100; ++attempt)); do
    if [[ $(in_namespace "$1" ss -Htln "sport = :$2" | wc -l) -ge 2 ]]; then return; fi
    sleep 0.1
  done
  die "nothing listens on port $2 in $1"
}
