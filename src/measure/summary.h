// Summary: all figures of one run, from its records. A plain value; summarize() is pure; usable from any thread.
//
// Two sets of figures stand side by side, named apart:
// - ours: latencies count from when a request was *due* (`scheduled`); `requests` are all that were sent or refused; an error
// misses every
//   limit; an answer of one token has no ITL and is judged by its TTFT alone.
// - aiperf's, by its names and formulas (aiperf 0.13): latencies count from when the request was *sent*, statistics are over
// successful
//   requests, and good_request_count takes an answer of one token for a miss. In virtual time both clocks agree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "measure/explain.h"
#include "measure/record.h"
#include "measure/stats.h"

namespace infbench::measure {

// A model worker, as the driver of the run knows it. Workers are listed in order of id, from 0, without gaps.
struct WorkerInfo {
  std::string name;  // "agg_0", "prefill_3"
  Role role = Role::aggregated;
  Tokens kv_capacity = 0;  // tokens of KV it has room for; 0: not known
  Tokens kv_peak = 0;      // most tokens of KV it held at any moment
};

// What one worker did for requests that succeeded.
struct WorkerLoad {
  WorkerInfo info;
  std::int64_t requests = 0;
  std::int64_t errors = 0;       // requests that failed after they were given to it
  Tokens uncomputed_tokens = 0;  // prompt tokens it had to compute: input - cached; 0 for a decode worker
  Tokens output_tokens = 0;      // tokens it gave; 0 for a prefill worker
  // kv_peak / kv_capacity, none when the capacity is not known.
  std::optional<double> kv_peak_fraction() const;
};

// How evenly the workers of one role were loaded: the largest load over the mean one, 1 when all are equal. None without load.
struct RoleLoad {
  Role role = Role::aggregated;
  int workers = 0;
  std::optional<double> requests_max_over_mean;
  std::optional<double> uncomputed_max_over_mean;
};

struct ErrorCount {
  int code = 0;
  std::string message;
  std::int64_t count = 0;
};

struct Summary {
  Slo slo;
  int gpus = 0;

  std::int64_t requests = 0;             // sent or refused
  std::int64_t succeeded = 0;            // aiperf: request_count
  std::int64_t errors = 0;               // requests - succeeded
  std::int64_t good_requests = 0;        // ours
  std::int64_t ttft_within = 0;          // succeeded with TTFT <= slo.ttft
  std::int64_t itl_within = 0;           // succeeded with ITL <= slo.itl or an answer of one token
  std::int64_t good_request_count = 0;   // aiperf's
  std::vector<ErrorCount> error_counts;  // most frequent first

  Time first_scheduled;         // of all requests
  Time last_end;                // of all requests
  Duration duration;            // from first_scheduled to last_end
  Time first_sent;              // of those that succeeded
  Duration benchmark_duration;  // aiperf: from first_sent to the last end, of those that succeeded

  Tokens input_tokens = 0;  // of those that succeeded, as the next two
  Tokens output_tokens = 0;
  Tokens cached_tokens = 0;
  Tokens error_input_tokens = 0;

  // Ours, from `scheduled`, in ms, over successful requests. ITL over answers of two tokens and more.
  Stats ttft_ms;
  Stats itl_ms;
  Stats e2e_latency_ms;

  // aiperf's, over successful requests: ms, tokens, tokens/s/user.
  Stats time_to_first_token;
  Stats time_to_second_token;
  Stats inter_token_latency;
  Stats request_latency;
  Stats decode_duration;
  Stats input_sequence_length;
  Stats output_sequence_length;
  Stats output_token_throughput_per_user;  // 1 / ITL
  Stats e2e_output_token_throughput;       // OSL / request latency
  Stats prefill_throughput_per_user;       // ISL / TTFT
  Stats credit_to_start_latency;           // sent - scheduled, errors included
  Stats effective_latency;                 // end - scheduled, errors included
  Stats error_isl;                         // input lengths of errors
  // As the server counted them: over HTTP those of answers whose usage says it, in virtual time all.
  Stats usage_prompt_tokens;
  Stats usage_completion_tokens;
  Stats usage_prompt_cache_read_tokens;
  // With failed requests as infinitely slow; empty when there are no errors.
  Stats adj_time_to_first_token;
  Stats adj_inter_token_latency;
  Stats adj_request_latency;
  Stats adj_decode_duration;
  // Of requests over HTTP, http_metrics.h says how.
  Stats usage_total_tokens;
  Stats usage_prompt_tokens_diff_pct;
  Stats usage_completion_tokens_diff_pct;
  Stats osl_mismatch_diff_pct;
  Stats time_to_first_output_token;
  Stats http_req_connection_reused, http_req_blocked, http_req_connecting, http_req_connection_overhead;
  Stats http_req_sending, http_req_waiting, http_req_receiving, http_req_duration, http_req_total;
  Stats http_req_data_sent, http_req_data_received, http_req_chunks_sent, http_req_chunks_received;
  std::int64_t osl_mismatch_count = 0;
  std::int64_t usage_discrepancy_count = 0;
  // Of a whole run over HTTP, see add_run_figures() in live.h.
  Stats inter_chunk_latency;
  Stats replay_sched_lag;
  // Weighted by time, see curves.h: avg, min, max, std, p50, p90, p95, p99; `count` is that of steps.
  Stats effective_concurrency, effective_decode_concurrency, effective_prefill_concurrency, tokens_in_flight;
  Stats effective_decode_throughput, effective_prefill_throughput, effective_total_throughput;
  Stats effective_decode_throughput_per_user, effective_prefill_throughput_per_user;
  Stats active_decode_throughput, active_prefill_throughput, active_total_throughput;
  Stats active_decode_throughput_per_user, active_prefill_throughput_per_user;

  std::vector<WorkerLoad> workers;  // in order of id
  std::vector<RoleLoad> roles;      // those that occur, in order of Role

  std::optional<ExplainSummary> explain = std::nullopt;  // of a run that was asked for it

  // goodput_fraction() in worlds drawn from the uncertainty of the step times, where it was asked for; world k is the same for
  // all runs of a comparison. Not of these records.
  std::vector<double> drawn_goodput;

  // Each is none when its denominator is 0. Fractions from 0 to 1, rates per second.
  std::optional<double> goodput_fraction() const;       // good_requests / requests
  std::optional<double> goodput_rps() const;            // good_requests / duration
  std::optional<double> ttft_within_fraction() const;   // of requests
  std::optional<double> itl_within_fraction() const;    // of requests
  std::optional<double> good_request_fraction() const;  // aiperf's, of requests
  std::optional<double> prefix_hit_rate() const;        // cached / input tokens, of those that succeeded
  std::optional<double> output_tokens_per_s() const;    // over duration
  std::optional<double> output_tokens_per_s_per_gpu() const;
  std::optional<double> kv_peak_fraction() const;  // of the fullest worker
};

// `records` in order of request (that fixes the order of summation). Limits must be above 0.
Summary summarize(std::span<const RequestRecord> records, const Slo& slo, std::span<const WorkerInfo> workers, int gpus);

}  // namespace infbench::measure
