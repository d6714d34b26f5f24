// RequestRecord: what happened to one request, in any world. Filled by the driver of that world, read by Summary and the exporters.
// A value, usable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "base/types.h"
#include "trace/trace.h"

namespace infbench::measure {

struct RequestRecord {
  trace::RequestIndex request;
  Time scheduled;                    // when it was due
  Time sent;                         // when it was sent: the same moment in virtual time
  std::optional<Time> first_token;
  std::optional<Time> second_token;
  std::optional<Time> end;           // last token; for an error the moment it was known
  Tokens input = 0;
  Tokens output_asked = 0;
  Tokens output = 0;                 // tokens that came
  Tokens cached = 0;                 // prompt tokens that were in the prefix cache of the worker that computed the prompt
  std::optional<WorkerId> worker;    // that gave the tokens (the decode worker of a pair)
  std::optional<WorkerId> prefill_worker;  // of a pair
  std::string error;                 // empty: it succeeded
};

}  // namespace infbench::measure
