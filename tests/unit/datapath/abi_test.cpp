// The headers that both sides share are compiled twice, for the BPF machine and for this one. What
// the object's BTF says of keys, values and records must be what control writes and reads.
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "datapath/bpf/config_abi.h"
#include "datapath/bpf/flow_abi.h"
#include "datapath/bpf/service_abi.h"
#include "datapath/bpf/trace_abi.h"
#include "datapath/bpf/tuple_abi.h"
#include "datapath/control/skeleton.h"

namespace kubeproof::control {
namespace {

struct Member {
  Member(std::string name, size_t offset, size_t size)
      : name(std::move(name)), offset(offset), size(size) {}

  std::string name;
  size_t offset;
  size_t size;

  friend bool operator==(const Member&, const Member&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Member& member) {
    return out << fmt::format("{} at {}, {} bytes", member.name, member.offset, member.size);
  }
};

struct Layout {
  size_t size = 0;
  std::vector<Member> members;
};

// NOLINTBEGIN(cppcoreguidelines-macro-usage): names of members are not to be had otherwise.
#define MEMBER(type, member) Member(#member, offsetof(abi::type, member), sizeof(abi::type::member))
#define LAYOUT(type, ...) layout_of(#type, sizeof(abi::type), {__VA_ARGS__})
// NOLINTEND(cppcoreguidelines-macro-usage)

std::pair<const std::string, Layout> layout_of(std::string name, size_t size,
                                               std::vector<Member> members) {
  return {std::move(name), {.size = size, .members = std::move(members)}};
}

const std::map<std::string, Layout>& layouts() {
  static const std::map<std::string, Layout> kLayouts = {
      LAYOUT(address, MEMBER(address, words)),
      LAYOUT(tuple, MEMBER(tuple, source), MEMBER(tuple, destination), MEMBER(tuple, source_port),
             MEMBER(tuple, destination_port), MEMBER(tuple, protocol), MEMBER(tuple, family),
             MEMBER(tuple, space), MEMBER(tuple, zero)),
      LAYOUT(socket_address, MEMBER(socket_address, address), MEMBER(socket_address, port),
             MEMBER(socket_address, zero)),
      LAYOUT(tcp_end, MEMBER(tcp_end, end), MEMBER(tcp_end, end_max), MEMBER(tcp_end, window_max),
             MEMBER(tcp_end, acknowledged), MEMBER(tcp_end, flags), MEMBER(tcp_end, scale),
             MEMBER(tcp_end, zero)),
      LAYOUT(flow, MEMBER(flow, client), MEMBER(flow, frontend), MEMBER(flow, backend),
             MEMBER(flow, source), MEMBER(flow, id), MEMBER(flow, created), MEMBER(flow, expires),
             MEMBER(flow, service_id), MEMBER(flow, flags), MEMBER(flow, role),
             MEMBER(flow, status), MEMBER(flow, tcp_state), MEMBER(flow, tcp_last_event),
             MEMBER(flow, tcp_flags), MEMBER(flow, tcp_retransmissions),
             MEMBER(flow, tcp_last_sequence), MEMBER(flow, tcp_last_acknowledgment),
             MEMBER(flow, tcp_last_end), MEMBER(flow, tcp_last_window), MEMBER(flow, sctp_state),
             MEMBER(flow, sctp_flags), MEMBER(flow, tcp_last_scale), MEMBER(flow, zero),
             MEMBER(flow, tcp_ends), MEMBER(flow, sctp_tags)),
      LAYOUT(partner, MEMBER(partner, other), MEMBER(partner, id), MEMBER(partner, role),
             MEMBER(partner, zero)),
      LAYOUT(fragment_key, MEMBER(fragment_key, source), MEMBER(fragment_key, destination),
             MEMBER(fragment_key, identification), MEMBER(fragment_key, protocol),
             MEMBER(fragment_key, family), MEMBER(fragment_key, program),
             MEMBER(fragment_key, zero)),
      LAYOUT(fragmented, MEMBER(fragmented, expires), MEMBER(fragmented, flow_id),
             MEMBER(fragmented, source_port), MEMBER(fragmented, destination_port),
             MEMBER(fragmented, front), MEMBER(fragmented, length), MEMBER(fragmented, largest),
             MEMBER(fragmented, extensions), MEMBER(fragmented, sum), MEMBER(fragmented, checksum),
             MEMBER(fragmented, udp_length), MEMBER(fragmented, course), MEMBER(fragmented, flags),
             MEMBER(fragmented, tcp_sequence), MEMBER(fragmented, tcp_acknowledgment),
             MEMBER(fragmented, tcp_highest_acknowledgment), MEMBER(fragmented, tcp_window),
             MEMBER(fragmented, tcp_flags), MEMBER(fragmented, tcp_header_length),
             MEMBER(fragmented, tcp_scale), MEMBER(fragmented, tcp_offers),
             MEMBER(fragmented, sctp_state), MEMBER(fragmented, sctp_flags),
             MEMBER(fragmented, sctp_tags), MEMBER(fragmented, sctp_end),
             MEMBER(fragmented, sctp_seconds), MEMBER(fragmented, affinity_backend),
             MEMBER(fragmented, affinity_timeout), MEMBER(fragmented, affinity_lapsed),
             MEMBER(fragmented, protocol), MEMBER(fragmented, portless),
             MEMBER(fragmented, congestion), MEMBER(fragmented, ttl), MEMBER(fragmented, zero),
             MEMBER(fragmented, runs)),
      LAYOUT(fragment_run, MEMBER(fragment_run, begin), MEMBER(fragment_run, end)),
      LAYOUT(held, MEMBER(held, header_length), MEMBER(held, length), MEMBER(held, first_length),
             MEMBER(held, named_at), MEMBER(held, header), MEMBER(held, bytes)),
      LAYOUT(frontend_key, MEMBER(frontend_key, address), MEMBER(frontend_key, port),
             MEMBER(frontend_key, protocol), MEMBER(frontend_key, family),
             MEMBER(frontend_key, kind), MEMBER(frontend_key, zero)),
      LAYOUT(frontend, MEMBER(frontend, service_id), MEMBER(frontend, flags),
             MEMBER(frontend, cluster_set), MEMBER(frontend, cluster_count),
             MEMBER(frontend, local_set), MEMBER(frontend, local_count),
             MEMBER(frontend, affinity_timeout), MEMBER(frontend, source_ranges),
             MEMBER(frontend, others)),
      LAYOUT(frontend_versions, MEMBER(frontend_versions, before), MEMBER(frontend_versions, after),
             MEMBER(frontend_versions, since)),
      LAYOUT(backend_key, MEMBER(backend_key, set), MEMBER(backend_key, index)),
      LAYOUT(backend, MEMBER(backend, address), MEMBER(backend, port), MEMBER(backend, zero),
             MEMBER(backend, id)),
      LAYOUT(source_range_key, MEMBER(source_range_key, prefix_length),
             MEMBER(source_range_key, list), MEMBER(source_range_key, address)),
      LAYOUT(affinity_key, MEMBER(affinity_key, client), MEMBER(affinity_key, service_id),
             MEMBER(affinity_key, family), MEMBER(affinity_key, zero)),
      LAYOUT(affinity_choice, MEMBER(affinity_choice, backend_id), MEMBER(affinity_choice, zero),
             MEMBER(affinity_choice, time)),
      LAYOUT(affinity, MEMBER(affinity, choices)),
      LAYOUT(member_key, MEMBER(member_key, set), MEMBER(member_key, backend_id)),
      LAYOUT(family_settings, MEMBER(family_settings, local_prefix),
             MEMBER(family_settings, local_prefix_length), MEMBER(family_settings, detector),
             MEMBER(family_settings, zero)),
      LAYOUT(settings, MEMBER(settings, masquerade_mark), MEMBER(settings, flags),
             MEMBER(settings, ipv4), MEMBER(settings, ipv6),
             MEMBER(settings, tcp_established_timeout), MEMBER(settings, tcp_close_wait_timeout),
             MEMBER(settings, udp_timeout), MEMBER(settings, udp_stream_timeout)),
      LAYOUT(source_candidate, MEMBER(source_candidate, address), MEMBER(source_candidate, subnet),
             MEMBER(source_candidate, prefix_length), MEMBER(source_candidate, scope),
             MEMBER(source_candidate, owner), MEMBER(source_candidate, deprecated)),
      LAYOUT(interface_settings, MEMBER(interface_settings, flags),
             MEMBER(interface_settings, link_header_length),
             MEMBER(interface_settings, link_address), MEMBER(interface_settings, ipv6_mtu),
             MEMBER(interface_settings, loopback_next_hop),
             MEMBER(interface_settings, link_next_hop), MEMBER(interface_settings, ipv4),
             MEMBER(interface_settings, ipv6)),
      LAYOUT(local_address_key, MEMBER(local_address_key, prefix_length),
             MEMBER(local_address_key, family), MEMBER(local_address_key, generation),
             MEMBER(local_address_key, zero), MEMBER(local_address_key, address)),
      LAYOUT(interface_key, MEMBER(interface_key, ifindex), MEMBER(interface_key, generation)),
      LAYOUT(local_address, MEMBER(local_address, flags), MEMBER(local_address, source)),
      LAYOUT(
          trace_record, MEMBER(trace_record, time), MEMBER(trace_record, ifindex),
          MEMBER(trace_record, redirect_ifindex), MEMBER(trace_record, service_id),
          MEMBER(trace_record, flags), MEMBER(trace_record, program), MEMBER(trace_record, verdict),
          MEMBER(trace_record, reason), MEMBER(trace_record, redirect), MEMBER(trace_record, zero),
          MEMBER(trace_record, before), MEMBER(trace_record, after), MEMBER(trace_record, backend)),
  };
  return kLayouts;
}

struct Destroy {
  void operator()(datapath_bpf* object) const { datapath_bpf::destroy(object); }
};

class Abi : public testing::Test {
 protected:
  void SetUp() override {
    object_.reset(datapath_bpf::open());
    ASSERT_NE(object_, nullptr);
    btf_ = bpf_object__btf(object_->obj);
    ASSERT_NE(btf_, nullptr);
  }

