#include "report/read_summary.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <type_traits>

#include <simdjson.h>

namespace infbench::report {
namespace {

using measure::Stats;
using measure::Summary;
using simdjson::dom::element;

// Beyond what any run has, and so far below the largest number that sums and products of two fit.
constexpr std::int64_t kMostRequests = 2'000'000'000;
constexpr std::int64_t kMostCount = 1'000'000'000'000'000;
constexpr double kMostMs = 1e12;
constexpr double kMostSeconds = 1e9;

template <typename T>
bool in_range(const T& value) {
  if constexpr (std::is_same_v<T, std::int64_t>) return value >= -kMostCount && value <= kMostCount;
  if constexpr (std::is_same_v<T, double>) return std::abs(value) <= kMostMs;
  return true;
}

// Values by JSON pointer; what is not there, null or out of range stays as it was. Remembers whether something required was
// missing.
class Reader {
 public:
  explicit Reader(element document) : document_(document) {}

  template <typename T>
  bool get(std::string_view pointer, T& value) const {
    T found{};
    if (document_.at_pointer(pointer).get(found) != simdjson::SUCCESS || !in_range(found)) return false;
    value = found;
    return true;
  }
  void text(std::string_view pointer, std::string& value) const {
    std::string_view found;
    if (document_.at_pointer(pointer).get(found) == simdjson::SUCCESS) value = found;
  }
  void texts(std::string_view pointer, std::vector<std::string>& values) const {
    simdjson::dom::array array;
    if (document_.at_pointer(pointer).get(array) != simdjson::SUCCESS) return;
    for (const element item : array) {
      std::string_view found;
      if (item.get(found) == simdjson::SUCCESS) values.emplace_back(found);
    }
  }
  template <typename T>
  void require(std::string_view pointer, T& value) {
    complete_ = get(pointer, value) && complete_;
  }
  // The five figures of a latency.
  void latency(std::string_view pointer, std::int64_t count, Stats& stats) const {
    element found;
    if (document_.at_pointer(pointer).get(found) != simdjson::SUCCESS || !found.is_object()) return;
    const Reader inner(found);
    stats.count = count;
    inner.get("/mean", stats.avg);
    inner.get("/p50", stats.p50);
    inner.get("/p90", stats.p90);
    inner.get("/p99", stats.p99);
    inner.get("/max", stats.max);
  }
  template <typename Each>
  void each(std::string_view pointer, Each each) const {
    simdjson::dom::array array;
    if (document_.at_pointer(pointer).get(array) != simdjson::SUCCESS) return;
    for (const element item : array) each(Reader(item));
  }
  template <typename Each>
  void members(std::string_view pointer, Each each) const {
    simdjson::dom::object object;
    if (document_.at_pointer(pointer).get(object) != simdjson::SUCCESS) return;
    for (const auto [key, item] : object) {
      std::string_view found;
      if (item.get(found) == simdjson::SUCCESS) each(key, found);
    }
  }
  bool has(std::string_view pointer) const { return document_.at_pointer(pointer).error() == simdjson::SUCCESS; }
  bool complete() const { return complete_; }

