#include "model/cluster/read_proxy_config.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <climits>
#include <string_view>
#include <utility>

#include "model/cluster/address_text.h"
#include "model/cluster/duration_text.h"
#include "model/cluster/interface_name.h"
#include "model/cluster/read_proxy_config_json.h"

namespace kubeproof {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr const char* kApiVersion = "kubeproxy.config.k8s.io/v1alpha1";
constexpr const char* kConfigMapKey = "config.conf";
// Releases whose rules are modelled.
constexpr unsigned kOldestMinor = 20;
constexpr unsigned kNewestMinor = 37;

// "10.244.0.0/16", or one of each family, split at the comma.
std::vector<std::string> read_cluster_cidrs(const JsonField& field) {
  std::vector<std::string> cidrs;
  std::vector<Family> families;
  std::string rest = field.string_or("");
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    cidrs.push_back(rest.substr(0, comma));
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    const auto cidr = parse_sloppy_cidr(cidrs.back());
    if (!cidr || (families.size() == 1 && families[0] == cidr->family()) || families.size() == 2) {
      field.fail_expecting("a CIDR, or one of each family with a comma between them");
    }
    families.push_back(cidr->family());
  }
  return cidrs;
}

// In a rule: nothing that has a meaning in iptables-restore's text.
bool may_name_interface(const std::string& name) {
  return is_interface_name(name) && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isgraph(c) != 0 &&
                  std::string_view("\"'\\").find(static_cast<char>(c)) == std::string_view::npos;
         });
}

void read_local_mode(const JsonField& root, ProxyConfig& config) {
  const JsonField mode = root["detectLocalMode"];
  const JsonField detect = root["detectLocal"];
  config.bridge_interface = detect["bridgeInterface"].string_or("");
  config.interface_name_prefix = detect["interfaceNamePrefix"].string_or("");
  if (!mode.string_or("").empty()) {
    config.detect_local_mode = mode.one_of<DetectLocalMode>(
        {{"ClusterCIDR", DetectLocalMode::kClusterCidr},
         {"NodeCIDR", DetectLocalMode::kNodeCidr},
         {"BridgeInterface", DetectLocalMode::kBridgeInterface},
         {"InterfaceNamePrefix", DetectLocalMode::kInterfaceNamePrefix}});
  }
  if (config.detect_local_mode == DetectLocalMode::kBridgeInterface &&
      !may_name_interface(config.bridge_interface)) {
    detect["bridgeInterface"].fail_expecting("the name of the bridge, for mode BridgeInterface");
  }
  if (config.detect_local_mode == DetectLocalMode::kInterfaceNamePrefix &&
      !may_name_interface(config.interface_name_prefix)) {
    detect["interfaceNamePrefix"].fail_expecting(
        "the beginning of interfaces' names, for mode InterfaceNamePrefix");
  }
}

std::vector<std::string> read_node_port_addresses(const JsonField& field) {
  const std::vector<JsonField> items = field.items();
  for (const JsonField& item : items) {
    const bool primary = items.size() == 1 && item.string() == "primary";
    if (!primary && !parse_sloppy_cidr(item.string())) {
      item.fail_expecting("a CIDR, or primary alone");
    }
  }
  return field.strings();
}

