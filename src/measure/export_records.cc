// profile_export.jsonl: see export_aiperf.h. Lines are built from fixed pieces, since an hour of traffic has 20 MB of them.
#include <array>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "measure/export_aiperf.h"
#include "measure/http_metrics.h"
#include "measure/metric_table.h"

namespace infbench::measure {
namespace {

constexpr std::string_view kTokens = R"(,"unit":"tokens"})";
constexpr std::string_view kMs = R"(,"unit":"ms"})";
constexpr std::string_view kRequests = R"(,"unit":"requests"})";
constexpr std::string_view kRate = R"(,"unit":"tokens/sec/user"})";

// `head` up to the number, `tail` after it.
template <typename Number>
void append(std::string& out, std::string_view head, Number number, std::string_view tail = "") {
  out += head;
  append_json(out, number);
  out += tail;
}

void append_rate(std::string& out, std::string_view head, Tokens tokens, Duration time) {
  if (time.ns > 0) append(out, head, static_cast<double>(tokens) / to_s(time), kRate);
}

// The keys in the order in which aiperf happens to write them.
void append_metrics(std::string& out, const RequestRecord& r, const Slo& slo) {
  const Duration latency = *r.end - r.sent;
  const Duration first = *r.first_token - r.sent;
  const Duration decode = decode_duration(r);
  const bool several = r.output > 1;
  append(out, R"("output_sequence_length":{"value":)", r.output, kTokens);
  append(out, R"(,"request_latency":{"value":)", to_ms(latency), kMs);
  if (r.second_token) append(out, R"(,"time_to_second_token":{"value":)", to_ms(*r.second_token - *r.first_token), kMs);
  append(out, R"(,"time_to_first_token":{"value":)", to_ms(first), kMs);
  if (r.http == nullptr) append(out, R"(,"usage_completion_tokens":{"value":)", r.output, kTokens);
  append(out, R"(,"input_sequence_length":{"value":)", r.input, kTokens);
  if (r.http == nullptr) {
    append(out, R"(,"usage_prompt_tokens":{"value":)", r.input, kTokens);
    append(out, R"(,"usage_prompt_cache_read_tokens":{"value":)", r.cached, kTokens);
  }
  append(out, R"(,"output_token_count":{"value":)", r.output, kTokens);
  append_rate(out, R"(,"e2e_output_token_throughput":{"value":)", r.output, latency);
  append(out, R"(,"decode_duration":{"value":)", to_ms(decode), kMs);
  if (several) append(out, R"(,"inter_token_latency":{"value":)", to_ms(decode) / static_cast<double>(r.output - 1), kMs);
  append_rate(out, R"(,"prefill_throughput_per_user":{"value":)", r.input, first);
  const bool good = first <= slo.ttft && several && itl_within(r, slo.itl);
  append(out, R"(,"good_request_count":{"value":)", std::int64_t{good}, kRequests);
  if (several) append_rate(out, R"(,"output_token_throughput_per_user":{"value":)", r.output - 1, decode);
}

}  // namespace

void append_error(const RequestRecord& r, const LiveRecord* live, std::string& out) {
  measure::append(out, R"({"code":)", std::int64_t{r.error_code});
  append(out, R"(,"type":)", live != nullptr && !live->error_class.empty() ? live->error_class : error_type(r.error_code));
  append(out, R"(,"message":)", error_message(r));
  if (live != nullptr && !live->error_cause.empty()) append(out, R"(,"cause":)", std::string_view(live->error_cause));
  out += '}';
}

namespace {

// The list that aiperf writes: one gap per chunk after the first.
void append_gaps(std::string& out, const std::vector<std::int64_t>& gaps_ns) {
  if (gaps_ns.empty()) return;
  out += R"(,"inter_chunk_latency":{"value":[)";
  for (std::size_t i = 0; i < gaps_ns.size(); ++i) append(out, i > 0 ? "," : "", to_ms(Duration{gaps_ns[i]}));
  out += R"(],"unit":"ms"})";
}

// What is ours: which model workers served it, and whether it was good by our own measure.
void append_ours(std::string& out, const RequestRecord& r, const Summary& summary, const LiveRecord* live) {
  const auto name_of = [&](WorkerId id) { return std::string_view(summary.workers[id.value].info.name); };
  out += R"(,"infbench":{)";
  if (r.worker) append(out, R"("worker":)", name_of(*r.worker), ",");
  if (r.prefill_worker) append(out, R"("prefill_worker":)", name_of(*r.prefill_worker), ",");
  const bool good = succeeded(r) && ttft_within(r, summary.slo.ttft) && itl_within(r, summary.slo.itl);
  out += good ? R"("good":true)" : R"("good":false)";
  if (live != nullptr) {
    append(out, R"(,"lag_ms":)", to_ms(r.sent - r.scheduled));
    if (succeeded(r)) append(out, R"(,"scheduled_time_to_first_token_ms":)", to_ms(ttft(r)));
    append(out, R"(,"output_tokens_asked":)", r.output_asked);
    append(out, R"(,"chunks":)", live->chunks);
    append(out, R"(,"chunks_together":)", live->chunks_together);
    if (live->sent_again) out += R"(,"sent_again":true)";
  }
  out += '}';
}

}  // namespace

void append_request_id(std::string& out, std::uint64_t seed, trace::RequestIndex request) {
  const std::uint64_t high = mix64(seed ^ mix64(2 * std::uint64_t{request.value}));
  const std::uint64_t low = mix64(seed ^ mix64(2 * std::uint64_t{request.value} + 1));
  std::array<char, 40> text{};
  char* const end = fmt::format_to(text.data(), "{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}", high >> 32U, (high >> 16U) & 0xFFFFU,
                                   high & 0xFFFU, ((low >> 48U) & 0x3FFFU) | 0x8000U, low & 0xFFFF'FFFF'FFFFU);
  out.append(text.data(), end);
}

std::uint64_t request_id_seed(const RunInfo& info, const Slo& slo) { return hash_bytes(benchmark_id(info, slo), 1); }

RecordLines::RecordLines(const RunInfo& info, const Summary& summary)
    : summary_(summary), id_seed_(request_id_seed(info, summary.slo)), epoch_ns_(info.epoch_ns) {
  same_for_all_ =
      fmt::format(R"(,"worker_id":"worker_{:08x}","record_processor_id":"record_processor_{:08x}","benchmark_phase":")",
                  mix64(id_seed_) >> 32U, mix64(id_seed_ + 1) >> 32U);
  for (const RecordMetric& metric : http_record_metrics()) {
    const Metric& named = metric_of(metric.stats);
    const bool whole = named.unit == "tokens" || named.unit == "count" || named.unit == "ratio";
    http_heads_.push_back({fmt::format(R"(,"{}":{{"value":)", named.tag), fmt::format(R"(,"unit":"{}"}})", named.unit), whole});
  }
}

