#include "replay/session/packet_source.h"

#include <fmt/format.h>

namespace kubeproof {

std::string PacketSource::to_string() const {
  std::string text(input);
  if (step != 0) text += fmt::format(" step {}", step);
  if (!capture.empty()) text += fmt::format(" ({})", capture);
  if (frame != 0) text += fmt::format(" frame {}", frame);
  if (packet != 0) text += fmt::format(" packet {}", packet);
  return text;
}

}  // namespace kubeproof
