// A BPF map as userspace holds it, with its key and value types. Does not own the descriptor: the
// loaded object does.
#pragma once

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "model/result.h"

namespace kubeproof::control {

template <class Key, class Value>
class BpfMap {
 public:
  BpfMap(int fd, std::string name, uint32_t max_entries)
      : fd_(fd), name_(std::move(name)), max_entries_(max_entries) {}

  int fd() const { return fd_; }
  const std::string& name() const { return name_; }
  uint32_t max_entries() const { return max_entries_; }

  std::optional<Value> find(const Key& key) const {
    Value value{};
    if (bpf_map_lookup_elem(fd_, &key, &value) != 0) return std::nullopt;
    return value;
  }

  // `flags`: BPF_ANY, BPF_NOEXIST or BPF_EXIST.
  Result<void> put(const Key& key, const Value& value, uint64_t flags = BPF_ANY) const {
    if (bpf_map_update_elem(fd_, &key, &value, flags) == 0) return {};
    return failure("write to");
  }

  Result<void> erase(const Key& key) const {
    if (bpf_map_delete_elem(fd_, &key) == 0 || errno == ENOENT) return {};
    return failure("remove from");
  }

 private:
  tl::unexpected<Error> failure(const char* action) const {
    if (errno == E2BIG || errno == ENOSPC) {  // a hash map, a trie of prefixes
      return environment_error("BPF map '{}' is full: it holds {} entries", name_, max_entries_);
    }
    return environment_error("cannot {} BPF map '{}': {}", action, name_, std::strerror(errno));
  }

  int fd_;
  std::string name_;
  uint32_t max_entries_;
};

}  // namespace kubeproof::control
