#include "replay/engine/node_ports.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "model/packet/packet_view.h"
#include "replay/engine/child_process.h"
#include "replay/engine/hook_chains.h"
#include "replay/engine/stack_chatter.h"
#include "replay/engine/world_setup.h"

namespace kubeproof {
namespace {

constexpr size_t kLargestPacket = size_t{1} << 17;
// epoll's word for the log; devices have their position.
constexpr uint32_t kLog = 0xffffffff;
// How long ksoftirqd may take to get to run before we call it a failure.
constexpr int kLatenessLimitMs = 10000;

Result<FileDescriptor> watch(const std::vector<TunDevice>& devices, const PacketLog& log) {
  FileDescriptor set(epoll_create1(EPOLL_CLOEXEC));
  bool added = static_cast<bool>(set);
  const auto add = [&](int fd, uint32_t word) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = word;
    added = added && epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  };
  add(log.fd(), kLog);
  for (uint32_t i = 0; i < devices.size(); ++i) add(devices[i].fd(), i);
  if (!added) return environment_error("epoll: {}", std::strerror(errno));
  return set;
}

// A queue that another processor is just running, with something of the stack's own (MLD), keeps
// what we send until that one gets to it. Without, whoever sends waits for its turn.
Result<void> remove_queues(const World& world) {
  std::string batch;
  for (const Interface& interface : world.interfaces) {
    if (interface.kind == InterfaceKind::kLoopback) continue;
    batch += fmt::format("qdisc replace dev {} root noqueue\n", interface.name);
  }
  auto removed = run_child_checked({"tc", "-batch", "-"}, batch);
  if (!removed) return tl::unexpected(removed.error());
  return {};
}

std::set<IpAddress> broadcasts_of(const World& world) {
  std::set<IpAddress> found;
  for (const Interface& interface : world.interfaces) {
    for (const InterfaceAddress& each : interface.addresses) {
      if (each.broadcast) found.insert(*each.broadcast);
    }
  }
  found.insert(IpAddress::v4(0xffffffff));
  return found;
}

// Trailing bytes, as of link-layer padding, are no part of a packet; a length that promises more
// than there is stays for the kernel to judge.
ByteView without_trailer(ByteView packet) {
  size_t length = packet.size();
  if (packet.size() >= 20 && packet[0] >> 4 == 4) length = load16(packet, 2);
  if (packet.size() >= 40 && packet[0] >> 4 == 6 && load16(packet, 4) != 0) {
    length = size_t{40} + load16(packet, 4);
  }
  return packet.first(std::min(length, packet.size()));
}

}  // namespace

NodePorts::NodePorts(const World& world, std::vector<TunDevice> devices, PacketLog log,
                     HostSender host, LoopbackSentinel sentinel, FileDescriptor readiness)
    : devices_(std::move(devices)),
      log_(std::move(log)),
      host_(std::move(host)),
      sentinel_(std::move(sentinel)),
      readiness_(std::move(readiness)),
      broadcasts_(broadcasts_of(world)),
      buffer_(kLargestPacket) {}

Result<NodePorts> NodePorts::open(const World& world) {
  auto chains = run_child_checked({"nft", "-f", "-"}, delivery_chain() + entry_chains({}));
  if (!chains) return tl::unexpected(chains.error());
  auto devices = set_up_world(world);
  if (!devices) return tl::unexpected(devices.error());
  if (auto removed = remove_queues(world); !removed) return tl::unexpected(removed.error());
  std::sort(devices->begin(), devices->end(),
            [](const TunDevice& a, const TunDevice& b) { return a.index() < b.index(); });
  auto log = PacketLog::open({kTraceGroup, kDeliveryGroup, kSentinelGroup});
  if (!log) return tl::unexpected(log.error());
  auto host = HostSender::open();
  if (!host) return tl::unexpected(host.error());
  auto sentinel = LoopbackSentinel::open();
  if (!sentinel) return tl::unexpected(sentinel.error());
  auto readiness = watch(*devices, *log);
  if (!readiness) return tl::unexpected(readiness.error());
  return NodePorts(world, std::move(*devices), std::move(*log), std::move(*host),
                   std::move(*sentinel), std::move(*readiness));
}

