#include "datapath/control/datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <random>
#include <utility>

#include "datapath/control/flow_removal.h"
#include "datapath/control/kernel_settings.h"
#include "datapath/control/link.h"
#include "datapath/control/loaded_object.h"
#include "datapath/control/node_maps.h"
#include "datapath/control/release.h"
#include "datapath/control/running_programs.h"
#include "datapath/control/service_programmer.h"
#include "datapath/control/skeleton.h"
#include "datapath/control/tc_attachment.h"
#include "datapath/control/udp_cleanup.h"
#include "datapath/control/xdp_attachment.h"

namespace kubeproof {
namespace {

using control::BpfMap;

template <class Key, class Value>
BpfMap<Key, Value> handle(const bpf_map* map) {
  return {bpf_map__fd(map), bpf_map__name(map), bpf_map__max_entries(map)};
}

control::NodeMapHandles node_maps(const datapath_bpf& object) {
  return {.settings = object.bss->node_settings,
          .interfaces = handle<abi::interface_key, abi::interface_settings>(object.maps.interfaces),
          .local_addresses =
              handle<abi::local_address_key, abi::local_address>(object.maps.local_addresses),
          .local_prefixes =
              handle<abi::local_address_key, abi::local_address>(object.maps.local_prefixes)};
}

control::ServiceMapHandles service_maps(const datapath_bpf& object) {
  return {
      .frontends = handle<abi::frontend_key, abi::frontend_versions>(object.maps.frontends),
      .backends = handle<abi::backend_key, abi::backend>(object.maps.backends),
      .members = handle<abi::member_key, uint32_t>(object.maps.members),
      .source_ranges = handle<abi::source_range_key, uint32_t>(object.maps.source_ranges),
  };
}

struct RingBufferFree {
  void operator()(ring_buffer* buffer) const { ring_buffer__free(buffer); }
};
using RingBuffer = std::unique_ptr<ring_buffer, RingBufferFree>;

using RecordConsumer = std::function<void(const abi::trace_record&)>;

int consume_record(void* context, void* data, size_t size) {
  if (size < sizeof(abi::trace_record)) return 0;
  (**static_cast<const RecordConsumer**>(context))(*static_cast<abi::trace_record*>(data));
  return 0;
}

uint64_t random_key() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

uint64_t monotonic_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
  return static_cast<uint64_t>(now.tv_sec) * kNanosecondsPerSecond +
         static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

class Datapath::State {
 public:
  explicit State(control::LoadedObject loaded)
      : object(std::move(loaded)), node(node_maps(*object)), services(service_maps(*object)) {}

  // What the stack needs to be told to deliver as kube-proxy does on such a node.
  Result<void> prepare_kernel(const abi::settings& of_node) {
    // What is for the node itself goes through lo, with the source that its receiver is to see.
    for (const char* path : {"net/ipv4/conf/lo/accept_local", "net/ipv4/conf/lo/route_localnet"}) {
      if (auto set = settings.set(path, "1"); !set) return set;
    }
    // Routes are asked as for what came in through lo, also on a node that forwards nothing.
    for (const char* path : {"net/ipv4/conf/lo/forwarding", "net/ipv6/conf/lo/forwarding"}) {
      if (!control::KernelSettings::exists(path)) continue;
      if (auto set = settings.set(path, "1"); !set) return set;
    }
    if ((of_node.flags & abi::SETTING_LOCALHOST_NODE_PORTS) == 0) return {};
    return settings.set("net/ipv4/conf/all/route_localnet", "1");
  }

  // From here on packets go by what was prepared.
  void switch_over() {
    const uint64_t next = uint64_t{services.maps().next_state()} << 32 | node.next_generation();
    if (next == object->bss->present_state) return;
    // What was written before is to be seen by whoever sees this.
    __atomic_store_n(&object->bss->present_state, next, __ATOMIC_RELEASE);
    switched_over = std::chrono::steady_clock::now();
    if (observer) observer();
  }

