#include "replay/report/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "replay/report/json_report.h"
#include "replay/report/text_report.h"
#include "replay/report/text_table.h"

namespace kubeproof {
namespace {

ColumnReport ran(std::string name) {
  ColumnReport column;
  column.name = std::move(name);
  column.packets = 1234;
  column.agree = 1234;
  column.fates[0] = 1234;
  return column;
}

Report well() {
  Report report;
  report.command = "replay";
  report.inputs = {"lab.pcap"};
  report.node = "node-a";
  report.services = 14;
  report.endpoints = 1;
  report.engines = {ran("netfilter"), ran("ebpf-tc")};
  return report;
}

Report diverged() {
  Report report = well();
  ColumnReport& column = report.engines[1];
  column.agree = 1229;
  column.diverge = 1;
  column.consequences = 4;
  DivergenceReport divergence;
  divergence.number = 1;
  divergence.source = "lab.pcap frame 17";
  divergence.ingress = "uplink (eth0)";
  divergence.packet = "10.0.0.1:4000 > 10.96.0.10:80 TCP [S]";
  divergence.disagreement.difference.add(DifferenceKind::kDestinationPort,
                                         "destination port 8080 (0x1f90), expected 80 (0x0050)");
  divergence.disagreement.seen = "out of pod1";
  divergence.disagreement.permitted = {"out of pod1, rightly"};
  divergence.disagreement.outcomes = 3;
  divergence.disagreement.rules = {"nat PREROUTING"};
  divergence.decisions = {"picked endpoint 4"};
  divergence.consequences = 4;
  divergence.case_file = "out/1.json";
  divergence.case_command = "kubeproof run --engine ebpf-tc out/1.json";
  column.divergences.push_back(divergence);
  return report;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Verdict, IsEquivalentWhenEveryEngineAgrees) {
  EXPECT_EQ(verdict_of(well()), RunVerdict::kEquivalent);
  EXPECT_EQ(exit_status(verdict_of(well())), 0);
}

TEST(Verdict, IsDivergentForOneDivergence) {
  EXPECT_EQ(exit_status(verdict_of(diverged())), 1);
}

TEST(Verdict, IsDivergentWhereTheCaptureContradictsTheReference) {
  Report report = well();
  report.captured = ran("captured");
  EXPECT_EQ(exit_status(verdict_of(report)), 0);
  report.captured->diverge = 1;
  EXPECT_EQ(exit_status(verdict_of(report)), 1);
}

TEST(Verdict, IsIncompleteWithoutAnEngineThatWasAskedFor) {
  Report report = well();
  report.engines[0].status = ColumnStatus::kSkipped;
  EXPECT_EQ(exit_status(verdict_of(report)), 0);
  report.engines[0].required = true;
  EXPECT_EQ(exit_status(verdict_of(report)), 3);
}

TEST(Verdict, IsIncompleteWhenAnEngineBrokeDown) {
  Report report = well();
  report.engines[0].status = ColumnStatus::kFailed;
  EXPECT_EQ(exit_status(verdict_of(report)), 3);
}

TEST(Verdict, IsIncompleteWhenNothingRan) {
  Report report = well();
  for (ColumnReport& column : report.engines) column.status = ColumnStatus::kSkipped;
  EXPECT_EQ(exit_status(verdict_of(report)), 3);
}

TEST(Verdict, IsEmptyWhereNothingWasCompared) {
  Report report = well();
  for (ColumnReport& column : report.engines) column.packets = 0;
  EXPECT_EQ(exit_status(verdict_of(report)), 2);
}

TEST(Verdict, IsNotSaidToHoldForPacketsThatNothingIsKnownOf) {
  Report report = well();
  report.engines[0].agree = 1000;
  report.engines[0].undecided = 234;
  EXPECT_EQ(exit_status(verdict_of(report)), 0);
  const std::string text = render_text(report, {});
  EXPECT_TRUE(contains(text, "equivalent as far as is known")) << text;
  EXPECT_FALSE(contains(text, "every packet")) << text;
}

TEST(Verdict, IsEmptyWhereEveryPacketIsUndecided) {
  Report report = well();
  for (ColumnReport& column : report.engines) column.undecided = column.packets;
  EXPECT_EQ(exit_status(verdict_of(report)), 2);
}

TEST(TextReport, SaysWhereACaptureIsDamaged) {
  Report report = well();
  report.import = {{"damaged_files",
                    "files that end in the middle",
                    1,
                    "",
                    true,
                    {"lab.pcap: after frame 3: nothing but zeros"}}};
  EXPECT_TRUE(contains(render_text(report, {}), "lab.pcap: after frame 3: nothing but zeros"));
}

TEST(TextReport, SaysFirstWhatWasComparedAndTheVerdict) {
  EXPECT_TRUE(
      render_text(well(), {})
          .starts_with(
              "kubeproof replay: lab.pcap on node node-a (14 services, 1 endpoint)\nequivalent: "))
      << render_text(well(), {});
}

TEST(TextReport, IsShortWhenAllIsWell) {
  const std::string text = render_text(well(), {});
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 8) << text;
}

TEST(TextReport, UsesColourOnlyWhenAsked) {
  EXPECT_FALSE(contains(render_text(diverged(), {}), "\x1b["));
  EXPECT_TRUE(contains(render_text(diverged(), {true, 10}), "\x1b["));
}

TEST(TextReport, TellsAllOfADivergence) {
  const std::string text = render_text(diverged(), {});
  for (const std::string_view part :
       {"NOT equivalent: ebpf-tc on 1 packet", "lab.pcap frame 17", "uplink (eth0)",
        "10.0.0.1:4000 > 10.96.0.10:80", "destination port 8080", "out of pod1, rightly",
        "2 more outcomes", "nat PREROUTING", "picked endpoint 4", "4 later packets",
        "kubeproof run --engine ebpf-tc out/1.json"}) {
    EXPECT_TRUE(contains(text, part)) << part << "\n" << text;
  }
}

// Two kinds: many of the first, in whose midst one of the second.
Report diverged_in_two_ways() {
  Report report = diverged();
  ColumnReport& column = report.engines[1];
  const DivergenceReport first = column.divergences.front();
  column.divergences.assign(20, first);
  column.diverge = 20;
  for (size_t i = 0; i < column.divergences.size(); ++i) {
    DivergenceReport& one = column.divergences[i];
    one.number = i + 1;
    one.source = "lab.pcap frame " + std::to_string(100 + i);
    one.cell = {ServiceKind::kClusterIp, i % 2 == 0 ? Origin::kPod : Origin::kOutside,
                Family::kIpv4, CellProtocol::kTcp};
  }
  Difference& second = column.divergences[12].disagreement.difference;
  second = {};
  second.add(DifferenceKind::kTtl, "TTL 62, expected 63");
  second.add(DifferenceKind::kChecksum, "UDP checksum wrong");
  column.divergences[12].is_reply = true;
  column.divergences[12].cell = {ServiceKind::kNodePort, Origin::kHost, Family::kIpv6,
                                 CellProtocol::kUdp};
  return report;
}

TEST(TextReport, TellsTheKindsOfDivergencesAndWhoseTrafficTheyMeet) {
  const std::string text = render_text(diverged_in_two_ways(), {});
  EXPECT_TRUE(contains(
      text, "     19      1  destination port          ClusterIP from pod, outside (IPv4 TCP)"))
      << text;
  EXPECT_TRUE(
      contains(text, "      1     13  ttl, checksum of replies  NodePort from host (IPv6 UDP)"))
      << text;
}

TEST(TextReport, ShowsAnExampleOfEveryKind) {
  const std::string text = render_text(diverged_in_two_ways(), {});
  EXPECT_TRUE(contains(text, "lab.pcap frame 100,")) << text;
  EXPECT_TRUE(contains(text, "lab.pcap frame 101,")) << text;
  EXPECT_TRUE(contains(text, "lab.pcap frame 112,")) << text;
  EXPECT_FALSE(contains(text, "lab.pcap frame 102,")) << text;
  EXPECT_TRUE(contains(text, "… and 17 more")) << text;
}

TEST(TextReport, HasAColumnForWhatTheCapturedNodeKept) {
  Report report = well();
  EXPECT_FALSE(contains(render_text(report, {}), "stayed"));
  report.captured = ran("captured");
  EXPECT_TRUE(contains(render_text(report, {}), "stayed"));
  report.captured->not_shown = report.captured->packets;
  EXPECT_FALSE(contains(render_text(report, {}), "stayed"));
  EXPECT_TRUE(contains(render_text(report, {}), "tcpdump -i any would show it"));
}

TEST(TextReport, AsksWhetherTheObjectsAreTheNodesWhereTheCaptureContradicts) {
  Report report = well();
  report.captured = ran("captured");
  EXPECT_FALSE(contains(render_text(report, {}), "at that time?"));
  report.captured->diverge = 1;
  EXPECT_TRUE(contains(render_text(report, {}), "at that time?"));
}

TEST(TextReport, NotesWhatIsOddAboutTheObjects) {
  Report report = well();
  report.notes = {"Services without an EndpointSlice: default/web"};
  EXPECT_TRUE(contains(render_text(report, {}), "note: Services without an EndpointSlice"));
}

TEST(TextReport, ShowsOnlySoManyDivergences) {
  Report report = diverged();
  report.engines[1].diverge = 30;
  EXPECT_TRUE(contains(render_text(report, {false, 1}), "… and 29 more"));
}

TEST(TextReport, SaysWhyAnEngineWasSkipped) {
  Report report = well();
  report.engines[0].status = ColumnStatus::kSkipped;
  report.engines[0].reason = "needs CAP_NET_ADMIN";
  EXPECT_TRUE(contains(render_text(report, {}), "netfilter skipped: needs CAP_NET_ADMIN"));
}

TEST(TextReport, CountsTrafficByServiceAndOrigin) {
  Report report = well();
  report.engines[0]
      .cells[{ServiceKind::kNodePort, Origin::kOutside, Family::kIpv6, CellProtocol::kUdp}] = 77;
  const std::string text = render_text(report, {});
  EXPECT_TRUE(contains(text, "IPv6 UDP")) << text;
  EXPECT_TRUE(contains(text, "NodePort, outside")) << text;
}

TEST(JsonReport, HasTheDocumentedFields) {
  const auto json = nlohmann::json::parse(render_json(diverged()));
  EXPECT_EQ(json["verdict"], "divergent");
  EXPECT_EQ(json["exit_status"], 1);
  const auto& engine = json["engines"][1];
  EXPECT_EQ(engine["name"], "ebpf-tc");
  EXPECT_EQ(engine["fates"]["forwarded"], 1234);
  const auto& divergence = engine["divergences"][0];
  EXPECT_EQ(divergence["differences"][0]["kind"], "destination-port");
  EXPECT_EQ(divergence["case"], "out/1.json");
  EXPECT_EQ(divergence["consequences"], 4);
}

TEST(JsonReport, SurvivesFileNamesThatAreNoText) {
  Report report = well();
  report.inputs = {"\xff.pcap"};
  EXPECT_TRUE(nlohmann::json::accept(render_json(report)));
}

TEST(TextTable, AlignsItsColumns) {
  TextTable table;
  table.add_row({"a", "100"});
  table.add_row({"long", "2"});
  EXPECT_EQ(table.render(1), " a     100\n long    2\n");
}

TEST(TextTable, GroupsDigits) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(1234567), "1,234,567");
}

TEST(CellCounts, KeepEveryCellApart) {
  CellCounts counts;
  uint64_t next = 0;
  for (size_t row = 0; row < kServiceKinds * kCellPolicies; ++row) {
    for (size_t origin = 0; origin < kOrigins; ++origin) {
      for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        for (size_t protocol = 0; protocol < kCellProtocols; ++protocol) {
          counts[{static_cast<ServiceKind>(row / kCellPolicies), static_cast<Origin>(origin),
                  family, static_cast<CellProtocol>(protocol),
                  static_cast<CellPolicy>(row % kCellPolicies)}] = ++next;
        }
      }
    }
  }
  uint64_t seen = 0;
  counts.for_each([&](const TrafficCell& cell, uint64_t count) {
    EXPECT_EQ(count, ++seen);
    EXPECT_EQ(counts[cell], count);
  });
  EXPECT_EQ(seen, CellCounts::kCells);
}

}  // namespace
}  // namespace kubeproof
