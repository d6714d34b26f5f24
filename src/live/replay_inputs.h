// What a user writes on replay's command line in words of their own, read into values: addresses, limits, extra inputs,
// headers. Pure functions, usable from any thread. Errors say what was expected and found.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "live/replay_body.h"

namespace infbench::live {

// "http://host:port/prefix", "host:port", "host"; without a port 80 (8000 if nothing but the host is there). "/v1" at the end
// of the path is left out, since each request has it.
Result<Target> parse_target(const std::string& url);

// "time_to_first_token:2000 inter_token_latency:25", in ms. A limit that is not given is an hour.
inline constexpr Duration kNoLimit = seconds(3600);
Result<Slo> parse_goodput(std::string_view text);

// Each "key:value" or a JSON object of several. A value that is not JSON is a string. A later one of the same name holds.
Result<std::vector<ExtraInput>> parse_extra_inputs(std::span<const std::string> inputs);

// Each "Name:Value".
Result<std::vector<std::pair<std::string, std::string>>> parse_headers(std::span<const std::string> headers);

// "isl=550,osl=100", in any order; what is not named stays as it is.
Result<void> parse_synthetic(std::string_view text, std::optional<Tokens>& isl, std::optional<Tokens>& osl);

}  // namespace infbench::live
