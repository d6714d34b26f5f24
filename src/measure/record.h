// RequestRecord: what happened to one request, in any world. Filled by the driver of that world, read by Summary and the
// exporters. A value, usable from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/types.h"
#include "measure/http_exchange.h"
#include "trace/trace.h"

namespace infbench::measure {

struct RequestRecord {
  trace::RequestIndex request;
  Time scheduled;  // when it was due
  Time sent;       // when it was sent: the same moment in virtual time
  std::optional<Time> first_token;
  std::optional<Time> second_token;
  std::optional<Time> end;  // last token; for an error the moment it was known
  Tokens input = 0;
  Tokens output_asked = 0;
  Tokens output = 0;                       // tokens that came
  Tokens cached = 0;                       // prompt tokens that were in the prefix cache of the worker that computed the prompt
  std::optional<WorkerId> worker;          // that gave the tokens (the decode worker of a pair)
  std::optional<WorkerId> prefill_worker;  // of a pair
  std::string error;                       // empty: it succeeded
  int error_code = 400;  // of an error, as HTTP has it: 400 refused, 499 cancelled, 500 failed, 503 no worker, 504 too late
  std::shared_ptr<const HttpExchange> http = nullptr;  // of a request over HTTP that was sent
};

// It ended without an error and gave at least one token. Everything else is an error, also a request whose end was never
// recorded.
inline bool succeeded(const RequestRecord& r) { return r.error.empty() && r.first_token && r.end && r.output > 0; }

// The message and the name of the class of a request that did not succeed.
std::string_view error_message(const RequestRecord& record);
std::string_view error_type(int error_code);

// Of a request that succeeded, from when it was due; a live client's own lag counts.
inline Duration ttft(const RequestRecord& r) { return *r.first_token - r.scheduled; }
inline Duration e2e_latency(const RequestRecord& r) { return *r.end - r.scheduled; }
// From the first token to the last.
inline Duration decode_duration(const RequestRecord& r) { return *r.end - *r.first_token; }

// Whether a request that succeeded keeps to a limit, in whole nanoseconds. The ITL is the mean gap between tokens; an answer of
// one token has none and keeps every ITL limit.
inline bool ttft_within(const RequestRecord& r, Duration limit) { return ttft(r) <= limit; }
inline bool gaps_within(Duration decode, Tokens output, Duration limit) {
  __extension__ using Wide = __int128;  // a limit of hours and what a server says of its tokens do not fit 64 bits together
  return decode.ns <= static_cast<Wide>(limit.ns) * (output - 1);
}
inline bool itl_within(const RequestRecord& r, Duration limit) { return gaps_within(decode_duration(r), r.output, limit); }

}  // namespace infbench::measure
