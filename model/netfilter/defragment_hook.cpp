#include "model/netfilter/defragment_hook.h"

#include <utility>

#include "model/netfilter/fragment.h"

namespace kubeproof::netfilter {
namespace {

DatagramKey key_of(const PacketPath& path, const Fragment& fragment) {
  const bool v4 = path.view.family == Family::kIpv4;
  return {.source = path.view.source,
          .destination = path.view.destination,
          .protocol = v4 ? path.view.protocol : uint8_t{0},
          .identification = fragment.identification,
          .outgoing = path.hook == Hook::kOutput};
}

}  // namespace

bool defragment(PacketPath& path, const FragmentQueues& queues, Instant now) {
  // nf_ct_frag6_gather() lets go on what it takes for a first fragment without its transport, or
  // for a jumbogram.
  if (path.view.is_fragment_header_cut) {
    return !path.view.is_chain_broken || load16(path.packet, 4) == 0;
  }
  const auto fragment = Fragment::of(path.packet, path.view);
  if (!fragment) return true;
  const DatagramKey key = key_of(path, *fragment);
  const FragmentQueue* waiting = queues.find(key, now);
  FragmentQueue queue = waiting != nullptr ? *waiting : FragmentQueue(now, path.view.family);
  switch (queue.add(*fragment, path.view)) {
    case FragmentQueue::Status::kWaiting:
    case FragmentQueue::Status::kRefused:
      path.change.fragments = {key, std::move(queue)};
      return false;
    case FragmentQueue::Status::kSpoilt:
      path.change.fragments = {key, std::nullopt};
      return false;
    case FragmentQueue::Status::kNoPiece:
      path.change.fragments = {key, std::nullopt};
      return true;
    case FragmentQueue::Status::kComplete:
      break;
  }
  path.change.fragments = {key, std::nullopt};
  auto whole = queue.reassemble();
  if (!whole) return false;
  const auto view = parse_packet(whole->packet);
  if (!view) return false;
  path.packet = std::move(whole->packet);
  path.view = *view;
  path.largest_fragment = whole->largest_fragment;
  path.first_piece = whole->first_piece;
  return true;
}

}  // namespace kubeproof::netfilter