 private:
  element document_;
  bool complete_ = true;
};

Duration of_ms(double ms) { return {std::llround(ms * 1e6)}; }

Role role_of(std::string_view name) {
  for (const Role role : {Role::prefill, Role::decode}) {
    if (name == name_of(role)) return role;
  }
  return Role::aggregated;
}

void read_info(const Reader& in, measure::RunInfo& info) {
  in.get("/stand_in_trace", info.stand_in_trace);
  in.text("/recipe_path", info.recipe_path);
  in.texts("/overrides", info.overrides);
  in.text("/policy", info.policy);
  in.text("/topology", info.topology);
  in.text("/model", info.model);
  std::int64_t gpus = 0;
  in.get("/gpus", gpus);
  info.gpus = static_cast<int>(gpus);
  in.text("/trace/name", info.trace);
  in.text("/trace/sha256", info.trace_sha256);
  in.get("/speed", info.speed);
  in.get("/seed", info.seed);
  in.texts("/notes", info.notes);
}

// A count from its share; exact, since the share is the quotient of the two.
std::int64_t count_of(const Reader& in, std::string_view pointer, std::int64_t all) {
  double share = 0;
  in.get(pointer, share);
  return std::llround(std::clamp(share, 0.0, 1.0) * static_cast<double>(all));
}

void read_figures(const Reader& in, Summary& s) {
  in.get("/good_requests", s.good_requests);
  in.get("/good_request_count", s.good_request_count);
  s.succeeded = s.requests - s.errors;
  s.ttft_within = count_of(in, "/ttft_within_fraction", s.requests);
  s.itl_within = count_of(in, "/itl_within_fraction", s.requests);
  in.latency("/ttft_ms", s.succeeded, s.ttft_ms);
  in.latency("/itl_ms", s.succeeded, s.itl_ms);
  in.latency("/e2e_latency_ms", s.succeeded, s.e2e_latency_ms);
  in.get("/input_tokens", s.input_tokens);
  in.get("/output_tokens", s.output_tokens);
  s.cached_tokens = count_of(in, "/prefix_hit_rate", s.input_tokens);
  double duration_s = 0;
  in.get("/duration_s", duration_s);
  s.duration = {std::llround(std::clamp(duration_s, 0.0, kMostSeconds) * 1e9)};
}

// The grid's point and the figures of --draws, which not every run has.
void read_study(const Reader& in, const element& document, measure::RunResult& run) {
  simdjson::dom::array drawn;
  if (document.at_pointer("/drawn_goodput_fractions").get(drawn) == simdjson::SUCCESS) {
    for (const element item : drawn) {
      double fraction = 0;
      if (item.get(fraction) == simdjson::SUCCESS) run.summary.drawn_goodput.push_back(fraction);
    }
  }
  in.members("/point", [&](std::string_view key, std::string_view value) { run.info.point.emplace_back(key, value); });
}

void read_loads(const Reader& in, Summary& s) {
  in.each("/workers", [&](const Reader& worker) {
    measure::WorkerLoad load;
    std::string role;
    worker.text("/name", load.info.name);
    worker.text("/role", role);
    load.info.role = role_of(role);
    worker.get("/requests", load.requests);
    worker.get("/errors", load.errors);
    worker.get("/uncomputed_tokens", load.uncomputed_tokens);
    worker.get("/output_tokens", load.output_tokens);
    worker.get("/peak_kv_tokens", load.info.kv_peak);
    worker.get("/kv_capacity_tokens", load.info.kv_capacity);
    s.workers.push_back(std::move(load));
  });
  in.each("/load", [&](const Reader& role) {
    measure::RoleLoad load;
    std::string name;
    std::int64_t workers = 0;
    role.text("/role", name);
    load.role = role_of(name);
    role.get("/workers", workers);
    load.workers = static_cast<int>(workers);
    double ratio = 0;
    if (role.get("/requests_max_over_mean", ratio)) load.requests_max_over_mean = ratio;
    if (role.get("/uncomputed_tokens_max_over_mean", ratio)) load.uncomputed_max_over_mean = ratio;
    s.roles.push_back(load);
  });
  in.each("/error_summary", [&](const Reader& error) {
    measure::ErrorCount count;
    std::int64_t code = 0;
    error.get("/code", code);
    count.code = static_cast<int>(code);
    error.text("/message", count.message);
    error.get("/count", count.count);
    s.error_counts.push_back(std::move(count));
  });
}

void read_live(const Reader& in, measure::RunResult& run) {
  measure::LiveFigures live;
  in.texts("/live/not_valid", live.not_valid);
  in.get("/live/interrupted", live.interrupted);
  in.latency("/live/lag_ms", run.summary.requests, live.lag_ms);
  in.latency("/live/inter_chunk_latency_ms", 1, live.inter_chunk_latency);
  in.get("/live/chunks", live.chunks);
  in.get("/live/chunks_together", live.chunks_together);
  in.get("/live/truncated_answers", live.truncated);
  in.get("/live/token_mismatch_answers", live.token_mismatch);
  in.get("/live/answers_not_counted_by_server", live.not_counted);
  in.get("/live/sent_again", live.sent_again);
  in.get("/live/not_sent", live.not_sent);
  in.get("/live/connections", live.connections);
  in.get("/live/client_cpu_s", live.cpu_s);
  in.get("/live/client_cpu_fraction", live.cpu_fraction);
  run.info.interrupted = live.interrupted;
  run.live = std::move(live);
}

}  // namespace

bool read_summary(const element& document, measure::RunResult& run) {
  Reader in(document);
  double ttft_ms = 0;
  double itl_ms = 0;
  std::string_view recipe;
  in.require("/recipe", recipe);
  in.require("/simulated", run.info.simulated);
  in.require("/limits/ttft_ms", ttft_ms);
  in.require("/limits/itl_ms", itl_ms);
  in.require("/requests", run.summary.requests);
  in.require("/errors", run.summary.errors);
  const auto some_of = [&](std::int64_t count) { return count >= 0 && count <= run.summary.requests; };
  if (!in.complete() || run.summary.requests > kMostRequests || !some_of(run.summary.errors)) return false;
  run.info.recipe = recipe;
  run.summary.slo = {.ttft = of_ms(ttft_ms), .itl = of_ms(itl_ms)};
  read_info(in, run.info);
  run.summary.gpus = run.info.gpus;
  read_figures(in, run.summary);
  if (!some_of(run.summary.good_requests)) return false;
  read_study(in, document, run);
  read_loads(in, run.summary);
  if (in.has("/live")) read_live(in, run);
  return true;
}

}  // namespace infbench::report
