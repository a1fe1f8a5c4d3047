#include "replay/engine/ebpf_engine.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <optional>
#include <utility>
#include <vector>

#include "datapath/control/datapath.h"
#include "model/node/ip_header.h"
#include "model/packet/checksum.h"
#include "replay/engine/namespace_stay.h"
#include "replay/engine/neighbours.h"
#include "replay/engine/node_simulation.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/processor_stay.h"
#include "replay/engine/sysctl.h"
#include "replay/engine/test_run.h"
#include "replay/engine/trace_text.h"
#include "replay/engine/world_setup.h"
#include "replay/engine/xdp_test_run.h"

namespace kubeproof {
namespace {

// Time starts well above zero, as a machine's does after a while.
constexpr std::chrono::nanoseconds kStartOfTime = std::chrono::hours(24);
// How often the datapath's control looks for flows whose time is over.
constexpr std::chrono::nanoseconds kGarbageInterval = std::chrono::seconds(30);

bool has_ip_header(ByteView packet) {
  return !packet.empty() &&
         packet.size() >= (family_of(packet) == Family::kIpv4 ? kIpv4HeaderSize : kIpv6HeaderSize);
}

bool has_wrong_checksum(ByteView packet) {
  const ChecksumReport sums = check_checksums(packet);
  for (const ChecksumState state :
       {sums.ip_header, sums.transport, sums.quoted_ip_header, sums.quoted_transport}) {
    if (state == ChecksumState::kWrong) return true;
  }
  return false;
}

bool has_xdp(const Interface& interface) {
  return interface.kind == InterfaceKind::kUplink;
}

// The datapath at the hooks of every interface.
class DatapathHooks : public HookPrograms {
 public:
  DatapathHooks(Datapath& datapath, const World& world)
      : datapath_(datapath),
        world_(world),
        ingress_(datapath.ingress_program(), "tc ingress program"),
        egress_(datapath.egress_program(), "tc egress program") {
    if (datapath.xdp_program() >= 0) xdp_.emplace(datapath.xdp_program(), "XDP program");
  }

  Result<HookOutput> run(const HookInput& input, std::vector<std::string>* trace) override {
    if (input.hook == Hook::kXdp) return run_xdp(input, trace);
    TestRun& program = input.hook == Hook::kTcIngress ? ingress_ : egress_;
    TestRun::Context context = {.interface = input.interface->index,
                                .ingress = input.received_at,
                                .mark = input.mark,
                                .cb = input.cb,
                                .looped_back = input.looped_back};
    auto output = program.run(input.packet, context);
    if (!output) return tl::unexpected(output.error());
    auto record = explain(input, trace);
    if (!record) return tl::unexpected(record.error());
    if (!output->device_sum_lost) return judge(*output, *record);

    // Once more to see the packet: a checksum in it that is wrong tells more than that sum, and of
    // one that was cut the kernel has given up the sum without telling.
    context.device_sum = false;
    auto seen = program.run(input.packet, context);
    if (!seen) return tl::unexpected(seen.error());
    record = take_record(input);
    if (!record) return tl::unexpected(record.error());
    const bool was_cut = seen->packet.size() < input.packet.size();
    if (was_cut || has_wrong_checksum(seen->packet)) return judge(*seen, *record);
    if (trace != nullptr) {
      trace->emplace_back(
          "lost: the program left a device's sum over the packet (CHECKSUM_COMPLETE) wrong");
    }
    return judge(*output, *record);
  }

 private:
  Result<HookOutput> run_xdp(const HookInput& input, std::vector<std::string>* trace) {
    HookOutput result{.mark = input.mark, .packet = input.packet};
    if (!xdp_ || !has_xdp(*input.interface)) return result;
    auto output = xdp_->run(input.packet, input.interface->index);
    if (!output) return tl::unexpected(output.error());
    auto record = explain(input, trace);
    if (!record) return tl::unexpected(record.error());
    result.packet = output->packet();
    switch (output->verdict) {
      case XDP_PASS:
        return result;
      case XDP_TX:
        result.action = HookOutput::Action::kTransmit;
        result.redirect_interface = input.interface->index;
        return result;
      case XDP_REDIRECT:
        result.action = HookOutput::Action::kTransmit;
        result.redirect_interface = record->redirect_ifindex;
        return result;
      default:
        result.action = HookOutput::Action::kDrop;
        return result;
    }
  }

  // The record of the run that just ended, told in `trace` unless that is null.
  Result<abi::trace_record> explain(const HookInput& input, std::vector<std::string>* trace) {
    auto record = take_record(input);
    if (record && trace != nullptr) {
      trace->push_back(
          describe_decision(*record, world_, datapath_.service_name(record->service_id)));
    }
    return record;
  }

