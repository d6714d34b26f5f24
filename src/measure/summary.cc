#include "measure/summary.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "measure/http_metrics.h"

namespace infbench::measure {
namespace {

std::optional<double> ratio(double part, double whole) {
  if (whole <= 0) return std::nullopt;
  return part / whole;
}

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  return ratio(static_cast<double>(part), static_cast<double>(whole));
}

// One distribution while it is collected: sorted once, then read for its figures and the error-adjusted ones.
class Samples {
 public:
  explicit Samples(std::size_t most) { values_.reserve(most); }
  void add(double value) { values_.push_back(value); }
  Stats stats() {
    sort_samples(values_);
    return stats_of(values_);
  }
  // After stats(). As aiperf: none without a failure or without a single success.
  Stats adjusted(std::int64_t failures) const {
    return failures == 0 || values_.empty() ? Stats{} : adjusted_stats_of(values_, failures);
  }

 private:
  std::vector<double> values_;
};

// The latencies of all requests that succeeded, in ms.
struct Latencies {
  explicit Latencies(std::size_t most) : ttft(most), ttst(most), itl(most), request(most), decode(most) {}
  Samples ttft, ttst, itl, request, decode;
};

void add_latencies(const RequestRecord& r, Latencies& all) {
  all.ttft.add(to_ms(*r.first_token - r.sent));
  all.request.add(to_ms(*r.end - r.sent));
  all.decode.add(to_ms(decode_duration(r)));
  if (r.second_token) all.ttst.add(to_ms(*r.second_token - *r.first_token));
  if (r.output > 1) all.itl.add(to_ms(decode_duration(r)) / static_cast<double>(r.output - 1));
}

void fill_latencies(std::span<const RequestRecord> records, Summary& s) {
  Latencies all(records.size());
  bool late = false;
  for (const RequestRecord& r : records) {
    if (!succeeded(r)) continue;
    add_latencies(r, all);
    late = late || r.sent != r.scheduled;
  }
  s.time_to_first_token = all.ttft.stats();
  s.time_to_second_token = all.ttst.stats();
  s.inter_token_latency = s.itl_ms = all.itl.stats();
  s.request_latency = all.request.stats();
  s.decode_duration = all.decode.stats();
  s.adj_time_to_first_token = all.ttft.adjusted(s.errors);
  s.adj_inter_token_latency = all.itl.adjusted(s.errors);
  s.adj_request_latency = all.request.adjusted(s.errors);
  s.adj_decode_duration = all.decode.adjusted(s.errors);
  s.ttft_ms = s.time_to_first_token;
  s.e2e_latency_ms = s.request_latency;
  if (!late) return;
  Samples from_due(records.size());
  Samples end_from_due(records.size());
  for (const RequestRecord& r : records) {
    if (!succeeded(r)) continue;
    from_due.add(to_ms(ttft(r)));
    end_from_due.add(to_ms(e2e_latency(r)));
  }
  s.ttft_ms = from_due.stats();
  s.e2e_latency_ms = end_from_due.stats();
}

void fill_lengths(std::span<const RequestRecord> records, Summary& s) {
  Samples input(records.size());
  Samples output(records.size());
  Samples cached(records.size());
  Samples failed_input(static_cast<std::size_t>(s.errors));
  for (const RequestRecord& r : records) {
    if (!succeeded(r)) {
      failed_input.add(static_cast<double>(r.input));
      s.error_input_tokens += r.input;
      continue;
    }
    input.add(static_cast<double>(r.input));
    output.add(static_cast<double>(r.output));
    cached.add(static_cast<double>(r.cached));
    s.input_tokens += r.input;
    s.output_tokens += r.output;
    s.cached_tokens += r.cached;
  }
  s.input_sequence_length = input.stats();
  s.output_sequence_length = output.stats();
  s.usage_prompt_tokens = s.input_sequence_length;
  s.usage_completion_tokens = s.output_sequence_length;
  s.usage_prompt_cache_read_tokens = cached.stats();
  s.error_isl = failed_input.stats();
}

// Tokens per second of one user. A time of zero gives no sample.
void add_rate(Samples& samples, Tokens tokens, Duration time) {
  if (time.ns > 0) samples.add(static_cast<double>(tokens) / to_s(time));
}

void fill_rates(std::span<const RequestRecord> records, Summary& s) {
  Samples decode(records.size());
  Samples whole(records.size());
  Samples prefill(records.size());
  for (const RequestRecord& r : records) {
    if (!succeeded(r)) continue;
    if (r.output > 1) add_rate(decode, r.output - 1, decode_duration(r));
    add_rate(whole, r.output, *r.end - r.sent);
    add_rate(prefill, r.input, *r.first_token - r.sent);
  }
  s.output_token_throughput_per_user = decode.stats();
  s.e2e_output_token_throughput = whole.stats();
  s.prefill_throughput_per_user = prefill.stats();
}

void fill_lags(std::span<const RequestRecord> records, Summary& s) {
  Samples lag(records.size());
  Samples effective(records.size());
  for (const RequestRecord& r : records) {
    lag.add(to_ms(r.sent - r.scheduled));
    if (r.end) effective.add(to_ms(*r.end - r.scheduled));
  }
  s.credit_to_start_latency = lag.stats();
  s.effective_latency = effective.stats();
}

void fill_counts(std::span<const RequestRecord> records, Summary& s) {
  std::map<std::pair<int, std::string_view>, std::int64_t> errors;
  s.requests = static_cast<std::int64_t>(records.size());
  for (const RequestRecord& r : records) {
    if (!succeeded(r)) {
      ++s.errors;
      ++errors[{r.error_code, error_message(r)}];
      continue;
    }
    ++s.succeeded;
    const bool first_in_time = ttft_within(r, s.slo.ttft);
    const bool gaps_in_time = itl_within(r, s.slo.itl);
    s.ttft_within += first_in_time ? 1 : 0;
    s.itl_within += gaps_in_time ? 1 : 0;
    s.good_requests += first_in_time && gaps_in_time ? 1 : 0;
    const bool good_for_aiperf = *r.first_token - r.sent <= s.slo.ttft && gaps_in_time && r.output > 1;
    s.good_request_count += good_for_aiperf ? 1 : 0;
  }
  for (const auto& [error, count] : errors) s.error_counts.push_back({error.first, std::string(error.second), count});
  std::stable_sort(s.error_counts.begin(), s.error_counts.end(),
                   [](const ErrorCount& a, const ErrorCount& b) { return a.count > b.count; });
}

void fill_times(std::span<const RequestRecord> records, Summary& s) {
  if (records.empty()) return;
  s.first_scheduled = s.last_end = records.front().scheduled;
  s.first_sent = kNever;
  Time last_success{};
  for (const RequestRecord& r : records) {
    s.first_scheduled = std::min(s.first_scheduled, r.scheduled);
    s.last_end = std::max(s.last_end, r.end.value_or(r.sent));
    if (!succeeded(r)) continue;
    s.first_sent = std::min(s.first_sent, r.sent);
    last_success = std::max(last_success, *r.end);
  }
  s.duration = s.last_end - s.first_scheduled;
  if (s.succeeded > 0) {
    s.benchmark_duration = last_success - s.first_sent;
  } else {
    s.first_sent = s.first_scheduled;
  }
}

WorkerLoad& load_of(Summary& s, WorkerId id) {
  INFBENCH_CHECK(id.value < s.workers.size());
  return s.workers[id.value];
}

void fill_workers(std::span<const RequestRecord> records, std::span<const WorkerInfo> workers, Summary& s) {
  s.workers.reserve(workers.size());
  for (const WorkerInfo& worker : workers) s.workers.push_back({.info = worker});
  for (const RequestRecord& r : records) {
    const bool ok = succeeded(r);
    for (const auto& id : {r.worker, r.prefill_worker}) {
      if (!id) continue;
      WorkerLoad& load = load_of(s, *id);
      ++(ok ? load.requests : load.errors);
      if (!ok) continue;
      if (load.info.role != Role::decode) load.uncomputed_tokens += r.input - r.cached;
      if (load.info.role != Role::prefill) load.output_tokens += r.output;
    }
  }
}

// The largest over the mean of one figure of the workers with this role.
std::optional<double> max_over_mean(const Summary& s, Role role, std::int64_t WorkerLoad::*figure) {
  std::int64_t largest = 0;
  std::int64_t sum = 0;
  std::int64_t workers = 0;
  for (const WorkerLoad& load : s.workers) {
    if (load.info.role != role) continue;
    largest = std::max(largest, load.*figure);
    sum += load.*figure;
    ++workers;
  }
  return ratio(largest * workers, sum);
}

void fill_roles(Summary& s) {
  for (const Role role : {Role::aggregated, Role::prefill, Role::decode}) {
    const auto workers =
        std::count_if(s.workers.begin(), s.workers.end(), [&](const WorkerLoad& load) { return load.info.role == role; });
    if (workers == 0) continue;
    s.roles.push_back({.role = role,
                       .workers = static_cast<int>(workers),
                       .requests_max_over_mean = max_over_mean(s, role, &WorkerLoad::requests),
                       .uncomputed_max_over_mean = max_over_mean(s, role, &WorkerLoad::uncomputed_tokens)});
  }
}

}  // namespace

