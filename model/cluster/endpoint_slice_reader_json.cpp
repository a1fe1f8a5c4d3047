// EndpointSlices (discovery.k8s.io/v1 and v1beta1), as far as kube-proxy reads them.
#include "model/cluster/address_text.h"
#include "model/cluster/object_readers_json.h"

namespace kubeproof {
namespace {

constexpr int64_t kMaxPort = 65535;

std::vector<std::string> read_addresses(const JsonField& field, SliceAddressType type) {
  std::vector<std::string> addresses;
  for (const JsonField& item : field.items()) {
    const std::string text = item.string();
    if (type != SliceAddressType::kFqdn) {
      const Family family = type == SliceAddressType::kIpv4 ? Family::kIpv4 : Family::kIpv6;
      const auto address = parse_sloppy_address(text);
      if (!address || address->family() != family) {
        item.fail_expecting(family == Family::kIpv4 ? "an IPv4 address" : "an IPv6 address");
      }
      if (!may_be_served(*address)) item.fail_expecting("an address that an endpoint can have");
    }
    addresses.push_back(text);
  }
  return addresses;
}

std::vector<std::string> read_hints(const JsonField& hints) {
  std::vector<std::string> names;
  for (const JsonField& item : hints.items()) names.push_back(item["name"].string());
  return names;
}

SliceEndpoint read_endpoint(const JsonField& item, SliceAddressType type) {
  SliceEndpoint endpoint;
  endpoint.addresses = read_addresses(item["addresses"], type);
  const JsonField node_name = item["nodeName"];
  const JsonField host = item["topology"]["kubernetes.io/hostname"];  // v1beta1
  if (node_name.present()) {
    endpoint.node_name = node_name.string();
  } else if (host.present()) {
    endpoint.node_name = host.string();
  }
  const JsonField target = item["targetRef"];
  if (target["kind"].string_or("") == "Pod") endpoint.target_pod = target["name"].string();

  const JsonField conditions = item["conditions"];
  endpoint.ready = conditions["ready"].boolean_or(true);
  endpoint.serving = conditions["serving"].boolean_or(true);
  endpoint.terminating = conditions["terminating"].boolean_or(false);
  endpoint.zone_hints = read_hints(item["hints"]["forZones"]);
  endpoint.node_hints = read_hints(item["hints"]["forNodes"]);
  return endpoint;
}

}  // namespace

EndpointSlice read_endpoint_slice(const JsonField& object) {
  EndpointSlice slice;
  slice.key = read_key(object, true);
  slice.labels = read_labels(object);
  slice.address_type =
      object["addressType"].one_of<SliceAddressType>({{"IPv4", SliceAddressType::kIpv4},
                                                      {"IPv6", SliceAddressType::kIpv6},
                                                      {"FQDN", SliceAddressType::kFqdn}});
  for (const JsonField& item : object["endpoints"].items()) {
    slice.endpoints.push_back(read_endpoint(item, slice.address_type));
  }
  for (const JsonField& item : object["ports"].items()) {
    SlicePort port;
    port.name = item["name"].string_or("");  // the API's default
    port.protocol = read_protocol(item["protocol"]);
    // Absent: all ports, which is nothing that a service port could match.
    const JsonField number = item["port"];
    if (number.present()) port.port = static_cast<uint16_t>(number.integer(0, kMaxPort));
    slice.ports.push_back(std::move(port));
  }
  return slice;
}

}  // namespace kubeproof
