// The ledger of kubeproof's own datapath. Most of it is about fragments: it sends them on one by
// one, where netfilter puts the datagram together first (nf_defrag_ipv4, nf_defrag_ipv6) and shows
// kube-proxy's rules the whole.
#include <algorithm>

#include "model/packet/packet_view.h"
#include "replay/compare/ledger.h"

namespace kubeproof {
namespace {

bool says(const Outcome& outcome, std::string_view line) {
  return std::any_of(outcome.trace.begin(), outcome.trace.end(),
                     [&](const std::string& said) { return said.find(line) != std::string::npos; });
}

bool completes_the_datagram(const Outcome& outcome) {
  return !says(outcome, "held back: a fragment");
}

bool is_error(const Seen& seen) {
  return is_icmp_error_packet(seen.packet);
}

bool is_invalid(const Outcome& outcome) {
  return says(outcome, "conntrack INVALID");
}

bool has_a_wrong_checksum(const Outcome& outcome) {
  return says(outcome, "conntrack INVALID: its checksum is wrong");
}

// SCTP that nobody translates.
bool arrives_as_it_was_sent(const Disagreeing& at) {
  const auto sent = parse_packet(at.injection.packet);
  if (!sent || sent->protocol != kSctp || at.seen.size() != 1) return false;
  const auto arrived = parse_packet(at.seen.front().packet);
  return arrived && arrived->source == sent->source && arrived->destination == sent->destination;
}

// The last of a datagram, by which the programs know that they have room for all of it. What does
// not forbid it the stack cuts anew.
bool waits_for_the_first(const Disagreeing& at) {
  constexpr int kRoom = 8192;
  const PacketView& early = *at.overtaken_by;
  return !at.injection.ingress.is_host() && early.family == Family::kIpv4 &&
         early.is_last_fragment && !early.dont_fragment &&
         early.fragment_offset + early.total_length - early.transport_offset <= kRoom;
}

// What came before the first has gone where it was headed, or nowhere. The first may be answered.
bool fragments_before_the_first(const Disagreeing& at) {
  if (at.overtaken_by == nullptr || waits_for_the_first(at) || at.outcomes.empty()) return false;
  if (arrives_as_it_was_sent(at) &&
      std::all_of(at.outcomes.begin(), at.outcomes.end(), has_a_wrong_checksum)) {
    return true;
  }
  return std::all_of(at.seen.begin(), at.seen.end(), is_error) &&
         std::all_of(at.outcomes.begin(), at.outcomes.end(), completes_the_datagram);
}

bool goes_on_invalid(const Outcome& outcome) {
  return is_invalid(outcome) && !outcome.emissions.empty();
}

// Whole, the datagram is INVALID, which only its end could tell, and goes on untranslated.
bool fragments_invalid_in_the_end(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  return view && view->is_fragment && at.seen.empty() && !at.outcomes.empty() &&
         std::all_of(at.outcomes.begin(), at.outcomes.end(), goes_on_invalid);
}

// More than one chunk, so that where the first fragment ends is not where the packet does.
bool has_several_chunks(const PermittedEmission& emission) {
  constexpr size_t kHeader = 12;
  const auto view = parse_packet(emission.packet);
  if (!view || view->protocol != kSctp) return false;
  const size_t chunk = view->transport_offset + kHeader;
  if (chunk + 4 > view->total_length) return false;
  return chunk + load16(emission.packet, chunk + 2) + 4 <= view->total_length;
}

bool sends_several_chunks(const Outcome& outcome) {
  return !outcome.emissions.empty() &&
         std::all_of(outcome.emissions.begin(), outcome.emissions.end(), has_several_chunks);
}

// The engine drops what completes the datagram.
bool sctp_not_as_long_as_foretold(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  return view && view->is_fragment && view->protocol == kSctp && at.seen.empty() &&
         !at.outcomes.empty() &&
         std::all_of(at.outcomes.begin(), at.outcomes.end(), sends_several_chunks);
}

// As the first fragment of a datagram has gone.
bool permits(const Outcome& outcome, const PacketView& went) {
  return std::any_of(outcome.emissions.begin(), outcome.emissions.end(),
                     [&](const PermittedEmission& each) {
                       const auto view = parse_packet(each.packet);
                       if (!view || view->source != went.source ||
                           view->destination_endpoint() != went.destination_endpoint()) {
                         return false;
                       }
                       if (!each.free_port) return view->source_port == went.source_port;
                       return went.source_port >= each.free_port->first &&
                              went.source_port <= each.free_port->last;
                     });
}

// Nothing leaves of it. As the first fragment went it cannot go any more: another flow has that
// tuple, or it would now go another way.
bool fragments_without_their_flow(const Disagreeing& at) {
  if (at.interrupted == nullptr || !at.seen.empty() || !at.pieces.empty()) return false;
  if (at.outcomes.empty() ||
      std::any_of(at.outcomes.begin(), at.outcomes.end(),
                  [](const Outcome& outcome) { return outcome.emissions.empty(); })) {
    return false;
  }
  return at.interrupted->tuple_taken ||
         (at.interrupted->begun_otherwise &&
          std::none_of(at.outcomes.begin(), at.outcomes.end(), [&](const Outcome& outcome) {
            return permits(outcome, at.interrupted->left);
          }));
}

bool was_led_elsewhere(ByteView packet, const Injection& injection) {
  const auto sent = parse_packet(injection.packet);
  const auto led = parse_packet(packet);
  return sent && led && led->protocol == sent->protocol && led->destination != sent->destination;
}

// To the endpoint that a client comes back to, no rule of kube-proxy leads it any more.
bool client_among_more_than_a_hundred(const Disagreeing& at) {
  const auto leads_elsewhere = [&](const Outcome& outcome) {
    return says(outcome, "a full list of -m recent without") && outcome.emissions.size() == 1 &&
           was_led_elsewhere(outcome.emissions.front().packet, at.injection);
  };
  return at.seen.size() == 1 && was_led_elsewhere(at.seen.front().packet, at.injection) &&
         !at.outcomes.empty() &&
         std::all_of(at.outcomes.begin(), at.outcomes.end(), leads_elsewhere);
}

}  // namespace

Ledger Ledger::built_in() {
  return Ledger(std::vector<Deviation>{
      {.id = "fragments-before-the-first",
       .title = "the first fragment arrives after others of its datagram",
       .why = "Only the first fragment carries ports. The programs keep them for those that come "
              "after it; those that came before passed untranslated, unless the last came before "
              "all others, of 8 KiB at most in IPv4: then they put the datagram together, and the "
              "stack cuts it anew. A CRC32c they compute only in order.",
       .pinned_by = "corpus/cases/deviations/fragments-middle-first.yaml",
       .near_miss = "corpus/cases/deviations/fragments-last-first.yaml",
       .covers = &fragments_before_the_first},
      {.id = "fragments-invalid-in-the-end",
       .title =
           "a datagram in fragments, translated before it turned out to be INVALID, that nobody "
           "drops",
       .why = "Checksum and length are those of the whole datagram, which its last fragment tells. "
              "netfilter does not translate it, and drops it unless it is for the node itself, or "
              "kube-proxy is told to be liberal. The programs have translated the others by then; "
              "they drop the last, and the datagram is never whole. The receiver would not take "
              "it either.",
       .pinned_by = "corpus/cases/deviations/fragments-with-a-wrong-checksum.yaml",
       .near_miss = "corpus/cases/deviations/fragments-with-a-wrong-checksum-of-no-service.yaml",
       .covers = &fragments_invalid_in_the_end},
      {.id = "sctp-in-fragments",
       .title = "SCTP of several chunks in fragments, to another port",
       .why = "What a port does to a CRC32c depends on how many bytes come behind it. The first "
              "fragment's last chunk tells where the packet ends, unless another chunk comes "
              "behind that; then the last fragment is dropped rather than let go with a wrong "
              "checksum. SCTP cuts its messages itself.",
       .pinned_by = "corpus/cases/deviations/sctp-of-two-chunks-in-fragments.yaml",
       .near_miss = "corpus/cases/deviations/sctp-in-fragments.yaml",
       .covers = &sctp_not_as_long_as_foretold},
      {.id = "fragments-without-their-flow",
       .title = "a datagram in fragments whose flow another one, or a change, displaces before it "
                "is whole",
       .why =
           "netfilter sees a datagram when it is whole, and only then takes a tuple for its flow. "
           "The programs have sent its first fragment by then, from the port and to the endpoint "
           "that they had chosen. If another flow comes meanwhile that has a right to that "
           "tuple, it gets it, as from netfilter, which would give the datagram another port; "
           "if the endpoint goes, or the next packet of the same client may not go there, "
           "netfilter would send the datagram elsewhere. What is left of it then would not fit "
           "what has gone: it is dropped, and the datagram lost, as if a fragment of it had "
           "been lost on the way. It has not begun a flow; sent again, it is treated as "
           "netfilter does.",
       .pinned_by = "corpus/cases/deviations/fragments-without-their-flow.yaml",
       .near_miss = "corpus/cases/cluster-ip/packet-between-the-first-fragments.yaml",
       .covers = &fragments_without_their_flow,
       .is_loss = true},
      {.id = "client-among-more-than-a-hundred",
       .title = "session affinity outlives a hundred other clients of the endpoint",
       .why =
           "`-m recent` keeps a hundred clients per endpoint and forgets the one that came least "
           "recently, however long the timeout of the affinity. The programs keep as many as "
           "their map holds. A client that was led to another endpoint meanwhile comes back.",
       .pinned_by = "corpus/cases/deviations/client-among-more-than-a-hundred.yaml",
       .near_miss = "corpus/cases/affinity/hundred-and-first-client.yaml",
       .covers = &client_among_more_than_a_hundred},
  });
}

}  // namespace kubeproof
