// What only a run over HTTP knows, beside the records and figures that all worlds share: why a request failed, the time of each
// token, how well the client itself kept up, and whether the result is worth anything. Plain values and pure functions, usable
// from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "measure/record.h"
#include "measure/stats.h"
#include "measure/summary.h"

namespace infbench::measure {

// The bytes of one request and its answer, for profile_export_raw.jsonl.
struct RawExchange {
  std::string request;  // head and body as they were sent
  int status = 0;       // of the answer; 0: none came
  struct Response {
    Time received;
    std::string text;  // of a stream an event's data, else the whole body
  };
  std::vector<Response> responses = {};
  bool is_stream = false;
  std::string content_type = {};
};

struct LiveRecord {
  RequestRecord record;
  bool warmup = false;
  std::string_view error_class;                // of a failure, a constant: "ConnectError"; empty: error_type(record.error_code)
  std::string error_cause;                     // what lay behind it, as the peer or the system said it; may be empty
  std::int64_t chunks = 0;                     // that carried text
  std::int64_t chunks_together = 0;            // of these, read together with the one before
  bool counted_by_server = false;              // the server said how many tokens its answer has
  Tokens client_tokens = 0;                    // of the answer, by the client's own count
  bool full_length = false;                    // the answer was to have exactly the length asked for
  bool sent_again = false;                     // the idle connection that it was first sent on was being closed by the server
  std::shared_ptr<RawExchange> raw = nullptr;  // only kept for --export-level raw
};

// How far the client's own doings may go before its figures say more about the client than about the server.
struct ValidityLimits {
  double lag_p99_ms = 20;
  double error_fraction = 0.01;      // of requests
  double truncated_fraction = 0.01;  // of requests that succeeded
};

struct LiveFigures {
  Stats lag_ms = {};               // from when a request was due to when its first byte was written
  Stats inter_chunk_latency = {};  // ms, over all gaps of all requests that succeeded
  std::int64_t chunks = 0;
  std::int64_t chunks_together = 0;
  std::int64_t truncated = 0;       // answers shorter than asked for, where they were to have the length asked for
  std::int64_t token_mismatch = 0;  // answers with another number of tokens by the server's count than by ours
  std::int64_t not_counted = 0;     // answers whose tokens the server did not count
  std::int64_t sent_again = 0;
  std::int64_t not_sent = 0;     // the run was ended before they were due, or before they could be sent
  std::int64_t connections = 0;  // opened
  double cpu_s = 0;              // of this process, during the run
  double cpu_fraction = 0;       // of one core, over the run
  bool interrupted = false;
  std::vector<std::string> not_valid = {};  // why the result is not valid, each a clause without a final period; empty: it is
};

// Adds to the summary of a run over HTTP what only the whole run has: the gaps between chunks, the lag, the curves (curves.h).
// `records` as summarize() had them.
void add_run_figures(std::span<const RequestRecord> records, const LiveFigures& live, Summary& summary);

// Why a run is not valid, by its figures.
std::vector<std::string> invalid_because(const Summary& summary, const LiveFigures& live, const ValidityLimits& limits);

}  // namespace infbench::measure