  const btf_type* type(uint32_t id) const { return btf__type_by_id(btf_, id); }
  std::string name(const btf_type* type) const { return btf__name_by_offset(btf_, type->name_off); }
  Layout layout(const std::string& structure) const {
    const int id = btf__find_by_name_kind(btf_, structure.c_str(), BTF_KIND_STRUCT);
    if (id < 0) return {};
    const btf_type* found = type(static_cast<uint32_t>(id));
    Layout layout{.size = found->size, .members = {}};
    for (uint32_t i = 0; i < btf_vlen(found); ++i) {
      const btf_member& member = btf_members(found)[i];
      // Of a union without a name, the first member stands for all.
      const bool many = member.name_off == 0 && btf_is_union(type(member.type));
      const btf_member& named = many ? btf_members(type(member.type))[0] : member;
      layout.members.push_back({btf__name_by_offset(btf_, named.name_off),
                                btf_member_bit_offset(found, i) / 8,
                                static_cast<size_t>(btf__resolve_size(btf_, member.type))});
    }
    return layout;
  }
  // "struct flow", or "4 bytes" for what is none.
  std::string describe(uint32_t id) const {
    const btf_type* found = type(id);
    if (btf_is_struct(found)) return "struct " + name(found);
    return fmt::format("{} bytes", btf__resolve_size(btf_, id));
  }

