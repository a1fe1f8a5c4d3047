// Captures made in the test: frames of every link type, written with libpcap into a temporary file,
// and a node whose world they were taken in.
#pragma once

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <array>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "model/packet/packet_builder.h"
#include "replay/capture/capture_import.h"
#include "tests/temporary_folder.h"

namespace kubeproof {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Packet types of cooked headers.
constexpr uint8_t kToUs = 0;
constexpr uint8_t kToOthers = 3;
constexpr uint8_t kOutgoing = 4;

// Interface indices of the captured node.
constexpr uint32_t kEth0 = 2;
constexpr uint32_t kVeth1 = 10;
constexpr uint32_t kBridge = 20;

inline void append16(Bytes& bytes, uint16_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

inline Bytes concatenate(Bytes head, ByteView tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

inline uint16_t ether_type_of(ByteView packet) {
  return packet[0] >> 4 == 6 ? 0x86dd : 0x0800;
}

inline Bytes ethernet(uint8_t from, uint8_t to, ByteView packet) {
  Bytes frame = {2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from};
  append16(frame, ether_type_of(packet));
  return concatenate(std::move(frame), packet);
}

inline Bytes cooked_v1(uint8_t packet_type, ByteView packet, uint16_t hardware = 1) {
  Bytes frame = {0, packet_type};
  append16(frame, hardware);
  append16(frame, 6);
  frame.resize(14);
  append16(frame, ether_type_of(packet));
  return concatenate(std::move(frame), packet);
}

inline Bytes cooked_v2(uint8_t packet_type, uint32_t interface, ByteView packet,
                       uint16_t hardware = 1) {
  Bytes frame;
  append16(frame, ether_type_of(packet));
  append16(frame, 0);
  append16(frame, static_cast<uint16_t>(interface >> 16));
  append16(frame, static_cast<uint16_t>(interface));
  append16(frame, hardware);
  frame.push_back(packet_type);
  frame.resize(20);
  return concatenate(std::move(frame), packet);
}

// As the kernel logs it: a packet header attribute with the hook, then the payload.
inline Bytes nflog(uint8_t hook, ByteView packet) {
  Bytes frame = {packet[0] >> 4 == 6 ? uint8_t{10} : uint8_t{2}, 0, 0, 5};
  const auto attribute = [&](uint16_t type, ByteView value) {
    const auto length = static_cast<uint16_t>(4 + value.size());
    frame.push_back(static_cast<uint8_t>(length));
    frame.push_back(static_cast<uint8_t>(length >> 8));
    frame.push_back(static_cast<uint8_t>(type));
    frame.push_back(static_cast<uint8_t>(type >> 8));
    frame.insert(frame.end(), value.begin(), value.end());
    frame.resize((frame.size() + 3) / 4 * 4);
  };
  Bytes header;
  append16(header, ether_type_of(packet));
  header.push_back(hook);
  header.push_back(0);
  attribute(1, header);
  attribute(10, Bytes{0});  // an empty prefix
  attribute(9, packet);
  return frame;
}

inline Bytes logged_output(ByteView packet) {
  return nflog(3, packet);
}

inline Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, ByteView bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class CaptureTest : public testing::Test {
 protected:
  struct TestFrame {
    microseconds time;
    Bytes bytes;
    uint32_t wire_length = 0;  // 0: as captured
  };

  CaptureTest() {
    Interface loopback;
    loopback.index = 1;
    loopback.name = "lo";
    loopback.kind = InterfaceKind::kLoopback;
    Interface uplink;
    uplink.index = kEth0;
    uplink.name = "eth0";
    uplink.kind = InterfaceKind::kUplink;
    for (const char* text : {"192.168.0.2", "2001:db8::2"}) {
      uplink.addresses.emplace_back().address = *IpAddress::parse(text);
    }
    Interface pod;
    pod.index = kVeth1;
    pod.name = "pod1";
    pod.kind = InterfaceKind::kPod;
    world_.interfaces = {loopback, uplink, pod};
    for (const char* text : {"10.180.0.1/32", "fd00:180::1/128"}) {
      Route route;
      route.destination = *Cidr::parse(text);
      route.interface = kVeth1;
      world_.routes.push_back(route);
    }
  }

  std::string path(const std::string& name) const { return folder_.file(name); }

  std::string write_capture(const std::string& name, int link_type,
                            const std::vector<TestFrame>& frames) {
    const std::unique_ptr<pcap, void (*)(pcap*)> dead(pcap_open_dead(link_type, 262144),
                                                      &pcap_close);
    const std::unique_ptr<pcap_dumper, void (*)(pcap_dumper*)> dumper(
        pcap_dump_open(dead.get(), path(name).c_str()), &pcap_dump_close);
    for (const TestFrame& frame : frames) {
      pcap_pkthdr header{};
      header.ts.tv_sec = frame.time.count() / 1000000;
      header.ts.tv_usec = frame.time.count() % 1000000;
      header.caplen = static_cast<uint32_t>(frame.bytes.size());
      header.len = frame.wire_length != 0 ? frame.wire_length : header.caplen;
      pcap_dump(reinterpret_cast<u_char*>(dumper.get()), &header, frame.bytes.data());
    }
    return path(name);
  }

  // Everything that the import gives; the summary is kept.
  std::vector<CapturedPacket> import(const std::vector<std::string>& files,
                                     const ImportOptions& options = {}) {
    auto opened = CaptureImport::open(files, world_, options);
    EXPECT_TRUE(opened) << opened.error().message;
    std::vector<CapturedPacket> packets;
    CapturedPacket packet;
    while (opened && opened->next(packet)) packets.push_back(packet);
    if (opened) summary_ = opened->summary();
    return packets;
  }

  // A capture of `-i any` (cooked v2).
  std::vector<CapturedPacket> import_any(const std::vector<TestFrame>& frames,
                                         const ImportOptions& options = {}) {
    return import({write_capture("any.pcap", DLT_LINUX_SLL2, frames)}, options);
  }

  uint64_t count(ImportNote note) const { return summary_[note].count; }

  TemporaryFolder folder_;
  World world_;
  ImportSummary summary_;
};

}  // namespace kubeproof
