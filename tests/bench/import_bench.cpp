// Reading a capture, packet by packet: of raw IP, where each frame is a packet, and of
// `tcpdump -i any`, where each packet is two frames that have to be joined.
#include <pcap/dlt.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "model/packet/translate.h"
#include "replay/capture/capture_import.h"
#include "replay/capture/capture_writer.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/bench_traffic.h"
#include "tests/bench/registration.h"
#include "tests/temporary_folder.h"

namespace kubeproof {
namespace {

constexpr size_t kPackets = 20'000;
constexpr auto kBetweenPackets = std::chrono::microseconds(20);

// A header as cooked captures have it (Linux cooked v2).
Bytes cooked(uint32_t interface, uint8_t packet_type, ByteView packet) {
  constexpr size_t kHeaderSize = 20;
  Bytes frame(kHeaderSize + packet.size());
  store16(frame, 0, 0x0800);
  store32(frame, 4, interface);
  store16(frame, 8, 1);
  frame[10] = packet_type;
  std::copy(packet.begin(), packet.end(), frame.begin() + kHeaderSize);
  return frame;
}

constexpr uint8_t kIncoming = 0;
constexpr uint8_t kOutgoing = 4;

Result<void> write_raw(const std::string& path) {
  auto writer = CaptureWriter::create(path);
  if (!writer) return tl::unexpected(writer.error());
  NewFlows flows(bench_service(0));
  for (size_t i = 0; i < kPackets; ++i) writer->write(i * kBetweenPackets, flows.next());
  return writer->finish();
}

Result<void> write_cooked(const std::string& path) {
  auto writer = CaptureWriter::create(path, DLT_LINUX_SLL2);
  if (!writer) return tl::unexpected(writer.error());
  NewFlows flows(bench_service(0));
  const auto endpoint = *SocketAddress::parse("11.0.0.1:8080");
  for (size_t i = 0; i < kPackets; ++i) {
    const ByteView packet = flows.next();
    writer->write(i * kBetweenPackets, cooked(kBenchPod, kIncoming, packet));
    Bytes left(packet.begin(), packet.end());
    PacketView view = *parse_packet(left);
    rewrite_destination(left, view, endpoint);
    decrement_ttl(left, view);
    writer->write(i * kBetweenPackets + std::chrono::microseconds(3),
                  cooked(kBenchUplink, kOutgoing, left));
  }
  return writer->finish();
}

void run_import(benchmark::State& state, Result<void> (*write)(const std::string&)) {
  const TemporaryFolder folder;
  const std::string path = folder.file("bench.pcap");
  const Configuration configuration = bench_configuration(1);
  if (const auto written = write(path); !written) {
    return state.SkipWithError(written.error().message.c_str());
  }
  CapturedPacket packet;
  for ([[maybe_unused]] auto iteration : state) {
    auto import = CaptureImport::open({path}, configuration.world);
    if (!import) return state.SkipWithError(import.error().message.c_str());
    size_t packets = 0;
    while (import->next(packet)) ++packets;
    if (packets != kPackets) return state.SkipWithError("not every packet was imported");
  }
  state.counters["each"] = kPackets;
}

}  // namespace

void register_import() {
  register_benchmark("import/raw_ip",
                     [](benchmark::State& state) { run_import(state, write_raw); });
  register_benchmark("import/any_interface",
                     [](benchmark::State& state) { run_import(state, write_cooked); });
}

}  // namespace kubeproof
