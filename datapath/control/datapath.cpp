#include "datapath/control/datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <cerrno>
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

  // What is to be changed at once, of the node and of services. Packets go by what `prepare` writes
  // or, after an error, by what there was.
  using Prepare = std::function<Result<void>(control::MapTransaction&)>;
  Result<void> change_node(const Prepare& prepare) {
    if (auto written = write_ahead(prepare); !written) return written;
    switch_over(services.maps().present_state());
    node.take_over();
    return {};
  }
  Result<void> change_all(const Prepare& prepare) {
    if (auto written = write_ahead(prepare); !written) return written;
    switch_over(services.maps().next_state());
    node.take_over();
    services.take_over();
    return {};
  }

  // From here on no packet goes by a state before the present one, or has come upon what was
  // written over. Where nothing is attached, test runs alone meet the maps.
  void wait_for_earlier_packets() {
    if (programs_run && has_written_over) control::wait_for_running_programs();
    has_written_over = false;
  }

  Result<control::TcAttachment> attach_programs(uint32_t interface) {
    if (auto prepared = prepare_kernel(node.settings()); !prepared) {
      return tl::unexpected(prepared.error());
    }
    const auto link = control::link_of(interface);
    if (!link) return tl::unexpected(link.error());
    const auto changed = change_node([&](control::MapTransaction& writes) {
      return node.prepare_link(interface, *link, writes);
    });
    if (!changed) return tl::unexpected(changed.error());
    programs_run = true;
    return control::TcAttachment::attach(interface, bpf_program__fd(object->progs.tc_ingress),
                                         bpf_program__fd(object->progs.tc_egress));
  }

  Result<void> set_xdp(uint32_t interface, uint32_t flags) {
    return change_node([&](control::MapTransaction& writes) {
      return node.prepare_xdp(interface, flags, writes);
    });
  }

  // Where nothing is attached any more, all is as it was.
  void settle() {
    if (!attachments.empty()) return;
    settings.restore();
    if (std::exchange(programs_run, false)) control::wait_for_running_programs();
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
  bool programs_run = false;      // other than in test runs
  bool has_written_over = false;  // what packets may still go by
  control::WriteObserver observer;
  RingBuffer records;
  const RecordConsumer* consumer = nullptr;  // of the drain under way
  control::KernelSettings settings;
  std::map<uint32_t, control::TcAttachment> attachments;
  std::map<uint32_t, control::XdpAttachment> xdp_attachments;

 private:
  // About states and generations that packets do not go by. All or nothing is written.
  Result<void> write_ahead(const Prepare& prepare) {
    if (auto back = take_back(); !back) return back;
    wait_for_earlier_packets();
    auto prepared = prepare(writes_);
    if (prepared) {
      writes_.commit();
      return {};
    }
    if (auto back = take_back(); !back) {
      return environment_error("{}; {}", prepared.error().message, back.error().message);
    }
    return prepared;
  }

  // The kernel gives memory of what is written over to what is written next. A packet that came
  // upon an entry must not find another, and then the first again, in the same place.
  Result<void> take_back() {
    if (writes_.empty()) return {};
    has_written_over = true;
    wait_for_earlier_packets();
    auto back = writes_.take_back();
    has_written_over = true;
    if (back) return {};
    return environment_error(
        "what has been written cannot be taken back ({}): packets go on by what there was, and no "
        "update can be made before",
        back.error().message);
  }

  // From here on packets go by what was prepared.
  void switch_over(uint32_t services_state) {
    const uint64_t next = uint64_t{services_state} << 32 | node.next_generation();
    if (next == object->bss->present_state) return;
    // What was written before is to be seen by whoever sees this.
    __atomic_store_n(&object->bss->present_state, next, __ATOMIC_RELEASE);
    has_written_over = true;
    if (observer) observer();
  }

  control::MapTransaction writes_{observer};
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
  const auto prepare = [&](control::MapTransaction& writes) -> Result<void> {
    if (auto done = state_->node.prepare(world, cluster, proxy, writes); !done) return done;
    const auto facts = control::node_facts(world, cluster, proxy);
    if (auto done = state_->services.prepare(cluster, facts, writes); !done) return done;
    if (state_->attachments.empty()) return {};
    return state_->prepare_kernel(state_->node.next_settings());
  };
  if (auto changed = state_->change_all(prepare); !changed) return changed;
  const std::set<Family> changed = state_->services.take_udp_changes();
  if (!changed.empty()) {
    // Who still goes by the endpoints before may enter a flow to one of them.
    state_->wait_for_earlier_packets();
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
  auto attachment = state_->attach_programs(interface);
  if (attachment) state_->attachments.insert_or_assign(interface, std::move(*attachment));
  state_->settle();
  if (!attachment) return tl::unexpected(attachment.error());
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
  if (auto told = state_->set_xdp(interface, flags); !told) {
    state_->xdp_attachments.erase(interface);
    return tl::unexpected(told.error());
  }
  return native ? XdpMode::kNative : XdpMode::kGeneric;
}

Result<void> Datapath::allow_xdp(uint32_t interface, bool allow) {
  const uint32_t flags = abi::INTERFACE_XDP | abi::INTERFACE_XDP_REDIRECT;
  return state_->set_xdp(interface, allow ? flags : 0);
}

Result<void> Datapath::detach(uint32_t interface) {
  Result<void> told;
  if (state_->xdp_attachments.erase(interface) != 0) told = state_->set_xdp(interface, 0);
  if (state_->attachments.erase(interface) == 0) {
    return bad_input("nothing is attached to interface {}", interface);
  }
  state_->settle();
  return told;
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
  state_->wait_for_earlier_packets();
  state_->services.maps().remove_retired();
  const uint64_t now = state_->now();
  return state_->remove_flows(
      [now](const abi::tuple&, const abi::flow& flow) { return flow.expires <= now; });
}

}  // namespace kubeproof