  Result<abi::trace_record> take_record(const HookInput& input) {
    size_t count = 0;
    abi::trace_record record{};
    datapath_.drain_trace([&](const abi::trace_record& one) {
      record = one;
      ++count;
    });
    if (count != 1 || record.ifindex != input.interface->index) {
      return environment_error("{}: the programs left {} trace records for one run, expected 1",
                               input.interface->name, count);
    }
    return record;
  }

  // What becomes of the packet follows from the return code; only where it goes from the record.
  static Result<HookOutput> judge(const TestRun::Output& output, const abi::trace_record& record) {
    HookOutput result{.mark = output.mark, .cb = output.cb, .packet = output.packet};
    switch (output.verdict) {
      case TC_ACT_SHOT:
      case TC_ACT_STOLEN:
      case TC_ACT_QUEUED:
      case TC_ACT_TRAP:
        result.action = HookOutput::Action::kDrop;
        return result;
      case TC_ACT_REDIRECT:
        break;
      default:
        return result;
    }
    result.redirect_interface = record.redirect_ifindex;
    switch (record.redirect) {
      case abi::REDIRECT_EGRESS:
        result.action = HookOutput::Action::kRedirectEgress;
        return result;
      case abi::REDIRECT_INGRESS:
        result.action = HookOutput::Action::kRedirectIngress;
        return result;
      case abi::REDIRECT_NEIGHBOUR:
        result.action = HookOutput::Action::kRedirectNeighbour;
        return result;
      default:
        return environment_error("a program redirected a packet, but its trace does not say where");
    }
  }

  Datapath& datapath_;
  const World& world_;
  TestRun ingress_;
  TestRun egress_;
  std::optional<XdpTestRun> xdp_;
};

// The world as Datapath::attach() leaves it, here and in the kernel: it changes sysctls of lo.
Result<void> prepare_loopback() {
  auto done = write_sysctl("ipv4/conf/lo/forwarding", "1");
  if (done) done = write_sysctl("ipv6/conf/lo/forwarding", "1", SysctlNeed::kWhereKnown);
  return done;
}

World as_attached(World world) {
  for (Interface& interface : world.interfaces) {
    if (interface.kind != InterfaceKind::kLoopback) continue;
    interface.accept_local = true;
    interface.route_localnet = true;
  }
  return world;
}

// What exists once the world is known.
class Node {
 public:
  static Result<std::unique_ptr<Node>> create(const World& world, Datapath& datapath) {
    auto name_space = PrivateNamespace::create();
    if (!name_space) return tl::unexpected(name_space.error());
    auto devices = name_space->run([&] { return set_up_world(world); });
    if (!devices) return tl::unexpected(devices.error());
    if (auto prepared = name_space->run(&prepare_loopback); !prepared) {
      return tl::unexpected(prepared.error());
    }
    auto neighbours = name_space->run([] { return Neighbours::create(); });
    if (!neighbours) return tl::unexpected(neighbours.error());
    if (datapath.xdp_program() >= 0) {
      for (const Interface& interface : world.interfaces) {
        auto allowed = datapath.allow_xdp(interface.index, has_xdp(interface));
        if (!allowed) return tl::unexpected(allowed.error());
      }
    }
    return std::unique_ptr<Node>(new Node(world, datapath, std::move(*name_space),
                                          std::move(*devices), std::move(*neighbours)));
  }

  Result<void> enter() { return stay_.enter(); }
  NodeSimulation& simulation() { return simulation_; }

  // Only programs at XDP need to know neighbours: those that packets go to from there.
  Result<void> know_neighbours(const Cluster& cluster) {
    for (const auto& [key, slice] : cluster.endpoint_slices) {
      for (const SliceEndpoint& endpoint : slice.endpoints) {
        if (endpoint.addresses.empty()) continue;
        const auto address = IpAddress::parse(endpoint.addresses.front());
        if (!address) continue;
        if (auto known = neighbours_.know(routes_, *address); !known) return known;
      }
    }
    return {};
  }
  Result<void> know_sender(const Injection& injection) {
    const Interface* interface = world_.find_interface(injection.ingress.interface);
    if (interface == nullptr || !has_xdp(*interface) || !has_ip_header(injection.packet)) return {};
    return neighbours_.know(routes_, source_of(injection.packet));
  }

