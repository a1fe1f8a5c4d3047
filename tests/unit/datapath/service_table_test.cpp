#include "datapath/control/service_table.h"

#include <gtest/gtest.h>

#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

class ServiceTableTest : public ::testing::Test {
 protected:
  // At 10.96.0.10:80, with one endpoint or none.
  static std::vector<ServiceEntry> claim(const std::string& service, bool has_endpoints) {
    ServiceEntry entry{.name = {.service = {"default", service}, .port = ""}, .endpoints = {}};
    entry.frontends = {{.at = {*IpAddress::parse("10.96.0.10"), 80},
                        .flags = has_endpoints ? uint32_t{abi::FRONTEND_HAS_ENDPOINTS} : 0}};
    return {entry};
  }

  // Of services s1000, s1001 and so on, each for a part of the clients only.
  static ServiceTable::NewEntries claims_for_some(int count) {
    ServiceTable::NewEntries entries;
    for (int i = 0; i < count; ++i) {
      const std::string name = "s" + std::to_string(1000 + i);
      auto& list = entries[{"default", name}] = claim(name, true);
      list[0].frontends[0].flags |= abi::FRONTEND_SOURCE_RANGES;
    }
    return entries;
  }

  // Who has the frontend after the change.
  std::string change(const ServiceTable::NewEntries& entries) {
    const TableChange change = table_.plan(entries).value();
    table_.take_over(entries);
    EXPECT_EQ(change.frontends.size(), 1u);
    const auto& owners = change.frontends.begin()->second;
    return owners.empty() ? "nobody" : owners.front().service.service.name;
  }
  std::string change(const std::string& service, std::vector<ServiceEntry> entries) {
    return change({{{"default", service}, std::move(entries)}});
  }

  ServiceTable table_;
};

TEST_F(ServiceTableTest, TheFirstServiceInOrderHasAFrontendThatTwoClaim) {
  EXPECT_EQ(change("b", claim("b", true)), "b");
  EXPECT_EQ(change("a", claim("a", true)), "a");
  EXPECT_EQ(change("c", claim("c", true)), "a");
}

TEST_F(ServiceTableTest, OneWithEndpointsComesBeforeOneWithout) {
  EXPECT_EQ(change("a", claim("a", false)), "a");
  EXPECT_EQ(change("b", claim("b", true)), "b");
  EXPECT_EQ(change("b", claim("b", false)), "a");
}

TEST_F(ServiceTableTest, WhatOneLeavesGoesToTheNext) {
  change("a", claim("a", true));
  change("b", claim("b", true));
  EXPECT_EQ(change("a", {}), "b");
  EXPECT_EQ(change("b", {}), "nobody");
}

TEST_F(ServiceTableTest, ARenamedServiceHandsItsFrontendOver) {
  change("a", claim("a", true));
  EXPECT_EQ(change({{{"default", "a"}, {}}, {{"default", "b"}, claim("b", true)}}), "b");
}

TEST_F(ServiceTableTest, OtherServicesAreNotPartOfAChange) {
  change("a", claim("a", true));
  auto other = claim("b", true);
  other[0].frontends[0].at.port = 81;
  const TableChange change = table_.plan({{{"default", "b"}, other}}).value();
  EXPECT_EQ(change.services.size(), 1u);
  EXPECT_EQ(change.frontends.size(), 1u);
}

TEST_F(ServiceTableTest, AllThatMayLeadAreAskedInTurn) {
  ServiceTable::NewEntries entries = claims_for_some(FRONTENDS_AT_ONE_PLACE - 1);
  entries[{"default", "z"}] = claim("z", true);
  entries[{"default", "zz"}] = claim("zz", true);
  const TableChange change = table_.plan(entries).value();
  const auto& owners = change.frontends.begin()->second;
  ASSERT_EQ(owners.size(), size_t{FRONTENDS_AT_ONE_PLACE});
  EXPECT_EQ(owners.front().service.service.name, "s1000");
  EXPECT_EQ(owners.back().service.service.name, "z") << "which takes all, so that zz has none";
}

TEST_F(ServiceTableTest, MoreThanAreAskedAtOnePlaceAreAnError) {
  const auto change = table_.plan(claims_for_some(FRONTENDS_AT_ONE_PLACE + 1));
  ASSERT_FALSE(change);
  EXPECT_EQ(change.error().kind, ErrorKind::kEnvironment);
  EXPECT_EQ(change.error().message,
            "TCP 10.96.0.10:80: 257 services share it, and the datapath tells 256 apart");
}

TEST_F(ServiceTableTest, AnEarlierPlanChangesNothing) {
  change("a", claim("a", true));
  std::ignore = table_.plan({{{"default", "a"}, {}}});
  EXPECT_EQ(change("b", claim("b", true)), "a");
}

}  // namespace
}  // namespace kubeproof::control