void RecordLines::append_http_metrics(const RequestRecord& r, std::string& out) const {
  std::size_t i = 0;
  for (const RecordMetric& metric : http_record_metrics()) {
    const HttpHead& head = http_heads_[i++];
    const auto value = metric.of(r);
    if (!value) continue;
    if (head.whole) {
      measure::append(out, head.before, static_cast<std::int64_t>(*value), head.after);
    } else {
      measure::append(out, head.before, *value, head.after);
    }
  }
  append_gaps(out, r.http->gaps_ns);
}

void RecordLines::append_metadata(const RequestRecord& r, const LiveRecord* live, std::string& out) const {
  const auto append_time = [&](std::string_view head, Time time) { measure::append(out, head, epoch_ns_ + time.ns); };
  std::array<char, 24> text{};
  const std::string_view session(
      text.data(), static_cast<std::size_t>(fmt::format_to(text.data(), "session_{:06}", r.request.value) - text.data()));
  measure::append(out, R"("metadata":{"session_num":)", std::int64_t{r.request.value}, R"(,"x_request_id":")");
  append_request_id(out, id_seed_, r.request);
  out += R"(","x_correlation_id":"fixed-schedule-)";
  out += session;
  out += R"(","conversation_id":")";
  out += session;
  append_time(R"(","turn_index":0,"credit_issued_ns":)", r.scheduled);
  append_time(R"(,"request_start_ns":)", r.sent);
  const std::optional<Time> ack = r.http != nullptr ? r.http->receive_start : r.first_token;
  if (ack) append_time(R"(,"request_ack_ns":)", *ack);
  append_time(R"(,"request_end_ns":)", r.end.value_or(r.sent));
  out += same_for_all_;
  out +=
      live != nullptr && live->warmup
          ? R"(warmup","phase_index":0,"phase_name":"warmup","phase_kind":"warmup","was_cancelled":)"
          : R"(profiling","phase_index":0,"profiling_index":0,"phase_name":"profiling","phase_kind":"profiling","was_cancelled":)";
  out += r.error_code == 499 && !succeeded(r) ? "true" : "false";
  out += R"(,"context_overflow_skip":false,"agent_depth":0,"root_correlation_id":"fixed-schedule-)";
  out += session;
  out += R"("})";
}

void RecordLines::append(const RequestRecord& r, std::string& out) const { append_line(r, nullptr, out); }
void RecordLines::append(const LiveRecord& live, std::string& out) const { append_line(live.record, &live, out); }

void RecordLines::append_line(const RequestRecord& r, const LiveRecord* live, std::string& out) const {
  out += '{';
  append_metadata(r, live, out);
  out += R"(,"metrics":{)";
  if (succeeded(r)) {
    append_metrics(out, r, summary_.slo);
    if (r.http != nullptr) append_http_metrics(r, out);
    out += R"(},"error":null)";
  } else {
    measure::append(out, R"("error_isl":{"value":)", r.input, kTokens);
    out += R"(},"error":)";
    append_error(r, live, out);
  }
  append_ours(out, r, summary_, live);
  out += "}\n";
}

}  // namespace infbench::measure
