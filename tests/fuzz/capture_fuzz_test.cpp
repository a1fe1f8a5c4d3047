// Damaged captures: whatever the bytes, the import ends, either with one line of error or having
// accounted for every frame, and what it gives are packets that the reference can judge.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "model/packet/packet_view.h"
#include "replay/capture/capture_import.h"
#include "replay/capture/capture_survey.h"
#include "replay/compare/captured.h"
#include "replay/engine/reference.h"
#include "tests/fuzz/fuzz_run.h"
#include "tools/kubeproof/snapshot_options.h"

namespace kubeproof::fuzz {
namespace {

constexpr size_t kPcapHeader = 24;
constexpr size_t kRecordHeader = 16;

uint32_t number_at(const std::string& bytes, size_t at) {
  uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

void append(std::string& bytes, uint32_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// Some consecutive records of a capture, as a capture.
std::string some_records(const std::string& capture, Random& random) {
  std::vector<size_t> records;
  for (size_t at = kPcapHeader; at + kRecordHeader <= capture.size();
       at += kRecordHeader + number_at(capture, at + 8)) {
    records.push_back(at);
  }
  records.push_back(capture.size());
  const size_t first = below(random, records.size() - 1);
  const size_t last = std::min(records.size() - 1, first + 1 + below(random, 40));
  return capture.substr(0, kPcapHeader) +
         capture.substr(records[first], records[last] - records[first]);
}

// The same as pcapng: a section, an interface, a block for each record.
std::string as_pcapng(const std::string& capture) {
  std::string blocks;
  const auto block = [&](uint32_t type, std::string body) {
    body.resize((body.size() + 3) / 4 * 4);
    append(blocks, type);
    append(blocks, static_cast<uint32_t>(body.size() + 12));
    blocks += body;
    append(blocks, static_cast<uint32_t>(body.size() + 12));
  };
  std::string section;
  for (const uint32_t word : {0x1a2b3c4dU, 1U, UINT32_MAX, UINT32_MAX}) append(section, word);
  block(0x0a0d0d0a, section);
  std::string interface;
  append(interface, number_at(capture, 20) & 0xffff);  // link type
  append(interface, 262144);
  block(1, interface);
  for (size_t at = kPcapHeader; at + kRecordHeader <= capture.size();) {
    const uint32_t size = number_at(capture, at + 8);
    const uint64_t time = uint64_t{number_at(capture, at)} * 1000000 + number_at(capture, at + 4);
    std::string packet;
    append(packet, 0);
    append(packet, static_cast<uint32_t>(time >> 32));
    append(packet, static_cast<uint32_t>(time));
    append(packet, size);
    append(packet, number_at(capture, at + 12));
    block(6, packet + capture.substr(at + kRecordHeader, size));
    at += kRecordHeader + size;
  }
  return blocks;
}

class CaptureFuzz : public testing::Test {
 protected:
  CaptureFuzz() {
    SnapshotFiles files;
    files.cluster = {"corpus/lab/cluster.yaml"};
    files.node = "node-a";
    files.interfaces = "corpus/lab/node-a-addr.json";
    files.routes = {"corpus/lab/node-a-route.json", "corpus/lab/node-a-route6.json"};
    configuration_ = configure(read_snapshot(files).value(), {}).value();
  }

  void import(const std::vector<std::string>& files) {
    const auto survey = survey_captures(files, {});
    auto import = CaptureImport::open(files, configuration_.world, {true});
    ASSERT_EQ(survey.has_value(), import.has_value());
    if (!import) {
      const std::string& message = import.error().message;
      EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 0) << message;
      return;
    }
    CapturedCheck check(std::make_unique<Reference>(), configuration_.world);
    ASSERT_TRUE(check.program(configuration_));
    CapturedPacket captured;
    while (import->next(captured)) {
      const auto view = parse_packet(captured.packet);
      ASSERT_TRUE(view);
      EXPECT_EQ(view->total_length, captured.packet.size());
      check.check(captured);
    }
    EXPECT_EQ(import->summary().frames, survey->frames);
  }

  Configuration configuration_;
};

TEST_F(CaptureFuzz, EndsAndAccountsForEveryFrame) {
  const std::string any = read_whole("corpus/lab/node-a.pcap");
  const std::string host = read_whole("corpus/lab/node-a-host.pcap");
  FuzzRun run;
  while (run.next()) {
    std::string first = some_records(any, run.random());
    std::string second = some_records(host, run.random());
    if (run.random()() % 3 == 0) first = as_pcapng(first);
    mutate(first, {}, run.random());
    if (run.random()() % 2 == 0) mutate(second, {}, run.random());
    SCOPED_TRACE(run.describe());
    import({run.write("any.pcap", first), run.write("host.pcap", second)});
  }
}

}  // namespace
}  // namespace kubeproof::fuzz
