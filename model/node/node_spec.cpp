#include "model/node/node_spec.h"

namespace kubeproof {
namespace {

constexpr uint8_t kDefaultPrefix4 = 24;
constexpr uint8_t kDefaultPrefix6 = 64;

}  // namespace

InterfaceAddress node_address(const IpAddress& address) {
  InterfaceAddress result;
  result.address = address;
  result.prefix_length = address.is_v4() ? kDefaultPrefix4 : kDefaultPrefix6;
  if (address.is_link_local()) result.scope = AddressScope::kLink;
  return result;
}

}  // namespace kubeproof