Result<void> NodePorts::exchange(const Injection& injection, Fate& fate) {
  fate.clear();
  auto stray = collect(nullptr, nullptr);
  if (!stray) return stray;

  const ByteView packet = without_trailer(injection.packet);
  const auto view = parse_packet(packet);
  const PacketView* entered = view ? &*view : nullptr;
  auto sent = send(injection.ingress, packet, injection.mark);
  if (!sent) return tl::unexpected(sent.error());
  auto collected = collect(entered, &fate);
  // What went in at an interface passes no queue. What the host made may be in lo's; where the
  // kernel refused it, an error for the host may be.
  if (!collected || !injection.ingress.is_host()) return collected;
  if (!fate.dropped() && !may_come_back(entered, fate)) return collected;
  return flush_loopback(entered, fate);
}

bool NodePorts::may_come_back(const PacketView* entered, const Fate& fate) const {
  if (entered == nullptr || fate[0].place.is_sockets()) return false;
  return entered->destination.is_multicast() || broadcasts_.contains(entered->destination);
}

Result<bool> NodePorts::send(Ingress ingress, ByteView packet, uint32_t mark) {
  if (ingress.is_host()) return host_.send(packet, mark);
  const auto device =
      std::lower_bound(devices_.begin(), devices_.end(), ingress.interface,
                       [](const TunDevice& a, uint32_t index) { return a.index() < index; });
  if (device == devices_.end() || device->index() != ingress.interface) {
    return bad_input("a packet's ingress: the node has no interface with index {}",
                     ingress.interface);
  }
  return device->write(packet);
}

Result<void> NodePorts::collect(const PacketView* entered, Fate* fate) {
  while (true) {
    std::array<epoll_event, 64> ready{};
    const int count = epoll_wait(readiness_.get(), ready.data(), ready.size(), 0);
    if (count == 0 || (count < 0 && errno == EINTR)) return {};
    if (count < 0) return environment_error("epoll: {}", std::strerror(errno));
    // The log first (its word wraps to zero), then by interface.
    std::sort(ready.begin(), ready.begin() + count,
              [](const auto& a, const auto& b) { return a.data.u32 + 1 < b.data.u32 + 1; });
    for (int i = 0; i < count; ++i) {
      const uint32_t word = ready[i].data.u32;
      auto collected =
          word == kLog ? collect_log(entered, fate) : collect_device(devices_[word], entered, fate);
      if (!collected) return collected;
    }
  }
}

Result<void> NodePorts::collect_device(const TunDevice& device, const PacketView* entered,
                                       Fate* fate) {
  while (true) {
    auto packet = device.read(buffer_);
    if (!packet) return tl::unexpected(packet.error());
    if (!*packet) return {};
    emit(Place{device.index()}, **packet, entered, fate);
  }
}

Result<void> NodePorts::collect_log(const PacketView* entered, Fate* fate) {
  while (true) {
    auto logged = log_.read();
    if (!logged) return tl::unexpected(logged.error());
    if (!*logged) return {};
    switch ((*logged)->group) {
      case kDeliveryGroup:
        emit(Place::sockets(), (*logged)->packet, entered, fate);
        break;
      case kSentinelGroup:
        sentinel_seen_ = load16((*logged)->packet, 4);
        break;
      default:
        if (trace_) trace_(**logged);
    }
  }
}

Result<void> NodePorts::flush_loopback(const PacketView* entered, Fate& fate) {
  auto sent = sentinel_.send(++sentinel_sent_);
  if (!sent) return sent;
  auto collected = collect(entered, &fate);
  while (collected && sentinel_seen_ != sentinel_sent_) {
    pollfd waiting{log_.fd(), POLLIN, 0};
    if (poll(&waiting, 1, kLatenessLimitMs) == 0) {
      return environment_error("lo did not deliver a packet within {} s", kLatenessLimitMs / 1000);
    }
    collected = collect(entered, &fate);
  }
  return collected;
}

void NodePorts::emit(Place place, ByteView packet, const PacketView* entered, Fate* fate) {
  const auto view = parse_packet(packet);
  if ((view && is_stack_chatter(*view, entered)) || fate == nullptr) {
    ++chatter_;
  } else {
    fate->add_emission(place, packet);
  }
}

}  // namespace kubeproof
