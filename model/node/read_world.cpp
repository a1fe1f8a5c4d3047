#include "model/node/read_world.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <utility>

#include "model/cluster/interface_name.h"
#include "model/node/read_world_json.h"

namespace kubeproof {
namespace {

using nlohmann::json;

constexpr int64_t kMaxIndex = 0x7fffffff;
constexpr int64_t kMaxMtu = 0x7fffffff;
constexpr int64_t kMaxMetric = 0xffffffff;

IpAddress read_address(const JsonField& field) {
  const auto address = IpAddress::parse(field.string());
  if (!address) field.fail_expecting("an IP address");
  return *address;
}

bool has_word(const JsonField& list, std::string_view word) {
  const std::vector<std::string> words = list.strings();
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::array<uint8_t, 6> read_mac(const JsonField& field) {
  std::array<uint8_t, 6> mac{};
  const std::string text = field.string();
  int length = 0;
  const int read = std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0],
                               &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &length);
  if (read != 6 || static_cast<size_t>(length) != text.size()) {
    field.fail_expecting("a link-layer address such as 02:00:00:00:00:01");
  }
  return mac;
}

std::string read_interface_name(const JsonField& field) {
  std::string name = field.string();
  if (!is_interface_name(name)) {
    field.fail_expecting(fmt::format(
        "the name of an interface, 1 to {} bytes without blanks, '/' and ':'", IFNAMSIZ - 1));
  }
  return name;
}

// An IPv6 address whose preferred lifetime is over.
bool read_deprecated(const JsonField& field) {
  constexpr int64_t kForever = 0xffffffff;
  return field["deprecated"].boolean_or(false) ||
         field["preferred_life_time"].integer_or(kForever, 0, kForever) == 0;
}

InterfaceAddress read_interface_address(const JsonField& field) {
  InterfaceAddress result;
  result.address = read_address(field["local"]);
  if (result.address.is_unspecified() || result.address.is_multicast() ||
      result.address.is_limited_broadcast()) {
    field["local"].fail_expecting("an address that an interface can have");
  }
  const int64_t bits = result.address.is_v4() ? 32 : 128;
  result.prefix_length = static_cast<uint8_t>(field["prefixlen"].integer(0, bits));
  result.scope = field["scope"].one_of_or<AddressScope>(AddressScope::kGlobal,
                                                        {{"global", AddressScope::kGlobal},
                                                         {"site", AddressScope::kSite},
                                                         {"link", AddressScope::kLink},
                                                         {"host", AddressScope::kHost}});
  result.secondary = field["secondary"].boolean_or(false);
  const JsonField peer = field["address"];
  if (peer.present()) {
    result.peer = read_address(peer);
    if (result.peer->family() != result.address.family()) {
      peer.fail_expecting("a peer's address, of the family of \"local\"");
    }
  }
  result.deprecated = !result.address.is_v4() && read_deprecated(field);
  const JsonField broadcast = field["broadcast"];
  if (broadcast.present()) {
    result.broadcast = read_address(broadcast);
    if (!result.broadcast->is_v4() || !result.address.is_v4()) {
      broadcast.fail_expecting("an IPv4 address, beside an IPv4 address");
    }
  }
  return result;
}

Interface read_interface(const JsonField& field) {
  Interface result;
  result.index = static_cast<uint32_t>(field["ifindex"].integer(1, kMaxIndex));
  result.name = read_interface_name(field["ifname"]);
  result.master = field["master"].string_or("");
  const bool loopback =
      field["link_type"].string_or("") == "loopback" || has_word(field["flags"], "LOOPBACK");
  if (loopback) result.kind = InterfaceKind::kLoopback;
  result.mtu = static_cast<uint32_t>(field["mtu"].integer_or(result.mtu, 68, kMaxMtu));
  if (!loopback && field["link_type"].string_or("") == "ether" && field["address"].present()) {
    result.mac = read_mac(field["address"]);
  }
  for (const JsonField& each : field["addr_info"].items()) {
    // An address that another host has already, or that may turn out to, is not in use.
    if (each["tentative"].boolean_or(false) || each["dadfailed"].boolean_or(false)) continue;
    result.addresses.push_back(read_interface_address(each));
  }
  return result;
}

std::string came_before(const Interface& other) {
  return fmt::format("'{}' (index {}) came before", other.name, other.index);
}

// What leads a packet elsewhere than the rest of the route says, and is not modelled.
void refuse_unmodelled(const JsonField& field) {
  if (field["nexthops"].present())
    field["nexthops"].fail("routes with several hops are not modelled");
  if (field["encap"].present()) field["encap"].fail("routes that encapsulate are not modelled");
  if (field["tos"].present()) field["tos"].fail("routes by type of service are not modelled");
  if (field["via"].present()) {
    field["via"].fail(
        "routes via an address of the other family are not modelled: expected a \"gateway\" of the "
        "destination's");
  }
  if (field["type"].string_or("") == "throw") {
    field["type"].fail("routes that leave their table (throw) are not modelled");
  }
  // The other metrics are for TCP connections of the node's own.
  for (const JsonField& metrics : field["metrics"].items()) {
    if (metrics["mtu"].present()) metrics["mtu"].fail("routes with an MTU are not modelled");
    if (metrics["hoplimit"].present()) {
      metrics["hoplimit"].fail("routes with a hop limit are not modelled");
    }
  }
}

// "default", "10.0.0.0/8", "10.0.0.1". The family of "default" shows only in its neighbours.
Cidr read_destination(const JsonField& field, Family default_family) {
  const std::string text = field.string();
  if (text == "default") return {IpAddress::unspecified(default_family), 0};
  const auto cidr = Cidr::parse(text);
  if (!cidr) field.fail_expecting("default, or ADDRESS/LENGTH");
  return *cidr;
}

Family default_family(const JsonField& field) {
  for (const char* key : {"gateway", "prefsrc"}) {
    if (field[key].present()) return read_address(field[key]).family();
  }
  // Only `ip -6 route` prints a router preference.
  return field["pref"].present() ? Family::kIpv6 : Family::kIpv4;
}

IpAddress read_address_of(Family family, const JsonField& field) {
  const IpAddress address = read_address(field);
  if (address.family() != family) field.fail_expecting("an address of the destination's family");
  return address;
}

NamedRoute read_route(const JsonField& field) {
  refuse_unmodelled(field);
  NamedRoute named;
  Route& route = named.route;
  route.destination = read_destination(field["dst"], default_family(field));
  route.type = field["type"].one_of_or<RouteType>(RouteType::kUnicast,
                                                  {{"unicast", RouteType::kUnicast},
                                                   {"local", RouteType::kLocal},
                                                   {"broadcast", RouteType::kBroadcast},
                                                   {"unreachable", RouteType::kUnreachable},
                                                   {"blackhole", RouteType::kBlackhole},
                                                   {"prohibit", RouteType::kProhibit}});
  const Family family = route.destination.family();
  if (field["gateway"].present()) route.gateway = read_address_of(family, field["gateway"]);
  if (field["prefsrc"].present()) {
    route.preferred_source = read_address_of(family, field["prefsrc"]);
  }
  route.metric = static_cast<uint32_t>(field["metric"].integer_or(0, 0, kMaxMetric));
  if (family == Family::kIpv6 && route.metric == 0) route.metric = kUserMetric6;
  if (route.type == RouteType::kUnicast || field["dev"].present()) {
    named.device = field["dev"].string();
  }
  return named;
}

// Routes of the main table that are in use. `ip route show table all` has others among them.
bool is_in_use(const JsonField& field) {
  const JsonField table = field["table"];
  if (table.present() && !(table.value().is_string() && table.string() == "main")) return false;
  const std::string type = field["type"].string_or("unicast");
  return type != "multicast" && type != "anycast" && !has_word(field["flags"], "dead");
}

}  // namespace

