#include "replay/capture/capture_survey.h"

#include <algorithm>
#include <unordered_set>

#include "model/packet/packet_view.h"
#include "replay/capture/capture_file.h"
#include "replay/capture/link_layer.h"

namespace kubeproof {

Result<CaptureSurvey> survey_captures(const std::vector<std::string>& files,
                                      const std::vector<Cidr>& prefixes) {
  constexpr size_t kMostSources = 100'000;
  CaptureSurvey survey;
  std::unordered_set<IpAddress> seen;
  const auto is_of_interest = [&](const IpAddress& address) {
    return prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(), [&](const Cidr& each) {
             return each.contains(address);
           });
  };
  for (const std::string& path : files) {
    auto file = CaptureFile::open(path);
    if (!file) return tl::unexpected(file.error());
    while (const auto frame = file->next()) {
      ++survey.frames;
      const auto link = parse_link(file->link_type(), frame->bytes);
      if (!link) continue;
      const auto view = parse_packet(link->packet);
      if (!view || !is_of_interest(view->source)) continue;
      if (seen.size() == kMostSources) {
        survey.complete = survey.complete && seen.contains(view->source);
      } else if (seen.insert(view->source).second) {
        survey.sources.push_back(view->source);
      }
    }
  }
  return survey;
}

}  // namespace kubeproof