 private:
  Node(const World& world, Datapath& datapath, PrivateNamespace name_space,
       std::vector<TunDevice> devices, Neighbours neighbours)
      : world_(world),
        name_space_(std::move(name_space)),
        devices_(std::move(devices)),
        stay_(name_space_),
        routes_(world_),
        neighbours_(std::move(neighbours)),
        hooks_(datapath, world_),
        simulation_(world_, hooks_) {}

  const World world_;
  PrivateNamespace name_space_;
  std::vector<TunDevice> devices_;
  NamespaceStay stay_;
  RoutingTable routes_;
  Neighbours neighbours_;
  DatapathHooks hooks_;
  NodeSimulation simulation_;
};

}  // namespace

class EbpfEngines::IdlePrograms {
 public:
  void add(Datapath datapath) {
    datapath.forget_packets();
    datapaths_.push_back(std::move(datapath));
  }
  std::optional<Datapath> take() {
    if (datapaths_.empty()) return std::nullopt;
    Datapath datapath = std::move(datapaths_.back());
    datapaths_.pop_back();
    return datapath;
  }

 private:
  std::vector<Datapath> datapaths_;
};

namespace {

class EbpfEngine : public Engine {
 public:
  EbpfEngine(Datapath datapath, uint64_t seed, std::shared_ptr<EbpfEngines::IdlePrograms> idle)
      : datapath_(std::move(datapath)),
        has_xdp_(datapath_.xdp_program() >= 0),
        idle_(std::move(idle)) {
    datapath_.seed_random(seed);
    datapath_.trace(true);
    datapath_.set_clock(0, static_cast<uint64_t>(now_.count()));
  }
  EbpfEngine(const EbpfEngine&) = delete;
  EbpfEngine& operator=(const EbpfEngine&) = delete;
  ~EbpfEngine() override {
    node_.reset();
    idle_->add(std::move(datapath_));
  }

  std::string_view name() const override { return has_xdp_ ? "ebpf-xdp" : "ebpf-tc"; }

  Result<void> program(const Configuration& configuration) override {
    if (!node_) {
      auto node = Node::create(as_attached(configuration.world), datapath_);
      if (!node) return tl::unexpected(node.error());
      node_ = std::move(*node);
      node_->simulation().explain(explain_);
    }
    if (has_xdp_) {
      if (auto entered = node_->enter(); !entered) return entered;
      if (auto known = node_->know_neighbours(configuration.cluster); !known) return known;
    }
    return datapath_.program(configuration.world, configuration.cluster, configuration.proxy);
  }

  Result<void> inject(const Injection& injection, Fate& fate) override {
    if (!node_) return bad_input("{}: a packet came before the first configuration", name());
    if (auto entered = node_->enter(); !entered) return entered;
    if (auto entered = processor_.enter(); !entered) return entered;
    if (has_xdp_) {
      if (auto known = node_->know_sender(injection); !known) return known;
    }
    return node_->simulation().inject(injection, fate);
  }

  Result<void> advance(std::chrono::nanoseconds duration) override {
    now_ += duration;
    datapath_.set_clock(0, static_cast<uint64_t>(now_.count()));
    if (now_ - last_collection_ < kGarbageInterval) return {};
    last_collection_ = now_;
    datapath_.collect_garbage();
    return {};
  }

  void explain(bool on) override {
    explain_ = on;
    if (node_) node_->simulation().explain(on);
  }

 private:
  Datapath datapath_;
  const bool has_xdp_;
  std::shared_ptr<EbpfEngines::IdlePrograms> idle_;
  std::unique_ptr<Node> node_;
  ProcessorStay processor_;
  std::chrono::nanoseconds now_ = kStartOfTime;
  std::chrono::nanoseconds last_collection_ = kStartOfTime;
  bool explain_ = false;
};

}  // namespace

EbpfEngines::EbpfEngines(EbpfOptions options)
    : options_(std::move(options)), idle_(std::make_shared<IdlePrograms>()) {}

Result<std::unique_ptr<Engine>> EbpfEngines::make() {
  auto idle = idle_->take();
  if (idle) return std::make_unique<EbpfEngine>(*std::move(idle), options_.seed, idle_);
  LoadOptions load;
  load.object_file = options_.object_file;
  load.xdp = options_.xdp;
  auto loaded = Datapath::load(load);
  if (!loaded) return tl::unexpected(loaded.error());
  return std::make_unique<EbpfEngine>(*std::move(loaded), options_.seed, idle_);
}

Result<std::unique_ptr<Engine>> make_ebpf_engine(const EbpfOptions& options) {
  return EbpfEngines(options).make();
}

}  // namespace kubeproof
