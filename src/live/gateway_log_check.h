// check_gateway_log: the inputs of a decision log through a fresh Gateway without sockets; it has to choose what the log says
// it chose, for the same reasons, with the same expected hits and loads. Pure, usable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace infbench::live {

struct GatewayLogCheck {
  std::size_t inputs = 0;
  std::size_t choices = 0;               // that the log has
  std::vector<std::string> differences;  // the first of each run of the gateway; empty: log and replay agree in every line
};

// A log may hold several runs of a gateway, one after the other, and may end in the middle of a line. Errors: lines that are
// not of such a log, with their number.
Result<GatewayLogCheck> check_gateway_log(std::string_view text);

}  // namespace infbench::live