std::vector<Interface> read_interfaces(const JsonField& field) {
  std::vector<Interface> interfaces;
  for (const JsonField& each : field.items()) {
    // `ip` leaves an empty object where a filter hides an interface.
    if (each.members().empty()) continue;
    Interface read = read_interface(each);
    for (const Interface& other : interfaces) {
      if (other.index == read.index) each["ifindex"].fail(came_before(other));
      if (other.name == read.name) each["ifname"].fail(came_before(other));
    }
    interfaces.push_back(std::move(read));
  }
  return interfaces;
}

std::vector<NamedRoute> read_routes(const JsonField& field, const std::string& file) {
  std::vector<NamedRoute> routes;
  const std::vector<JsonField> items = field.items();
  for (size_t i = 0; i < items.size(); ++i) {
    if (!is_in_use(items[i])) continue;
    routes.push_back(read_route(items[i]));
    routes.back().place = fmt::format("{}: route {}", file, i + 1);
  }
  return routes;
}

Result<std::vector<Interface>> read_interfaces(const json& value, const JsonDocument& document) {
  try {
    return read_interfaces(JsonField(value));
  } catch (const FieldFailure& failure) {
    return document.error(failure, "");
  }
}

Result<std::vector<NamedRoute>> read_routes(const json& value, const JsonDocument& document) {
  try {
    return read_routes(JsonField(value), document.file);
  } catch (const FieldFailure& failure) {
    return document.error(failure, "");
  }
}

Result<std::vector<Interface>> read_interfaces(const std::string& file) {
  const auto documents = read_documents(file);
  if (!documents) return tl::unexpected(documents.error());
  if (documents->size() != 1) {
    return bad_input("{}: expected what `ip -j addr` prints, found {} documents", file,
                     documents->size());
  }
  return read_interfaces(documents->front().value, documents->front());
}

Result<std::vector<NamedRoute>> read_routes(const std::vector<std::string>& files) {
  std::vector<NamedRoute> all;
  for (const std::string& file : files) {
    const auto documents = read_documents(file);
    if (!documents) return tl::unexpected(documents.error());
    for (const JsonDocument& document : *documents) {
      auto routes = read_routes(document.value, document);
      if (!routes) return tl::unexpected(routes.error());
      std::move(routes->begin(), routes->end(), std::back_inserter(all));
    }
  }
  return all;
}

}  // namespace kubeproof
