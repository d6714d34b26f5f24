// Text for HTML: whatever a recipe or a trace was called, it stays text. Pure, usable from any thread.
#pragma once

#include <string>
#include <string_view>

namespace infbench::report {

// For text between tags and for attributes in double quotes. Malformed UTF-8 and control characters become '?'.
std::string escaped(std::string_view text);

// "sha256-..." of a script or style as a Content-Security-Policy wants it: in Base64.
std::string policy_hash(std::string_view text);

}  // namespace infbench::report
