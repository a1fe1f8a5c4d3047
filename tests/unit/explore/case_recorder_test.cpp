// What is kept of a scenario is what it was.
#include "replay/explore/case_recorder.h"

#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"
#include "replay/case/node_json.h"
#include "replay/case/read_case.h"
#include "replay/case/write_case.h"
#include "replay/explore/cluster_json.h"
#include "replay/explore/generate_scenario.h"
#include "tests/temporary_folder.h"

namespace kubeproof::explore {
namespace {

class CaseRecorderTest : public testing::Test {
 protected:
  // As it is read after it was written.
  Case again(const Case& written) {
    const std::string path = folder_.file("case.json");
    EXPECT_TRUE(write_case(written, path));
    auto read = read_case(path);
    EXPECT_TRUE(read) << read.error().message;
    return read ? *std::move(read) : Case{};
  }

  TemporaryFolder folder_;
};

TEST_F(CaseRecorderTest, EveryGeneratedScenarioComesBack) {
  for (uint64_t seed = 1; seed < 60; ++seed) {
    const Scenario scenario = generate_scenario(seed, {.flows = 1, .steps = 1}, {});
    CaseRecorder recorder(scenario);
    for (const Cluster& cluster : scenario.clusters) recorder.program(cluster);
    const Case back = again(recorder.finish("x", "y"));

    EXPECT_EQ(proxy_json(back.snapshot.proxy), proxy_json(scenario.proxy)) << seed;
    const auto& interfaces = back.world.interfaces;
    ASSERT_EQ(interfaces.size(), scenario.world.interfaces.size()) << seed;
    for (size_t i = 0; i < interfaces.size(); ++i) {
      EXPECT_EQ(interfaces[i].name, scenario.world.interfaces[i].name) << seed;
    }
    Objects objects = back.snapshot.objects;
    for (const kubeproof::Step& step : back.steps) {
      if (const auto* apply = std::get_if<ApplyStep>(&step)) objects.apply(apply->objects);
      const auto* gone = std::get_if<DeleteStep>(&step);
      for (const ObjectId& id : gone == nullptr ? std::vector<ObjectId>{} : gone->objects) {
        EXPECT_TRUE(objects.erase(id)) << seed << " " << id.to_string();
      }
    }
    // Written anew from what was read of it.
    EXPECT_EQ(objects_of(objects.cluster).json, objects_of(scenario.clusters.back()).json) << seed;
  }
}

TEST_F(CaseRecorderTest, PacketsKeepTheirBytesTheirOrderAndTheTimeBetweenThem) {
  const Scenario scenario = generate_scenario(1, {.flows = 1, .steps = 1}, {});
  const Bytes first = PacketBuilder::udp("10.180.0.9:1", "10.96.0.10:53").build();
  const Bytes second = PacketBuilder::tcp("192.168.0.2:1", "10.96.0.10:80").syn().build();
  CaseRecorder recorder(scenario);
  recorder.program(scenario.clusters[0]);
  recorder.packet({scenario.world.ingress_for_source(*IpAddress::parse("10.180.0.9")), first, 7});
  recorder.advance(std::chrono::seconds(200));
  recorder.packet({Ingress::host(), second, 0});

  const Case back = again(recorder.finish("x", "y"));
  ASSERT_EQ(back.steps.size(), 3U);
  const auto& pod = std::get<kubeproof::PacketStep>(back.steps[0]);
  EXPECT_EQ(pod.packet, first);
  EXPECT_EQ(pod.mark, 7U);
  EXPECT_EQ(pod.ingress, back.world.ingress_for_source(*IpAddress::parse("10.180.0.9")));
  EXPECT_EQ(std::get<kubeproof::AdvanceStep>(back.steps[1]).duration, std::chrono::seconds(200));
  const auto& host = std::get<kubeproof::PacketStep>(back.steps[2]);
  EXPECT_EQ(host.packet, second);
  EXPECT_TRUE(host.ingress.is_host());
}

}  // namespace
}  // namespace kubeproof::explore
