// Text that may hold what strangers wrote: comments of rules, names of objects, devices and files.
#pragma once

#include <string>
#include <string_view>

namespace kubeproof {

// Control characters, which a terminal would obey, become "\x1b". Ends of lines stay, and so do
// the colours that this program uses (text_writer.h).
std::string printable(std::string_view text);

}  // namespace kubeproof
