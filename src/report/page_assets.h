// The script and style of the HTML report: src/report/page/, built in. Constant data, usable from any thread.
#pragma once

#include <string_view>

namespace infbench::report {

extern const std::string_view kPageScript;
extern const std::string_view kPageStyle;

}  // namespace infbench::report