// GetHostname() (pkg/util/node/node.go): without blanks around it, and in lower case.
std::string node_name_of(const std::string& override) {
  std::string name(without_blanks_around(override));
  std::transform(name.begin(), name.end(), name.begin(), [](char letter) {
    return 'A' <= letter && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return name;
}

// Conntrack counts to INT_MAX jiffies, of which most kernels have 250 in a second; kube-proxy does
// not start with a timeout that the kernel refuses.
constexpr seconds kLongestTimeout{INT_MAX / 250};

// Zero leaves the kernel's own.
std::optional<seconds> read_timeout(const JsonField& field, std::optional<seconds> fallback) {
  if (!field.present()) return fallback;
  const auto duration = parse_duration(field.string());
  if (!duration || duration->count() < 0) field.fail_expecting("a duration such as 1h0m0s");
  if (*duration > kLongestTimeout) {
    field.fail_expecting(
        fmt::format("at most {}s, which is as far as the kernel counts", kLongestTimeout.count()));
  }
  if (duration->count() == 0) return std::nullopt;
  return std::chrono::duration_cast<seconds>(*duration);
}

// "v1.34", "1.34.2"
uint8_t read_release(const JsonField& field, uint8_t fallback) {
  if (!field.present()) return fallback;
  std::string text = field.string();
  if (text.starts_with('v')) text.erase(0, 1);
  unsigned minor = 0;
  const bool first = text.starts_with("1.");
  const char* digits = text.data() + (first ? 2 : 0);
  const auto [end, error] = std::from_chars(digits, text.data() + text.size(), minor);
  const bool ends = end == text.data() + text.size() || *end == '.';
  if (!first || error != std::errc() || !ends || minor < kOldestMinor || minor > kNewestMinor) {
    field.fail_expecting(fmt::format("a release from v1.{} to v1.{}", kOldestMinor, kNewestMinor));
  }
  return static_cast<uint8_t>(minor);
}

// A field that kube-proxy does not know would be a setting that silently does nothing. All of
// k8s.io/kube-proxy/config/v1alpha1/types.go are here, those that change no packet and those of
// older releases too.
void expect_known_fields(const JsonField& root) {
  root.expect_only({"apiVersion",
                    "bindAddress",
                    "bindAddressHardFail",
                    "clientConnection",
                    "clusterCIDR",
                    "configSyncPeriod",
                    "conntrack",
                    "detectLocal",
                    "detectLocalMode",
                    "enableProfiling",
                    "featureGates",
                    "healthzBindAddress",
                    "hostnameOverride",
                    "iptables",
                    "ipvs",
                    "kind",
                    "logging",
                    "metricsBindAddress",
                    "mode",
                    "nftables",
                    "nodePortAddresses",
                    "oomScoreAdj",
                    "portRange",
                    "proxyVersion",
                    "showHiddenMetricsForVersion",
                    "udpIdleTimeout",
                    "windowsRunAsService",
                    "winkernel"});
  root["detectLocal"].expect_only({"bridgeInterface", "interfaceNamePrefix"});
  root["iptables"].expect_only(
      {"localhostNodePorts", "masqueradeAll", "masqueradeBit", "minSyncPeriod", "syncPeriod"});
  root["conntrack"].expect_only({"maxPerCore", "min", "tcpBeLiberal", "tcpCloseWaitTimeout",
                                 "tcpEstablishedTimeout", "udpStreamTimeout", "udpTimeout"});
}

ProxyConfig read_config(const JsonField& root) {
  root["kind"].one_of_or(true, {{"KubeProxyConfiguration", true}});
  root["apiVersion"].one_of_or(true, {{kApiVersion, true}});
  expect_known_fields(root);
  const std::string mode = root["mode"].string_or("");
  if (!mode.empty() && mode != "iptables") {
    root["mode"].fail_expecting("iptables, the mode that is modelled");
  }

  ProxyConfig config;
  config.cluster_cidrs = read_cluster_cidrs(root["clusterCIDR"]);
  read_local_mode(root, config);
  config.node_port_addresses = read_node_port_addresses(root["nodePortAddresses"]);
  const std::string bind_address = root["bindAddress"].string_or("");
  if (!bind_address.empty()) {
    if (!parse_sloppy_address(bind_address)) root["bindAddress"].fail_expecting("an IP address");
    config.bind_address = bind_address;
  }
  config.hostname_override = node_name_of(root["hostnameOverride"].string_or(""));

  const JsonField iptables = root["iptables"];
  config.masquerade_bit =
      static_cast<uint8_t>(iptables["masqueradeBit"].integer_or(config.masquerade_bit, 0, 31));
  config.masquerade_all = iptables["masqueradeAll"].boolean_or(config.masquerade_all);
  config.localhost_node_ports =
      iptables["localhostNodePorts"].boolean_or(config.localhost_node_ports);

  const JsonField conntrack = root["conntrack"];
  config.tcp_be_liberal = conntrack["tcpBeLiberal"].boolean_or(config.tcp_be_liberal);
  ConntrackTimeouts& timeouts = config.timeouts;
  timeouts.tcp_established =
      read_timeout(conntrack["tcpEstablishedTimeout"], timeouts.tcp_established);
  timeouts.tcp_close_wait = read_timeout(conntrack["tcpCloseWaitTimeout"], timeouts.tcp_close_wait);
  timeouts.udp = read_timeout(conntrack["udpTimeout"], timeouts.udp);
  timeouts.udp_stream = read_timeout(conntrack["udpStreamTimeout"], timeouts.udp_stream);

  for (const auto& [name, gate] : root["featureGates"].members()) {
    const bool on = gate.boolean_or(true);
    if (name == "AllowServiceExternalIPs") {
      config.allow_service_external_ips = on;
    } else {
      config.ignored_feature_gates.push_back(name);
    }
  }
  config.release_minor = read_release(root["proxyVersion"], config.release_minor);
  return config;
}

// The configuration inside of a ConfigMap, as a document of its own.
Result<JsonDocument> unpack_config_map(const JsonDocument& document) {
  std::string text;
  try {
    text = JsonField(document.value)["data"][kConfigMapKey].string();
  } catch (const FieldFailure& failure) {
    return document.error(failure, "ConfigMap");
  }
  auto inner = parse_documents(std::move(text),
                               fmt::format("{}: data[\"{}\"]", document.file, kConfigMapKey));
  if (!inner) return tl::unexpected(inner.error());
  if (inner->size() != 1) {
    return bad_input("{}: data[\"{}\"]: expected one configuration, found {}", document.file,
                     kConfigMapKey, inner->size());
  }
  return std::move(inner->front());
}

bool is_config_map(const json& value) {
  return value.is_object() && value.contains("kind") && value["kind"] == "ConfigMap";
}

}  // namespace

Result<ProxyConfig> read_proxy_config(const JsonField& field, const JsonDocument& document) {
  try {
    if (field.present() && !field.value().is_object()) field.fail_expecting("an object");
    return read_config(field);
  } catch (const FieldFailure& failure) {
    return document.error(failure, "");
  }
}

Result<ProxyConfig> read_proxy_config(const std::string& file) {
  auto documents = read_documents(file);
  if (!documents) return tl::unexpected(documents.error());
  if (documents->size() != 1) {
    return bad_input("{}: expected one KubeProxyConfiguration, found {} documents", file,
                     documents->size());
  }
  JsonDocument document = std::move(documents->front());
  if (is_config_map(document.value)) {
    auto inner = unpack_config_map(document);
    if (!inner) return tl::unexpected(inner.error());
    document = *std::move(inner);
  }
  return read_proxy_config(JsonField(document.value), document);
}

}  // namespace kubeproof
