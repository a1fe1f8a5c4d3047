#include "model/cluster/interface_name.h"

#include <net/if.h>

namespace kubeproof {

bool is_interface_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         name.find_first_of("/: \t\n\v\f\r") == std::string_view::npos;
}

}  // namespace kubeproof
