#include "datapath/control/object_mirror.h"

#include <algorithm>
#include <utility>

#include "datapath/control/endpoint_sets.h"

namespace kubeproof::control {
namespace {

template <class Object>
using Objects = std::map<ObjectKey, Object>;

// Keys under which the two differ.
template <class Object>
std::vector<ObjectKey> differences(const Objects<Object>& one, const Objects<Object>& other) {
  std::vector<ObjectKey> keys;
  auto left = one.begin();
  auto right = other.begin();
  while (left != one.end() || right != other.end()) {
    if (right == other.end() || (left != one.end() && left->first < right->first)) {
      keys.push_back((left++)->first);
    } else if (left == one.end() || right->first < left->first) {
      keys.push_back((right++)->first);
    } else {
      if (!(left->second == right->second)) keys.push_back(left->first);
      ++left;
      ++right;
    }
  }
  return keys;
}

template <class Object>
void take_over(Objects<Object>& mine, const Objects<Object>& theirs, const ObjectKey& key) {
  const auto found = theirs.find(key);
  if (found == theirs.end()) {
    mine.erase(key);
  } else {
    mine.insert_or_assign(key, found->second);
  }
}

}  // namespace

std::set<ObjectKey> ObjectMirror::adopt(const Cluster& cluster) {
  std::set<ObjectKey> changed;
  for (const ObjectKey& key : differences(services_, cluster.services)) {
    take_over(services_, cluster.services, key);
    changed.insert(key);
  }

  const std::vector<ObjectKey> slices = differences(slices_, cluster.endpoint_slices);
  // The service that `all` gives the slice to.
  const auto touch = [&](const Objects<EndpointSlice>& all, const ObjectKey& key) {
    const auto found = all.find(key);
    if (found == all.end()) return std::optional<ObjectKey>();
    auto service = service_of(found->second);
    if (service) changed.insert(*service);
    return service;
  };
  for (const ObjectKey& key : slices) {
    if (const auto before = touch(slices_, key)) {
      const auto list = slices_of_.find(*before);
      list->second.erase(key);
      if (list->second.empty()) slices_of_.erase(list);
    }
    take_over(slices_, cluster.endpoint_slices, key);
    if (const auto after = touch(slices_, key)) slices_of_[*after].insert(key);
  }
  return changed;
}

const Service* ObjectMirror::service(const ObjectKey& key) const {
  const auto found = services_.find(key);
  return found == services_.end() ? nullptr : &found->second;
}

std::vector<const EndpointSlice*> ObjectMirror::slices_of(const ObjectKey& service) const {
  std::vector<const EndpointSlice*> slices;
  const auto keys = slices_of_.find(service);
  if (keys == slices_of_.end()) return slices;
  for (const ObjectKey& key : keys->second) slices.push_back(&slices_.at(key));
  return slices;
}

}  // namespace kubeproof::control
