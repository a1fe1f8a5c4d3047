#include "model/proxier/categorize.h"

#include <gtest/gtest.h>

namespace kubeproof::proxier {
namespace {

// One endpoint, told by its letters: l local, r ready, s serving, t terminating, n hinted to this
// node, N to another node, z to this zone, Z to another zone.
Endpoint endpoint(const std::string& letters, const std::string& id) {
  const auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
  Endpoint result;
  result.id = id;
  result.local = has('l');
  result.ready = has('r');
  result.serving = has('s') || has('r');
  result.terminating = has('t');
  result.has_node_hints = has('n') || has('N');
  result.hinted_to_node = has('n');
  result.has_zone_hints = has('z') || has('Z');
  result.hinted_to_zone = has('z');
  return result;
}

std::string ids(const std::vector<const Endpoint*>& endpoints) {
  std::string result;
  for (const Endpoint* each : endpoints) result += each->id;
  return result;
}

struct Situation {
  const char* name;
  bool internal_local;
  bool external_local;
  bool external;  // has a node port
  std::vector<const char*> endpoints;
  // Their places, "0", "1", … in the order given.
  const char* cluster;
  const char* local;
  const char* reachable;
  bool has_any;
};

class Categorize : public testing::TestWithParam<Situation> {};

TEST_P(Categorize, ChoosesAsKubeProxy) {
  const Situation& situation = GetParam();
  ServicePortInfo port;
  port.internal_policy_local = situation.internal_local;
  port.external_policy_local = situation.external_local;
  port.node_port = situation.external ? 30080 : 0;
  std::vector<Endpoint> endpoints;
  for (const char* letters : situation.endpoints) {
    endpoints.push_back(endpoint(letters, std::to_string(endpoints.size())));
  }
  const Categorized result = categorize(port, endpoints, Release(ProxyConfig{}));
  EXPECT_EQ(ids(result.cluster), situation.cluster);
  EXPECT_EQ(ids(result.local), situation.local);
  EXPECT_EQ(ids(result.reachable), situation.reachable);
  EXPECT_EQ(result.has_any, situation.has_any);
}

constexpr bool kInternalLocal = true;
constexpr bool kExternalLocal = true;
constexpr bool kExternal = true;

INSTANTIATE_TEST_SUITE_P(
    Endpoints, Categorize,
    testing::Values(
        Situation{"None", false, false, false, {}, "", "", "", false},
        Situation{"AllReady", false, false, false, {"r", "lr"}, "01", "", "01", true},
        Situation{"OnlyReadyOnes", false, false, false, {"r", "", "s"}, "0", "", "0", true},
        Situation{"ReadyThoughTerminating", false, false, false, {"rt", "st"}, "0", "", "0", true},
        Situation{"NotServing", false, false, false, {"", "t", "s"}, "", "", "", false},
        Situation{
            "FallBackOnTerminating", false, false, false, {"st", "t", "lst"}, "02", "", "02", true},

        Situation{"InternalLocal", kInternalLocal, false, false, {"r", "lr"}, "", "1", "1", true},
        Situation{
            "InternalLocalWithoutLocal", kInternalLocal, false, false, {"r"}, "", "", "", true},
        Situation{
            "InternalLocalWithoutAny", kInternalLocal, false, false, {"s"}, "", "", "", false},
        Situation{"InternalLocalFallsBack",
                  kInternalLocal,
                  false,
                  false,
                  {"r", "lst"},
                  "",
                  "1",
                  "1",
                  true},
        Situation{"InternalLocalElsewhereTerminating",
                  kInternalLocal,
                  false,
                  false,
                  {"st"},
                  "",
                  "",
                  "",
                  true},
        Situation{"InternalLocalButExternal",
                  kInternalLocal,
                  false,
                  kExternal,
                  {"r", "lr"},
                  "01",
                  "1",
                  "01",
                  true},

        Situation{
            "ExternalLocal", false, kExternalLocal, kExternal, {"r", "lr"}, "01", "1", "01", true},
        Situation{"ExternalLocalOfNothing",
                  false,
                  kExternalLocal,
                  false,
                  {"r", "lr"},
                  "01",
                  "",
                  "01",
                  true},
        Situation{"BothFallBackByThemselves",
                  false,
                  kExternalLocal,
                  kExternal,
                  {"r", "lst"},
                  "0",
                  "1",
                  "01",
                  true},
        Situation{"LocalPrefersReady",
                  false,
                  kExternalLocal,
                  kExternal,
                  {"lr", "lst"},
                  "0",
                  "0",
                  "0",
                  true},

        Situation{"ZoneHints", false, false, false, {"rz", "rZ", "rzZ"}, "02", "", "02", true},
        Situation{"ZoneHintsOfAll", false, false, false, {"rz", "r"}, "01", "", "01", true},
        Situation{"ZoneHintsForUs", false, false, false, {"rZ", "rZ"}, "01", "", "01", true},
        Situation{
            "ZoneHintsOfReadyOnes", false, false, false, {"rz", "rZ", "s"}, "0", "", "0", true},
        Situation{"NodeHintsFirst", false, false, false, {"rnZ", "rNz"}, "0", "", "0", true},
        Situation{
            "ZoneHintsWithoutNodeHints", false, false, false, {"rNz", "rNZ"}, "0", "", "0", true},
        Situation{"NoHintsInFallback", false, false, false, {"stz", "stZ"}, "01", "", "01", true},
        Situation{"NoHintsForLocal",
                  false,
                  kExternalLocal,
                  kExternal,
                  {"rz", "lrZ"},
                  "0",
                  "1",
                  "01",
                  true}),
    [](const auto& info) { return info.param.name; });

TEST(Categorize, LeavesHintsAloneWhereTheyDoNotCount) {
  ServicePortInfo port;
  port.hints_count = false;
  const std::vector<Endpoint> endpoints = {endpoint("rz", "0"), endpoint("rZ", "1")};
  EXPECT_EQ(ids(categorize(port, endpoints, Release(ProxyConfig{})).cluster), "01");
}

Release release_of(uint8_t minor) {
  ProxyConfig config;
  config.release_minor = minor;
  return Release(config);
}

TEST(Categorize, FallsBackOnTerminatingSince126) {
  ServicePortInfo port;
  port.external_policy_local = true;
  port.node_port = 30080;
  const std::vector<Endpoint> leaving = {endpoint("st", "0"), endpoint("lst", "1")};
  for (const uint8_t minor : {20, 23, 24, 25, 26}) {
    const Categorized result = categorize(port, leaving, release_of(minor));
    EXPECT_EQ(ids(result.cluster), minor < 26 ? "" : "01") << int{minor};
    EXPECT_EQ(ids(result.local), minor < 26 ? "" : "1") << int{minor};
    EXPECT_EQ(result.has_any, minor >= 26) << int{minor};
  }
}

TEST(Categorize, UpTo123TheInternalPolicyIsForAllTraffic) {
  ServicePortInfo port;
  port.internal_policy_local = true;
  port.node_port = 30080;
  const std::vector<Endpoint> both = {endpoint("r", "0"), endpoint("lr", "1")};
  EXPECT_EQ(ids(categorize(port, both, release_of(23)).cluster), "1");
  EXPECT_EQ(ids(categorize(port, both, release_of(24)).cluster), "01");
  // Without one here the traffic is rejected, not dropped.
  const std::vector<Endpoint> elsewhere = {endpoint("r", "0")};
  EXPECT_FALSE(categorize(port, elsewhere, release_of(23)).has_any);
  EXPECT_TRUE(categorize(port, elsewhere, release_of(24)).has_any);
  // Where the external policy is Local too, only that counts.
  port.external_policy_local = true;
  const Categorized result = categorize(port, both, release_of(23));
  EXPECT_EQ(ids(result.cluster), "01");
  EXPECT_EQ(ids(result.local), "1");
  EXPECT_EQ(ids(result.reachable), "01");
}

}  // namespace
}  // namespace kubeproof::proxier
