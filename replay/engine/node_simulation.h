// The node around BPF programs: takes a packet from hook to hook as the kernel would, where the
// programs are run one at a time and everything between them has to be done by hand.
//
//   from a link    XDP, and from there out of a link, or on to the interface
//   the interface  tc ingress → stack input → delivery, or forward → tc egress → gone
//   the host       routing → tc egress → gone, or through lo: its ingress, stack input, delivery
//   redirected     to an egress hook, to an ingress hook (where everything starts anew, routing
//                  included), or to the other end of a pod's link, which no hook sees
//
// What a redirect skips is skipped: no TTL falls, and a packet that is too large for the link is
// lost without an error. The stack's own ICMP errors take the way of the host's packets, hooks
// included. It knows hooks, not the programs at them. Left out: reassembly on delivery (fragments
// are delivered one by one), conntrack, neighbours (who always answer).
#pragma once

#include <array>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/node/fate.h"
#include "model/node/ip_stack.h"
#include "model/node/routing.h"
#include "model/result.h"

namespace kubeproof {

enum class Hook : uint8_t { kXdp, kTcIngress, kTcEgress };

// What programs leave in an skb for the hook that a redirect reaches (__sk_buff::cb); the stack
// puts notes of its own there.
using ControlBlock = std::array<uint32_t, 5>;

// A packet as a program meets it. As an skb it keeps its mark through the node, and the interface
// where it was last received.
struct HookInput {
  Hook hook = Hook::kTcIngress;
  const Interface* interface = nullptr;
  uint32_t received_at = 0;  // index; 0 for what the node made itself
  bool looped_back = false;  // what the node sends to many, as it comes back to the node itself
  uint32_t mark = 0;
  ControlBlock cb{};
  ByteView packet{};
};

struct HookOutput {
  enum class Action : uint8_t {
    kPass,
    kDrop,
    kRedirectEgress,     // bpf_redirect()
    kRedirectIngress,    // bpf_redirect(BPF_F_INGRESS)
    kRedirectNeighbour,  // bpf_redirect_neigh()
    kRedirectPeer,       // bpf_redirect_peer()
    kTransmit,           // XDP_TX, or bpf_redirect() at XDP
  };
  Action action = Action::kPass;
  uint32_t redirect_interface = 0;
  uint32_t mark = 0;
  ControlBlock cb{};
  ByteView packet{};  // valid until the next run
};

class HookPrograms {
 public:
  virtual ~HookPrograms() = default;

  // Runs what is attached; where that is nothing, the packet passes as it is. Says what it did in
  // `trace`, unless that is null.
  virtual Result<HookOutput> run(const HookInput& input, std::vector<std::string>* trace) = 0;
};

class NodeSimulation {
 public:
  // The world must outlive the simulation and not change; so must the programs.
  NodeSimulation(const World& world, HookPrograms& programs);

  // Runs one packet; `fate` is cleared first.
  Result<void> inject(const Injection& injection, Fate& fate);

  // While on, fates carry a trace.
  void explain(bool on) { explain_ = on; }

 private:
  // Where a packet is about to be.
  enum class Stage : uint8_t {
    kXdp,
    kTcIngress,
    kStackInput,
    kHostOutput,
    kStackOutput,
    kTcEgress,
    kTransmit,
    kGone,
  };
  // The route that an skb carries with it (skb_dst).
  enum class KnownRoute : uint8_t { kNone, kLocal, kOut };

  struct Traveller {
    Bytes packet;
    Ipv4OptionNotes options{};  // as the stack has read them
    Stage stage = Stage::kGone;
    const Interface* at = nullptr;
    KnownRoute route = KnownRoute::kNone;
    bool from_here = false;  // what the node sent, and receives as well
    uint32_t received_at = 0;
    uint32_t mark = 0;
    ControlBlock cb{};
  };

  Result<void> travel(Traveller& traveller, Fate& fate);
  Result<void> run_hook(Traveller& traveller, Hook hook, Fate& fate);
  static Stage stage_behind(Hook hook);
  void redirect(Traveller& traveller, const HookOutput& output, Fate& fate);
  void stack_input(Traveller& traveller, Fate& fate);
  void host_output(Traveller& traveller, Fate& fate);
  void leave_host(Traveller& traveller, const RouteDecision& route, Fate& fate);
  void hear_oneself(const Traveller& traveller);
  void stack_output(Traveller& traveller, Fate& fate);
  void transmit(Traveller& traveller, Fate& fate);
  void deliver(Traveller& traveller, Fate& fate);

  void fail(Traveller& traveller, const StackFailure& failure, Fate& fate);
  void drop(Traveller& traveller, std::string_view reason, Fate& fate);
  void say(Fate& fate, const Traveller& traveller, std::string_view what) const;
  const Interface* interface(uint32_t index) const;

  const World& world_;
  HookPrograms& programs_;
  RoutingTable routes_;
  IpStack stack_;
  std::unordered_map<uint32_t, const Interface*> interfaces_;  // by index
  Traveller first_;
  std::deque<Traveller> others_;
  size_t steps_ = 0;
  bool explain_ = false;
};

}  // namespace kubeproof
