#include "replay/run/divergence_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "replay/case/read_case.h"
#include "replay/case/write_case.h"
#include "replay/run/relevant_objects.h"
#include "replay/run/run_case.h"

namespace kubeproof {
namespace {

constexpr size_t kCasesPerColumn = 10;
// Of packets that come before; a case of more is of no use to anybody.
constexpr size_t kMostPackets = 20'000;
// Attempts at leaving packets out, each of which is a run.
constexpr int kAttempts = 24;

constexpr std::chrono::nanoseconds kShortestPause = std::chrono::milliseconds(1);

// The captured node is held to the reference whichever engine runs beside it.
std::string engine_for(const ColumnReport& column) {
  return column.name == "captured" ? "reference" : column.name;
}

std::optional<DifferenceKind> kind_of(const DivergenceReport& divergence) {
  const auto& parts = divergence.disagreement.difference.parts;
  if (parts.empty()) return std::nullopt;
  return parts.front().kind;
}

std::vector<Step> timeline_of(const CapturedPackets& packets) {
  std::vector<Step> steps;
  std::chrono::nanoseconds last = packets.empty() ? std::chrono::nanoseconds{} : packets[0].time;
  for (const CapturedPacket& packet : packets) {
    if (packet.time - last >= kShortestPause) {
      const auto pause = (packet.time - last) / kShortestPause * kShortestPause;
      steps.emplace_back(AdvanceStep{pause});
      last += pause;
    }
    steps.emplace_back(CapturedStep{packet});
  }
  return steps;
}

// One divergence, and the case that is being made of it.
class CaseMaker {
 public:
  CaseMaker(const DivergenceCases& cases, const ColumnReport& column,
            const DivergenceReport& divergence)
      : cases_(cases), column_(column), divergence_(divergence) {}

  // The file; empty where nothing shows the divergence again.
  Result<std::string> make() {
    if (!kind_of(divergence_)) return std::string();
    auto packets = enough_packets();
    if (!packets) return tl::unexpected(packets.error());
    if (packets->empty()) return std::string();
    leave_out(*packets);
    for (const Relevance relevance : {Relevance::kFrontends, Relevance::kEndpoints}) {
      auto file = write(case_of(*packets, relevant_objects(cases_.snapshot.objects, *packets,
                                                           cases_.snapshot.node.name, relevance)));
      if (!file || !file->empty()) return file;
    }
    return write(case_of(*packets, cases_.snapshot.objects));
  }

 private:
  // The fewest that show it while nothing else diverges, or else that show it at all.
  Result<CapturedPackets> enough_packets() {
    const FramePlace& place = divergence_.place;
    CapturedPackets enough;
    for (int widening = 0; widening < 3; ++widening) {
      auto packets = widening == 0 ? packets_of_flow(cases_.captures, cases_.world, place)
                     : widening == 1
                         ? packets_around_flow(cases_.captures, cases_.world, place)
                         : packets_before(cases_.captures, cases_.world, place, kMostPackets);
      if (!packets) return packets;
      if (packets->empty()) continue;
      const auto others = shows(case_of(*packets, cases_.snapshot.objects));
      if (!others || (!enough.empty() && *others >= most_others_)) continue;
      enough = *std::move(packets);
      most_others_ = *others;
      if (most_others_ == 0) break;
    }
    return enough;
  }

  // In ever smaller pieces, all but the packet that diverges (Zeller's ddmin, with an end).
  void leave_out(CapturedPackets& packets) {
    int attempts = kAttempts;
    for (size_t piece = packets.size() / 2; piece > 0; piece /= 2) {
      for (size_t at = 0; at + piece < packets.size() && attempts > 0;) {
        CapturedPackets fewer = packets;
        const auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(at);
        fewer.erase(begin, begin + static_cast<std::ptrdiff_t>(piece));
        --attempts;
        if (still_shows(case_of(fewer, cases_.snapshot.objects))) {
          packets = std::move(fewer);
        } else {
          at += piece;
        }
      }
    }
  }

  Case case_of(const CapturedPackets& packets, Objects objects) const {
    Case made;
    made.name = fmt::format("{}-{}", column_.name, divergence_.number);
    made.file = made.name;
    made.description = fmt::format("{}, {}: {}", column_.name, divergence_.source,
                                   divergence_.disagreement.difference.parts.front().text);
    made.tags = {"divergence"};
    made.snapshot = cases_.snapshot;
    made.snapshot.objects = std::move(objects);
    made.world = cases_.world;
    made.steps = timeline_of(packets);
    return made;
  }

  // Whether the case diverges in the same way in its last packet, and no more than before
  // elsewhere.
  bool still_shows(const Case& one) const {
    const auto others = shows(one);
    return others && *others <= most_others_;
  }

  // How many divergences there are beside the one in its last packet; empty where that is not
  // there.
  std::optional<uint64_t> shows(const Case& one) const {
    const auto ran = run_case_once(
        one, [&] { return cases_.make_engine(engine_for(column_)); }, cases_.make_oracle);
    if (!ran) return std::nullopt;
    std::vector<ColumnReport> columns = ran->report.engines;
    if (ran->report.captured) columns.push_back(*ran->report.captured);
    uint64_t others = 0;
    bool shown = false;
    for (const ColumnReport& column : columns) {
      if (column.name != column_.name) {
        others += column.diverge;
        continue;
      }
      shown = std::any_of(column.divergences.begin(), column.divergences.end(),
                          [&](const DivergenceReport& divergence) {
                            return divergence.step == one.steps.size() &&
                                   kind_of(divergence) == kind_of(divergence_);
                          });
    }
    return shown ? std::optional(others) : std::nullopt;
  }

  // As it is read again; empty, and no file, where that does not show the divergence.
  Result<std::string> write(const Case& made) const {
    const std::string file = (cases_.folder / (made.name + ".json")).string();
    if (auto written = write_case(made, file); !written) return tl::unexpected(written.error());
    const auto again = read_case(file);
    if (again && still_shows(*again)) return file;
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    return std::string();
  }

  const DivergenceCases& cases_;
  const ColumnReport& column_;
  const DivergenceReport& divergence_;
  uint64_t most_others_ = 0;  // divergences of other columns
};

Result<void> write_column(const DivergenceCases& cases, ColumnReport& column) {
  const size_t count = std::min(kCasesPerColumn, column.divergences.size());
  for (size_t i = 0; i < count; ++i) {
    DivergenceReport& divergence = column.divergences[i];
    if (cases.progress) {
      cases.progress(fmt::format("case {} of {} for {}", i + 1, count, column.name));
    }
    auto file = CaseMaker(cases, column, divergence).make();
    if (!file) return tl::unexpected(file.error());
    if (file->empty()) continue;
    divergence.case_command = cases.command(engine_for(column), *file);
    divergence.case_file = *std::move(file);
  }
  return {};
}

}  // namespace

Result<void> write_divergence_cases(const DivergenceCases& cases, Report& report) {
  for (ColumnReport& column : report.engines) {
    if (auto written = write_column(cases, column); !written) return written;
  }
  return report.captured ? write_column(cases, *report.captured) : Result<void>{};
}

}  // namespace kubeproof
