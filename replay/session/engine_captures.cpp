#include "replay/session/engine_captures.h"

#include <system_error>
#include <utility>

namespace kubeproof {

Result<EngineCaptures> EngineCaptures::open(const std::filesystem::path& folder, Session& session) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return bad_input("{}: {}", folder.string(), error.message());
  EngineCaptures captures;
  for (const auto& column : session.columns()) {
    const auto file = folder / (std::string(column->name()) + ".pcap");
    auto created = CaptureWriter::create(file.string());
    if (!created) return tl::unexpected(created.error());
    auto writer = std::make_shared<CaptureWriter>(*std::move(created));
    captures.writers_.push_back(writer);
    column->tap([writer, &session](const Injection& injection, const Fate& fate) {
      writer->write(session.now(), injection.packet);
      for (const Emission& emission : fate) writer->write(session.now(), emission.packet);
    });
  }
  return captures;
}

Result<void> EngineCaptures::finish() {
  for (const auto& writer : writers_) {
    if (auto finished = writer->finish(); !finished) return finished;
  }
  return {};
}

}  // namespace kubeproof
