#include "measure/explain.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace infbench::measure {
namespace {

constexpr std::array<std::string_view, kParts> kNames{"router_wait",    "queue",       "recompute",   "own_prefill",
                                                      "others_prefill", "kv_transfer", "decode_batch"};

Part part_at(std::size_t i) { return static_cast<Part>(i); }

void add(ExplainSummary::Missed& missed, Part cause, const TimeParts& parts) {
  ++missed.requests;
  ++missed.causes[static_cast<std::size_t>(cause)];
  for (std::size_t i = 0; i < kParts; ++i) missed.parts[part_at(i)] += parts[part_at(i)];
}

void write_missed(JsonWriter& json, std::string_view name, const ExplainSummary::Missed& missed) {
  json.key(name);
  json.begin_object();
  json.member("requests", missed.requests);
  json.key("causes");
  json.begin_object();
  for (std::size_t i = 0; i < kParts; ++i) json.member(kNames[i], missed.causes[i]);
  json.end_object();
  json.key("mean_ms");
  json.begin_object();
  for (std::size_t i = 0; i < kParts; ++i) {
    std::optional<double> mean;
    if (missed.requests > 0) mean = to_ms(missed.parts[part_at(i)]) / static_cast<double>(missed.requests);
    json.member(kNames[i], mean);
  }
  json.end_object();
  json.end_object();
}

void write_parts(JsonWriter& json, std::string_view name, const TimeParts& parts) {
  json.key(name);
  json.begin_object();
  for (std::size_t i = 0; i < kParts; ++i) json.member(kNames[i], parts[part_at(i)].ns);
  json.end_object();
}

void write_line(JsonWriter& json, const RequestRecord& r, const Explanation& e, const Slo& slo) {
  const bool late = !ttft_within(r, slo.ttft);
  const bool slow = !itl_within(r, slo.itl);
  json.begin_object();
  json.member("request", r.request.value);
  json.member("scheduled_ns", r.scheduled.ns);
  json.member("ttft_ns", ttft(r).ns);
  json.member("e2e_latency_ns", e2e_latency(r).ns);
  json.member("missed_ttft", late);
  json.member("missed_itl", slow);
  json.key("ttft_cause");
  if (late) json.value(name_of(cause_of_ttft(e)));
  if (!late) json.null();
  json.key("itl_cause");
  if (slow) json.value(name_of(cause_of_itl(e, slo.itl, r.output)));
  if (!slow) json.null();
  json.member("input", r.input);
  json.member("cached", r.cached);
  json.member("evicted", e.evicted);
  json.member("output", r.output);
  json.member("worker", r.worker->value);
  json.key("prefill_worker");
  if (r.prefill_worker) json.value(r.prefill_worker->value);
  if (!r.prefill_worker) json.null();
  write_parts(json, "to_first_token_ns", e.to_first_token);
  write_parts(json, "after_ns", e.after);
  json.end_object();
}

}  // namespace

std::string_view name_of(Part part) { return kNames[static_cast<std::size_t>(part)]; }

Duration TimeParts::total() const {
  Duration sum;
  for (const Duration part : parts_) sum += part;
  return sum;
}

Part TimeParts::largest() const {
  return part_at(static_cast<std::size_t>(std::max_element(parts_.begin(), parts_.end()) - parts_.begin()));
}

Part cause_of_ttft(const Explanation& explanation) { return explanation.to_first_token.largest(); }

Part cause_of_itl(const Explanation& explanation, Duration itl, Tokens output) {
  TimeParts others = explanation.after;
  if (others[Part::decode_batch] > itl * (output - 1)) return Part::decode_batch;
  others[Part::decode_batch] = {};
  return others.largest();
}

ExplainSummary summarize(std::span<const RequestRecord> records, std::span<const Explanation> explanations, const Slo& slo) {
  INFBENCH_CHECK(records.size() == explanations.size());
  ExplainSummary summary;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const RequestRecord& r = records[i];
    const Explanation& e = explanations[i];
    if (!succeeded(r)) {
      ++summary.errors;
      continue;
    }
    if (!ttft_within(r, slo.ttft)) add(summary.ttft, cause_of_ttft(e), e.to_first_token);
    if (!itl_within(r, slo.itl)) add(summary.itl, cause_of_itl(e, slo.itl, r.output), e.after);
  }
  return summary;
}

void write_explain(JsonWriter& json, const ExplainSummary& summary) {
  json.begin_object();
  write_missed(json, "missed_ttft", summary.ttft);
  write_missed(json, "missed_itl", summary.itl);
  json.member("errors", summary.errors);
  json.end_object();
}

std::string explain_lines(std::span<const RequestRecord> records, std::span<const Explanation> explanations, const Slo& slo) {
  INFBENCH_CHECK(records.size() == explanations.size());
  std::string out;
  JsonWriter json(out);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const RequestRecord& r = records[i];
    if (!succeeded(r) || (ttft_within(r, slo.ttft) && itl_within(r, slo.itl))) continue;
    write_line(json, r, explanations[i], slo);
    out += '\n';
  }
  return out;
}

}  // namespace infbench::measure
