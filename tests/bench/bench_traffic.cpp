#include "tests/bench/bench_traffic.h"

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"
#include "model/packet/translate.h"

namespace kubeproof {
namespace {

constexpr uint32_t kClientStart = 1000;
constexpr uint32_t kServerStart = 5000;
constexpr size_t kPayload = 100;

PacketBuilder answer_to(ByteView emission) {
  const PacketView view = *parse_packet(emission);
  return PacketBuilder::tcp(view.destination_endpoint(), view.source_endpoint())
      .ack(kClientStart + 1);
}

}  // namespace

SocketAddress bench_client() {
  return *SocketAddress::parse("10.180.0.9:40000");
}

SocketAddress bench_elsewhere() {
  return *SocketAddress::parse("198.51.100.1:443");
}

Bytes opening_segment(const SocketAddress& client, const SocketAddress& server) {
  return PacketBuilder::tcp(client, server).syn().seq(kClientStart).build();
}

Bytes data_segment(const SocketAddress& client, const SocketAddress& server) {
  return PacketBuilder::tcp(client, server)
      .seq(kClientStart + 1)
      .ack(kServerStart + 1)
      .psh()
      .payload_size(kPayload)
      .build();
}

Bytes opening_answer(ByteView emission) {
  return answer_to(emission).syn().seq(kServerStart).build();
}

Bytes data_answer(ByteView emission) {
  return answer_to(emission).psh().seq(kServerStart + 1).payload_size(kPayload).build();
}

NewFlows::NewFlows(const SocketAddress& server)
    : packet_(opening_segment(bench_client(), server)), view_(*parse_packet(packet_)) {}

ByteView NewFlows::next() {
  do {
    begin_another();
  } while (has_partial_checksum(packet_, view_));
  return packet_;
}

void NewFlows::begin_another() {
  constexpr uint16_t kFirstPort = 1024;
  constexpr uint32_t kPorts = 60000;
  constexpr uint32_t kAddresses = 60000;
  const auto port = static_cast<uint16_t>(kFirstPort + flows_ % kPorts);
  const uint32_t client = 256 + flows_ / kPorts % kAddresses;
  ++flows_;
  store16(packet_, 4, static_cast<uint16_t>(flows_));
  store16(packet_, 10, ipv4_header_checksum(packet_));
  rewrite_source(packet_, view_, {IpAddress::v4(0x0ab40000 + client), port});
}

}  // namespace kubeproof
