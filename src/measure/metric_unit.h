// The unit of a server's metric, which the Prometheus text format does not tell: from what its HELP text says, else from how
// its name ends. Units and order of the rules are aiperf's ("seconds", "tokens", "ratio", "gb/s"). Pure function, usable from
// any thread.
#pragma once

#include <string_view>

namespace infbench::measure {

// Empty: nothing tells. `name` without the _total of counters.
std::string_view metric_unit(std::string_view name, std::string_view help);

}  // namespace infbench::measure
