#include "measure/http_metrics.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace infbench::measure {
namespace {

using Value = std::optional<double>;
using Record = RequestRecord;

constexpr double kBytesPerKb = 1024;  // aiperf's KB

// The kernel's stamp of a received byte may be before our own of the last byte sent.
double ms_between(Time from, Time to) { return std::max(0.0, to_ms(to - from)); }

Value count(Tokens tokens) {
  if (tokens < 0) return std::nullopt;
  return static_cast<double>(tokens);
}

Value connecting(const Record& r) { return to_ms(r.http->connecting); }

Value sending(const Record& r) {
  if (!r.http->send_start || !r.http->send_end) return std::nullopt;
  return ms_between(*r.http->send_start, *r.http->send_end);
}

Value waiting(const Record& r) {
  if (!r.http->send_end || !r.http->receive_start) return std::nullopt;
  return ms_between(*r.http->send_end, *r.http->receive_start);
}

Value receiving(const Record& r) {
  if (!r.http->receive_start) return std::nullopt;
  return ms_between(*r.http->receive_start, r.http->receive_end);
}

Value duration(const Record& r) {
  if (!r.http->send_start || !r.http->receive_start) return std::nullopt;
  return ms_between(*r.http->send_start, r.http->receive_end);
}

Value total(const Record& r) {
  return *connecting(r) + sending(r).value_or(0) + waiting(r).value_or(0) + receiving(r).value_or(0);
}

Value first_output(const Record& r) {
  if (!r.http->first_output) return std::nullopt;
  return to_ms(*r.http->first_output - r.sent);
}

Value difference_pct(Tokens said, Tokens counted) {
  if (said < 0 || counted <= 0) return std::nullopt;
  return 100.0 * static_cast<double>(std::abs(said - counted)) / static_cast<double>(counted);
}

Value prompt_diff(const Record& r) { return difference_pct(r.http->usage.prompt, r.input); }
Value completion_diff(const Record& r) { return difference_pct(r.http->usage.completion, r.output); }

Value osl_diff(const Record& r) {
  if (r.output_asked <= 0) return std::nullopt;
  return 100.0 * static_cast<double>(r.output - r.output_asked) / static_cast<double>(r.output_asked);
}

constexpr RecordMetric kTable[] = {
    {&Summary::http_req_connection_reused, [](const Record& r) { return Value(r.http->connection_reused ? 1 : 0); }},
    {&Summary::http_req_blocked, [](const Record&) { return Value(0); }},
    {&Summary::http_req_connecting, connecting},
    {&Summary::http_req_connection_overhead, connecting},
    {&Summary::http_req_sending, sending},
    {&Summary::http_req_waiting, waiting},
    {&Summary::http_req_receiving, receiving},
    {&Summary::http_req_duration, duration},
    {&Summary::http_req_total, total},
    {&Summary::http_req_data_sent, [](const Record& r) { return Value(static_cast<double>(r.http->sent) / kBytesPerKb); }},
    {&Summary::http_req_data_received,
     [](const Record& r) { return Value(static_cast<double>(r.http->received) / kBytesPerKb); }},
    {&Summary::http_req_chunks_sent, [](const Record& r) { return Value(r.http->send_start ? 1 : 0); }},
    {&Summary::http_req_chunks_received, [](const Record& r) { return Value(static_cast<double>(r.http->reads)); }},
    {&Summary::time_to_first_output_token, first_output},
    {&Summary::usage_prompt_tokens, [](const Record& r) { return count(r.http->usage.prompt); }},
    {&Summary::usage_completion_tokens, [](const Record& r) { return count(r.http->usage.completion); }},
    {&Summary::usage_total_tokens, [](const Record& r) { return count(r.http->usage.total); }},
    {&Summary::usage_prompt_cache_read_tokens, [](const Record& r) { return count(r.http->usage.cached); }},
    {&Summary::usage_prompt_tokens_diff_pct, prompt_diff},
    {&Summary::usage_completion_tokens_diff_pct, completion_diff},
    {&Summary::osl_mismatch_diff_pct, osl_diff},
};

}  // namespace

std::span<const RecordMetric> http_record_metrics() { return kTable; }

bool is_osl_mismatch(const RequestRecord& r) {
  if (r.output_asked <= 0) return false;
  const double limit = std::min(0.05 * static_cast<double>(r.output_asked), 50.0);
  return static_cast<double>(std::abs(r.output - r.output_asked)) > limit;
}

bool is_usage_discrepancy(const RequestRecord& r) {
  constexpr double kLimitPct = 10;
  return prompt_diff(r).value_or(0) > kLimitPct || completion_diff(r).value_or(0) > kLimitPct;
}

void fill_http_metrics(std::span<const RequestRecord> records, Summary& s) {
  const auto counts = [](const RequestRecord& r) { return r.http != nullptr && succeeded(r); };
  if (std::none_of(records.begin(), records.end(), [](const RequestRecord& r) { return r.http != nullptr; })) return;
  std::vector<double> samples;
  samples.reserve(records.size());
  for (const RecordMetric& metric : kTable) {
    samples.clear();
    for (const RequestRecord& r : records) {
      const Value value = counts(r) ? metric.of(r) : std::nullopt;
      if (value) samples.push_back(*value);
    }
    sort_samples(samples);
    s.*metric.stats = stats_of(samples);
  }
  s.osl_mismatch_count =
      std::count_if(records.begin(), records.end(), [&](const RequestRecord& r) { return counts(r) && is_osl_mismatch(r); });
  s.usage_discrepancy_count = std::count_if(records.begin(), records.end(),
                                            [&](const RequestRecord& r) { return counts(r) && is_usage_discrepancy(r); });
}

}  // namespace infbench::measure
