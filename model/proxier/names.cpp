#include "model/proxier/names.h"

#include <openssl/sha.h>

#include <array>

namespace kubeproof::proxier {
namespace {

constexpr size_t kHashLength = 16;  // characters of five bits each: the first ten bytes

std::string hash_input(const ServicePortName& name) {
  return name.to_string().append(lower_case(name.protocol));
}

}  // namespace

std::string ServicePortName::to_string() const {
  std::string text = service.name_space + "/" + service.name;
  if (!port.empty()) text.append(":").append(port);
  return text;
}

std::string_view lower_case(Protocol protocol) {
  switch (protocol) {
    case kUdp:
      return "udp";
    case kSctp:
      return "sctp";
    default:
      return "tcp";
  }
}

std::string chain_hash(std::string_view text) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string hash;
  for (size_t i = 0; i < kHashLength; ++i) {
    const size_t bit = i * 5;
    const unsigned window = digest[bit / 8] << 8 | digest[bit / 8 + 1];
    hash += kAlphabet[window >> (11 - bit % 8) & 0x1f];
  }
  return hash;
}

ServicePortChains::ServicePortChains(const ServicePortName& name) {
  const std::string hash = chain_hash(hash_input(name));
  cluster = "KUBE-SVC-" + hash;
  local = "KUBE-SVL-" + hash;
  external = "KUBE-EXT-" + hash;
  firewall = "KUBE-FW-" + hash;
  external_local = "KUBE-XLB-" + hash;
}

std::string endpoint_chain(const ServicePortName& name, std::string_view endpoint) {
  return "KUBE-SEP-" + chain_hash(hash_input(name).append(endpoint));
}

}  // namespace kubeproof::proxier
