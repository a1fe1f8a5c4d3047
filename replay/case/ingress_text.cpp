#include "replay/case/ingress_text.h"

#include <fmt/format.h>

#include <optional>

namespace kubeproof {
namespace {

constexpr std::string_view kUplink = "uplink";
constexpr std::string_view kHost = "host";
constexpr std::string_view kPodPrefix = "pod:";

Result<Ingress> pod_ingress(std::string_view text, const World& world) {
  const auto address = IpAddress::parse(text);
  if (!address) return tl::unexpected(address.error());
  const Ingress ingress = world.ingress_for_source(*address);
  if (ingress.is_host() || ingress.interface == world.uplink().index) {
    return bad_input("no pod on the node has the address {}", text);
  }
  return ingress;
}

// The address of the pod that a pod's interface leads to.
std::optional<IpAddress> pod_behind(uint32_t interface, const World& world) {
  for (const Route& route : world.routes) {
    if (route.interface == interface && route.destination == Cidr::host(route.destination.base())) {
      return route.destination.base();
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Ingress> parse_ingress(std::string_view text, const World& world) {
  if (text == kUplink) return Ingress{world.uplink().index};
  if (text == kHost) return Ingress::host();
  if (text.starts_with(kPodPrefix)) return pod_ingress(text.substr(kPodPrefix.size()), world);
  const Interface* interface = world.find_interface(text);
  if (interface == nullptr || interface->kind == InterfaceKind::kLoopback) {
    return bad_input("'{}' is no ingress: expected uplink, host, pod:ADDRESS or an interface",
                     text);
  }
  return Ingress{interface->index};
}

std::string ingress_text(Ingress ingress, const World& world) {
  if (ingress.is_host()) return std::string(kHost);
  if (ingress.interface == world.uplink().index) return std::string(kUplink);
  const Interface* interface = world.find_interface(ingress.interface);
  if (interface == nullptr) return fmt::format("interface {}", ingress.interface);
  if (interface->kind == InterfaceKind::kPod) {
    if (const auto pod = pod_behind(ingress.interface, world)) {
      return fmt::format("{}{}", kPodPrefix, pod->to_string());
    }
  }
  return interface->name;
}

}  // namespace kubeproof