  // No packet may still go by the state before the present one: what only that needs is written
  // over. Where nothing is attached, test runs alone meet the maps.
  Result<void> wait_for_earlier_states() const {
    if (attachments.empty()) return {};
    if (std::chrono::steady_clock::now() >= switched_over + control::kProgramsAreOver) return {};
    return control::wait_for_running_programs();
  }

  uint64_t now() const {
    const uint64_t rate = object->data->clock_rate;
    return (rate != 0 ? monotonic_nanoseconds() * rate : 0) + object->bss->clock_offset;
  }

  size_t remove_flows(const control::FlowPredicate& is_over) const {
    return control::remove_flows(
        {.flows = bpf_map__fd(object->maps.flows), .partners = bpf_map__fd(object->maps.partners)},
        now(), is_over);
  }

  control::LoadedObject object;
  control::NodeMaps node;
  control::ServiceProgrammer services;
  std::chrono::steady_clock::time_point switched_over;
  control::WriteObserver observer;
  RingBuffer records;
  const RecordConsumer* consumer = nullptr;  // of the drain under way
  control::KernelSettings settings;
  std::map<uint32_t, control::TcAttachment> attachments;
  std::map<uint32_t, control::XdpAttachment> xdp_attachments;
};

Datapath::Datapath(std::unique_ptr<State> state) : state_(std::move(state)) {}
Datapath::~Datapath() = default;
Datapath::Datapath(Datapath&&) noexcept = default;
Datapath& Datapath::operator=(Datapath&&) noexcept = default;

Result<Datapath> Datapath::load(const LoadOptions& options) {
  auto object = control::LoadedObject::load({.frontends = options.sizes.frontends,
                                             .backends = options.sizes.backends,
                                             .flows = options.sizes.flows,
                                             .affinities = options.sizes.affinities,
                                             .trace_bytes = options.sizes.trace_bytes},
                                            options.object_file, options.xdp);
  if (!object) return tl::unexpected(object.error());
  auto state = std::make_unique<State>(std::move(*object));
  state->records.reset(ring_buffer__new(bpf_map__fd(state->object->maps.trace_records),
                                        consume_record, &state->consumer, nullptr));
  if (!state->records) {
    return environment_error("cannot map the ring buffer of trace records: {}",
                             std::strerror(errno));
  }
  state->object->bss->choice_key = random_key();
  std::random_device random;
  for (auto& word : state->object->bss->decided_key) word = random() | 1;
  return Datapath(std::move(state));
}

Result<void> Datapath::program(const World& world, const Cluster& cluster,
                               const ProxyConfig& proxy) {
  const control::Release release(proxy);
  if (auto offered = release.check_offered(); !offered) return offered;
  if (auto over = state_->wait_for_earlier_states(); !over) return over;
  control::MapTransaction writes(state_->observer);
  if (auto prepared = state_->node.prepare(world, cluster, proxy, writes); !prepared) {
    return prepared;
  }
  const auto facts = control::node_facts(world, cluster, proxy);
  if (auto prepared = state_->services.prepare(cluster, facts, writes); !prepared) return prepared;
  if (!state_->attachments.empty()) {
    auto prepared = state_->prepare_kernel(state_->node.next_settings());
    if (!prepared) return prepared;
  }
  writes.commit();
  state_->switch_over();
  state_->node.take_over();
  state_->services.take_over();
  const std::set<Family> changed = state_->services.take_udp_changes();
  if (!changed.empty()) {
    state_->remove_flows([&](const abi::tuple& tuple, const abi::flow& flow) {
      const Family family = tuple.family == abi::FAMILY_IPV4 ? Family::kIpv4 : Family::kIpv6;
      return changed.contains(family) &&
             control::is_stale_udp_flow(state_->services.table(), tuple, flow, release);
    });
  }
  return {};
}

void Datapath::observe_writes(std::function<void()> observer) {
  state_->observer = std::move(observer);
}

int Datapath::ingress_program() const {
  return bpf_program__fd(state_->object->progs.tc_ingress);
}
int Datapath::egress_program() const {
  return bpf_program__fd(state_->object->progs.tc_egress);
}

int Datapath::xdp_program() const {
  return bpf_program__fd(state_->object->progs.xdp_uplink);
}

void Datapath::set_clock(uint64_t rate, uint64_t offset_nanoseconds) {
  state_->object->data->clock_rate = rate;
  state_->object->bss->clock_offset = offset_nanoseconds;
}

void Datapath::seed_random(uint64_t seed) {
  state_->object->bss->random_state = seed;
  state_->object->bss->choice_key = seed != 0 ? seed : random_key();
}

void Datapath::trace(bool on) {
  state_->object->bss->trace_enabled = on ? 1 : 0;
}

void Datapath::drain_trace(const RecordConsumer& consume) {
  state_->consumer = &consume;
  ring_buffer__consume(state_->records.get());
  state_->consumer = nullptr;
}

std::string Datapath::service_name(uint32_t service_id) const {
  return state_->services.maps().service_name(service_id);
}

Result<void> Datapath::attach(uint32_t interface) {
  auto prepared = state_->prepare_kernel(state_->node.settings());
  if (!prepared) return prepared;
  const auto link = control::link_of(interface);
  if (!link) return tl::unexpected(link.error());
  if (auto set = state_->node.set_link(interface, *link); !set) return set;
  auto attachment = control::TcAttachment::attach(interface, ingress_program(), egress_program());
  if (!attachment) return tl::unexpected(attachment.error());
  state_->attachments.insert_or_assign(interface, std::move(*attachment));
  return {};
}

Result<XdpMode> Datapath::attach_xdp(uint32_t interface, bool allow_native) {
  if (!state_->attachments.contains(interface)) {
    return bad_input("interface {}: XDP leaves packets to programs at tc, which are not attached",
                     interface);
  }
  const auto link = control::link_of(interface);
  if (!link) return tl::unexpected(link.error());
  if (link->header_length == 0) {
    return bad_input("interface {}: the program at XDP is for interfaces with Ethernet headers",
                     interface);
  }
  auto attachment = control::XdpAttachment::attach(interface, xdp_program(), allow_native);
  if (!attachment) return tl::unexpected(attachment.error());
  const bool native = attachment->mode() == control::XdpAttachment::Mode::kNative;
  state_->xdp_attachments.insert_or_assign(interface, std::move(*attachment));
  const uint32_t flags = abi::INTERFACE_XDP | (native ? 0 : abi::INTERFACE_XDP_REDIRECT);
  if (auto set = state_->node.set_xdp(interface, flags); !set) return tl::unexpected(set.error());
  return native ? XdpMode::kNative : XdpMode::kGeneric;
}

Result<void> Datapath::allow_xdp(uint32_t interface, bool allow) {
  const uint32_t flags = abi::INTERFACE_XDP | abi::INTERFACE_XDP_REDIRECT;
  return state_->node.set_xdp(interface, allow ? flags : 0);
}

Result<void> Datapath::detach(uint32_t interface) {
  if (state_->xdp_attachments.erase(interface) != 0) {
    if (auto set = state_->node.set_xdp(interface, 0); !set) return set;
  }
  if (state_->attachments.erase(interface) == 0) {
    return bad_input("nothing is attached to interface {}", interface);
  }
  if (state_->attachments.empty()) state_->settings.restore();
  return {};
}

void Datapath::forget_packets() {
  const auto& maps = state_->object->maps;
  for (const bpf_map* map : {maps.flows, maps.partners, maps.affinities, maps.fragments,
                             maps.held_datagrams, maps.refused_packets}) {
    control::clear(*map);
  }
  control::clear_of_processors(*maps.packets);
}

size_t Datapath::collect_garbage() {
  state_->services.maps().remove_retired();
  const uint64_t now = state_->now();
  return state_->remove_flows(
      [now](const abi::tuple&, const abi::flow& flow) { return flow.expires <= now; });
}

}  // namespace kubeproof
