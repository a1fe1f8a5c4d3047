#include "replay/compare/fragment_order.h"

#include <algorithm>

namespace kubeproof {
namespace {

constexpr size_t kMostDatagrams = 256;

}  // namespace

FragmentOrder::Datagram& FragmentOrder::find_or_add(const PacketView& fragment) {
  const uint8_t protocol = fragment.family == Family::kIpv4 ? fragment.protocol : uint8_t{0};
  const auto known = std::find_if(datagrams_.begin(), datagrams_.end(), [&](const Datagram& each) {
    return each.identification == fragment.identification && each.protocol == protocol &&
           each.source == fragment.source && each.destination == fragment.destination;
  });
  if (known != datagrams_.end()) return *known;
  if (datagrams_.size() == kMostDatagrams) datagrams_.pop_front();
  return datagrams_.emplace_back(Datagram{.source = fragment.source,
                                          .destination = fragment.destination,
                                          .identification = fragment.identification,
                                          .protocol = protocol});
}

const PacketView* FragmentOrder::note(const PacketView& fragment) {
  Datagram& datagram = find_or_add(fragment);
  const bool first = fragment.fragment_offset == 0;
  // Numbers are used again.
  if (first && datagram.begun) datagram.overtaken_by.reset();
  if (!first && !datagram.begun && !datagram.overtaken_by) datagram.overtaken_by = fragment;
  datagram.begun |= first;
  return datagram.overtaken_by ? &*datagram.overtaken_by : nullptr;
}

}  // namespace kubeproof