std::optional<double> WorkerLoad::kv_peak_fraction() const { return ratio(info.kv_peak, info.kv_capacity); }

std::optional<double> Summary::goodput_fraction() const { return ratio(good_requests, requests); }
std::optional<double> Summary::goodput_rps() const { return ratio(static_cast<double>(good_requests), to_s(duration)); }
std::optional<double> Summary::ttft_within_fraction() const { return ratio(ttft_within, requests); }
std::optional<double> Summary::itl_within_fraction() const { return ratio(itl_within, requests); }
std::optional<double> Summary::good_request_fraction() const { return ratio(good_request_count, requests); }
std::optional<double> Summary::prefix_hit_rate() const { return ratio(cached_tokens, input_tokens); }
std::optional<double> Summary::output_tokens_per_s() const { return ratio(static_cast<double>(output_tokens), to_s(duration)); }
std::optional<double> Summary::output_tokens_per_s_per_gpu() const {
  return ratio(static_cast<double>(output_tokens), to_s(duration) * gpus);
}
std::optional<double> Summary::kv_peak_fraction() const {
  std::optional<double> fullest;
  for (const WorkerLoad& load : workers) fullest = std::max(fullest, load.kv_peak_fraction());
  return fullest;
}

Summary summarize(std::span<const RequestRecord> records, const Slo& slo, std::span<const WorkerInfo> workers, int gpus) {
  INFBENCH_CHECK(slo.ttft.ns > 0 && slo.itl.ns > 0 && gpus >= 0);
  Summary summary;
  summary.slo = slo;
  summary.gpus = gpus;
  fill_counts(records, summary);
  fill_times(records, summary);
  fill_latencies(records, summary);
  fill_lengths(records, summary);
  fill_rates(records, summary);
  fill_lags(records, summary);
  fill_http_metrics(records, summary);
  fill_workers(records, workers, summary);
  fill_roles(summary);
  return summary;
}

}  // namespace infbench::measure