  std::unique_ptr<datapath_bpf, Destroy> object_;
  const btf* btf_ = nullptr;
};

TEST_F(Abi, StructuresAreLaidOutAlikeOnBothSides) {
  for (const auto& [structure, ours] : layouts()) {
    const Layout theirs = layout(structure);
    EXPECT_EQ(theirs.size, ours.size) << structure;
    EXPECT_EQ(theirs.members, ours.members) << structure;
  }
}

// Keys are compared, and values copied, as bytes.
TEST_F(Abi, NoStructureHasBytesThatNoMemberOwns) {
  for (const auto& [structure, ours] : layouts()) {
    size_t owned = 0;
    for (const Member& member : ours.members) owned += member.size;
    EXPECT_EQ(owned, ours.size) << structure;
  }
}

TEST_F(Abi, MapsHoldWhatControlTakesThemToHold) {
  const auto expect = [&](const bpf_map* map, const std::string& key, const std::string& value) {
    EXPECT_EQ(describe(bpf_map__btf_key_type_id(map)), key) << bpf_map__name(map);
    EXPECT_EQ(describe(bpf_map__btf_value_type_id(map)), value) << bpf_map__name(map);
  };
  const auto& maps = object_->maps;
  expect(maps.interfaces, "struct interface_key", "struct interface_settings");
  expect(maps.local_addresses, "struct local_address_key", "struct local_address");
  expect(maps.local_prefixes, "struct local_address_key", "struct local_address");
  expect(maps.frontends, "struct frontend_key", "struct frontend_versions");
  expect(maps.backends, "struct backend_key", "struct backend");
  expect(maps.members, "struct member_key", "4 bytes");
  expect(maps.source_ranges, "struct source_range_key", "4 bytes");
  expect(maps.flows, "struct tuple", "struct flow");
  expect(maps.partners, "struct tuple", "struct partner");
  expect(maps.recent_flows, "4 bytes", "struct tuple");
  expect(maps.affinities, "struct affinity_key", "struct affinity");
  expect(maps.fragments, "struct fragment_key", "struct fragmented");
  expect(maps.held_datagrams, "struct fragment_key", "struct held");
}

}  // namespace
}  // namespace kubeproof::control
