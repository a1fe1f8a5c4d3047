#include "replay/engine/netlink_socket.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace kubeproof {
namespace {

// A datagram of NFLOG carries a whole packet of up to 64 KiB and its attributes.
constexpr size_t kBufferSize = size_t{1} << 17;
constexpr int kReceiveQueue = 1 << 24;
constexpr size_t kRequestsTogether = size_t{1} << 14;  // bytes

}  // namespace

NetlinkRequest::NetlinkRequest(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource) {
  nlmsghdr* message = mnl_nlmsg_put_header(bytes_.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  auto* generic = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  generic->nfgen_family = family;
  generic->version = NFNETLINK_V0;
  generic->res_id = htons(resource);
}

NetlinkSocket::NetlinkSocket(FileDescriptor fd) : fd_(std::move(fd)), buffer_(kBufferSize) {}

Result<NetlinkSocket> NetlinkSocket::open() {
  FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd) {
    return environment_error(
        "no netlink socket to netfilter ({}): the kernel needs "
        "CONFIG_NETFILTER_NETLINK",
        std::strerror(errno));
  }
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveQueue, sizeof(kReceiveQueue));
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::send(NetlinkRequest& request) {
  const nlmsghdr* message = request.header();
  if (::send(fd_.get(), message, message->nlmsg_len, 0) < 0) {
    return environment_error("a request to netfilter: {}", std::strerror(errno));
  }
  return {};
}

Result<int> NetlinkSocket::transact(NetlinkRequest& request) {
  request.header()->nlmsg_flags |= NLM_F_ACK;
  auto sent = send(request);
  if (!sent) return tl::unexpected(sent.error());
  const ssize_t got = recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
  const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer_.data());
  if (got < 0 || !mnl_nlmsg_ok(answer, static_cast<int>(got)) ||
      answer->nlmsg_type != NLMSG_ERROR) {
    return environment_error("netfilter did not acknowledge a request");
  }
  return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
}

Result<void> NetlinkSocket::dump(NetlinkRequest& request,
                                 const std::function<void(const nlmsghdr*)>& each) {
  request.header()->nlmsg_flags |= NLM_F_DUMP;
  auto sent = send(request);
  if (!sent) return sent;
  while (true) {
    const ssize_t got = recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0) return environment_error("a dump of netfilter: {}", std::strerror(errno));
    int left = static_cast<int>(got);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type == NLMSG_DONE) return {};
      if (message->nlmsg_type == NLMSG_ERROR) {
        return environment_error(
            "a dump of netfilter: {}",
            std::strerror(-static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error));
      }
      each(message);
    }
  }
}

Result<void> NetlinkSocket::ask_all(std::span<NetlinkRequest> requests,
                                    const std::function<void(size_t, const nlmsghdr*)>& each) {
  std::vector<uint8_t> together;
  size_t asked = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    nlmsghdr* message = requests[i].header();
    message->nlmsg_seq = static_cast<uint32_t>(i);
    const auto* bytes = reinterpret_cast<const uint8_t*>(message);
    together.insert(together.end(), bytes, bytes + message->nlmsg_len);
    together.resize(NLMSG_ALIGN(together.size()));
    ++asked;
    if (together.size() < kRequestsTogether && i + 1 < requests.size()) continue;
    if (::send(fd_.get(), together.data(), together.size(), 0) < 0) {
      return environment_error("requests to netfilter: {}", std::strerror(errno));
    }
    auto collected = collect_answers(asked, each);
    if (!collected) return collected;
    together.clear();
    asked = 0;
  }
  return {};
}

Result<void> NetlinkSocket::collect_answers(
    size_t count, const std::function<void(size_t, const nlmsghdr*)>& each) {
  for (size_t i = 0; i < count; ++i) {
    const ssize_t got = recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
    if (got < 0 || !mnl_nlmsg_ok(message, static_cast<int>(got))) {
      return environment_error("netfilter did not answer a request");
    }
    each(message->nlmsg_seq, message);
  }
  return {};
}

// A socket without an address would count as the sender of what nobody sent
// (do_one_broadcast()).
Result<void> NetlinkSocket::join(int group) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  socklen_t length = sizeof(address);
  const bool bound =
      getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
      (address.nl_pid != 0 || bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  if (!bound ||
      setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0) {
    return environment_error("netfilter's group {}: {}", group, std::strerror(errno));
  }
  return {};
}

Result<std::span<const uint8_t>> NetlinkSocket::receive(bool& lost) {
  while (true) {
    const ssize_t got = recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got >= 0) return std::span<const uint8_t>(buffer_.data(), static_cast<size_t>(got));
    if (errno == EAGAIN) return std::span<const uint8_t>();
    if (errno != ENOBUFS) break;
    lost = true;
  }
  return environment_error("reading from netfilter: {}", std::strerror(errno));
}

Result<std::span<const uint8_t>> NetlinkSocket::receive() {
  bool lost = false;
  auto received = receive(lost);
  if (lost) return environment_error("reading from netfilter: {}", std::strerror(ENOBUFS));
  return received;
}

}  // namespace kubeproof
