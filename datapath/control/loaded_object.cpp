#include "datapath/control/loaded_object.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "datapath/control/skeleton.h"

namespace kubeproof::control {
namespace {

// Of entries; one flow in sixteen or more of a full table is remembered as recent.
constexpr uint32_t kFlowsPerRecent = 32;
constexpr uint32_t kMostRecent = 65'536;

// libbpf reports through one callback for the whole process; what it says while an object loads is
// kept for that load's error message.
thread_local std::string* kept_messages = nullptr;

// What the verifier says goes on for megabytes, and ends with what it is about.
constexpr size_t kMostOfAMessage = 4096;

int keep_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || kept_messages == nullptr) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return length;
  std::string message(static_cast<size_t>(length) + 1, '\0');
  std::vsnprintf(message.data(), message.size(), format, arguments);
  message.pop_back();
  if (message.size() > kMostOfAMessage) {
    message.replace(0, message.size() - kMostOfAMessage, "...");
  }
  *kept_messages += message;
  return length;
}

class KeptMessages {
 public:
  KeptMessages() : former_(libbpf_set_print(keep_message)) { kept_messages = &text_; }
  KeptMessages(const KeptMessages&) = delete;
  KeptMessages& operator=(const KeptMessages&) = delete;
  ~KeptMessages() {
    kept_messages = nullptr;
    libbpf_set_print(former_);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  libbpf_print_fn_t former_;
};

Result<std::string> read_object(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || bytes.empty())
    return bad_input("{}: cannot read a BPF object from it", path.string());
  return bytes;
}

tl::unexpected<Error> load_error(int error, const std::string& messages) {
  if (error == EPERM) {  // of which libbpf's messages have nothing more to tell
    return environment_error(
        "cannot load the BPF programs: {} (needs root, or CAP_BPF and "
        "CAP_NET_ADMIN)",
        std::strerror(error));
  }
  return environment_error("cannot load the BPF programs: {}{}{}", std::strerror(error),
                           messages.empty() ? "" : "\n", messages);
}

}  // namespace

void LoadedObject::Destroy::operator()(datapath_bpf* object) const {
  datapath_bpf::destroy(object);
}

Result<LoadedObject> LoadedObject::load(const ObjectSizes& sizes,
                                        const std::optional<std::filesystem::path>& object_file,
                                        bool with_xdp) {
  const KeptMessages messages;
  std::string replacement;
  if (object_file) {
    auto bytes = read_object(*object_file);
    if (!bytes) return tl::unexpected(bytes.error());
    replacement = std::move(*bytes);
  }

  // As datapath_bpf__open() does, with the bytes of the object replaced between its two steps.
  auto* raw = static_cast<datapath_bpf*>(std::calloc(1, sizeof(datapath_bpf)));
  if (raw == nullptr || datapath_bpf__create_skeleton(raw) != 0) {
    std::free(raw);
    return environment_error("out of memory");
  }
  LoadedObject object(raw);
  if (object_file) {
    raw->skeleton->data = replacement.data();
    raw->skeleton->data_sz = replacement.size();
  }
  if (const int error = bpf_object__open_skeleton(raw->skeleton, nullptr); error != 0) {
    if (object_file) {
      return bad_input("{}: not an object of the datapath's programs: {}", object_file->string(),
                       messages.text());
    }
    return load_error(-error, messages.text());
  }

  bpf_program__set_autoload(raw->progs.xdp_uplink, with_xdp);
  bpf_map__set_max_entries(raw->maps.frontends, sizes.frontends);
  bpf_map__set_max_entries(raw->maps.backends, sizes.backends);
  bpf_map__set_max_entries(raw->maps.members, sizes.backends);
  bpf_map__set_max_entries(raw->maps.source_ranges, sizes.frontends);
  bpf_map__set_max_entries(raw->maps.flows, sizes.flows);
  bpf_map__set_max_entries(raw->maps.partners, sizes.flows);
  const uint32_t recent = std::clamp(sizes.flows / kFlowsPerRecent, 1U, kMostRecent);
  bpf_map__set_max_entries(raw->maps.recent_flows, recent);
  raw->data->recent_flows_size = recent;
  bpf_map__set_max_entries(raw->maps.affinities, sizes.affinities);
  bpf_map__set_max_entries(raw->maps.trace_records, sizes.trace_bytes);
  if (const int error = datapath_bpf::load(raw); error != 0) {
    return load_error(-error, messages.text());
  }
  return object;
}

}  // namespace kubeproof::control
