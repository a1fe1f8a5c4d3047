// The eBPF kube-proxy replacement, as userspace holds it: loads the programs, writes their maps
// from Kubernetes objects, attaches them to interfaces.
//
// Everything that names an interface or a packet (attach, test runs of the programs) happens in the
// network namespace of the calling thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "datapath/bpf/trace_abi.h"
#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

// How many entries the maps can hold.
struct MapSizes {
  uint32_t frontends = 1'000'000;  // an address and port; a service that has all kinds has eight
  uint32_t backends = 2'000'000;
  uint32_t flows = 1'000'000;     // entries; a flow takes two, a masqueraded one four
  uint32_t affinities = 500'000;  // pairs of a client and a service port; there from the start
  uint32_t trace_bytes = 1 << 18;

  friend bool operator==(const MapSizes&, const MapSizes&) = default;
};

struct LoadOptions {
  MapSizes sizes;
  // Taken in place of the built-in object; it must declare the same maps and programs.
  std::optional<std::filesystem::path> object_file;
  bool xdp = false;  // the program at XDP, too
};

// Where a program at XDP runs.
enum class XdpMode : uint8_t { kNative, kGeneric };

class Datapath {
 public:
  static Result<Datapath> load(const LoadOptions& options = {});
  ~Datapath();
  Datapath(Datapath&&) noexcept;
  Datapath& operator=(Datapath&&) noexcept;

  // Makes the maps say what the objects say, by writing what differs. Every packet meets all of it
  // as it was, or all as it is to be. Flows live on, but for those of UDP whose endpoint is gone.
  // After an error packets meet what they met before. Where programs are attached, this and what
  // attaches waits some milliseconds for packets that still go by what is written over. A release
  // of kube-proxy that is not offered (release.h) is an error of the environment.
  Result<void> program(const World& world, const Cluster& cluster, const ProxyConfig& proxy);

  // Called after each write of program() to a map, or to a variable of the programs.
  void observe_writes(std::function<void()> observer);

  // For BPF_PROG_TEST_RUN. Packets come with an Ethernet header. The context carries `ifindex`,
  // `mark`, and as `ingress_ifindex` the interface where the packet was received: 0 at egress for
  // packets that the node made.
  int ingress_program() const;
  int egress_program() const;
  int xdp_program() const;  // -1 where it was not loaded

  // now = ktime × rate + offset; 1 and 0 after loading.
  void set_clock(uint64_t rate, uint64_t offset_nanoseconds);
  // 0, as after loading: the kernel's randomness.
  void seed_random(uint64_t seed);

  // While on, every run of a program leaves a record. `consume` is called for those that wait.
  void trace(bool on);
  void drain_trace(const std::function<void(const abi::trace_record&)>& consume);
  // "default/web:http", empty for no service.
  std::string service_name(uint32_t service_id) const;

  // At tc ingress and egress, with the sysctls that delivery needs. After the first program().
  Result<void> attach(uint32_t interface);
  // At XDP, too, of an interface with an Ethernet header where attach() was done: in its driver if
  // that can, and `allow_native`, else generically. Natively, packets leave from XDP only through
  // the interface that they came in at; generically, through any other with our program, too.
  Result<XdpMode> attach_xdp(uint32_t interface, bool allow_native = true);
  // For test runs, which attach nothing: whether to take the interface for one that attach_xdp()
  // attached to generically, with a link-layer address of zeros.
  Result<void> allow_xdp(uint32_t interface, bool allow);
  // From wherever the thread is, XDP included; after an error, too, which is about what the others
  // know of it. The last one puts the sysctls back, as the destructor does, and no packet is on its
  // way through a program any more when it returns.
  Result<void> detach(uint32_t interface);

  // Ends all flows and affinities, as if no packet had been met since loading; services stay. No
  // packet may be on its way through a program.
  void forget_packets();

  // Removes flows whose time is over; how many entries went.
  size_t collect_garbage();

 private:
  class State;
  explicit Datapath(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kubeproof
