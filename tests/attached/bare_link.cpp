#include "tests/attached/bare_link.h"

#include <poll.h>

#include <array>
#include <utility>

namespace kubeproof::attached {
namespace {

constexpr uint32_t kIndex = 50;
constexpr int kGlance = 20;  // milliseconds between looks whether it is time to stop

// What waits on one side; it is lost where the other does not take it.
void hand_over(const TunDevice& from, const TunDevice& to, MutableByteView buffer) {
  for (;;) {
    const auto packet = from.read(buffer);
    if (!packet || !*packet) return;
    if (!to.write(**packet)) return;
  }
}

}  // namespace

Result<std::unique_ptr<BareLink>> BareLink::create(const PrivateNamespace& one,
                                                   const PrivateNamespace& other,
                                                   const std::string& name) {
  auto here = one.run([&] { return TunDevice::open(kIndex, name); });
  if (!here) return tl::unexpected(here.error());
  auto there = other.run([&] { return TunDevice::open(kIndex, name); });
  if (!there) return tl::unexpected(there.error());
  return std::unique_ptr<BareLink>(new BareLink(std::move(*here), std::move(*there)));
}

BareLink::BareLink(TunDevice one, TunDevice other)
    : one_(std::move(one)), other_(std::move(other)), thread_([this] { carry(); }) {}

void BareLink::carry() {
  std::array<uint8_t, 65536> buffer{};
  std::array<pollfd, 2> waiting = {pollfd{one_.fd(), POLLIN, 0}, pollfd{other_.fd(), POLLIN, 0}};
  while (!stopping_) {
    if (poll(waiting.data(), waiting.size(), kGlance) <= 0) continue;
    hand_over(one_, other_, buffer);
    hand_over(other_, one_, buffer);
  }
}

}  // namespace kubeproof::attached
