#include "live/gateway_metrics.h"

#include <algorithm>

namespace infbench::live {
namespace {

// sglang-router's bounds, in seconds.
constexpr std::array<double, 20> kDurations{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                            5,     10,    15,   30,    45,   60,  90,   120, 180, 240};
constexpr std::array<double, 14> kDecisions{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 1e-1};

constexpr std::array<std::string_view, 4> kMethodNames{"GET", "POST", "DELETE", "other"};
constexpr std::array<std::string_view, 14> kPathNames{"/v1/chat/completions",
                                                      "/v1/completions",
                                                      "/generate",
                                                      "/v1/models",
                                                      "/health",
                                                      "/liveness",
                                                      "/readiness",
                                                      "/workers",
                                                      "/get_loads",
                                                      "/flush_cache",
                                                      "/model_info",
                                                      "/get_server_info",
                                                      "/health_generate",
                                                      "other"};
constexpr std::array<std::string_view, 4> kEndpointNames{"chat", "completions", "generate", "other"};
constexpr std::array<std::string_view, 3> kStateNames{"closed", "open", "half_open"};

template <std::size_t N>
std::uint8_t place(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end() - 1, name);  // the last: all others
  return static_cast<std::uint8_t>(found - names.begin());
}

constexpr std::array<Role, 3> kRoleList{Role::aggregated, Role::prefill, Role::decode};
std::string_view type_of(Role role) { return role == Role::aggregated ? "regular" : name_of(role); }

// key="value", appended.
void add_label(std::string& labels, std::string_view key, std::string_view value) {
  if (!labels.empty()) labels += ',';
  labels.append(key).append("=\"").append(label_value(value)).append("\"");
}

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
std::string labels_of(Labels pairs) {
  std::string out;
  for (const auto& [key, value] : pairs) add_label(out, key, value);
  return out;
}

void write_count(std::string& out, std::string_view name, Labels labels, std::uint64_t value) {
  write_value(out, name, labels_of(labels), static_cast<double>(value));
}

// One line for each worker that has not been removed.
template <class Value>
void write_workers(std::string& out, const Gateway& gateway, std::string_view name, std::string_view type,
                   std::string_view help, Value value) {
  write_family(out, name, type, help);
  for (std::size_t i = 0; i < gateway.workers().size(); ++i) {
    const GatewayWorker& worker = gateway.workers()[i];
    if (worker.removed) continue;
    write_value(out, name, labels_of({{"worker", worker.settings.target.url}}), static_cast<double>(value(worker, i)));
  }
}

void write_breakers(std::string& out, const Gateway& gateway) {
  write_workers(out, gateway, "smg_worker_cb_state", "gauge", "Circuit breaker: 0 closed, 1 open, 2 half open.",
                [](const GatewayWorker& w, std::size_t) { return static_cast<int>(w.breaker.state()); });
  write_workers(out, gateway, "smg_worker_cb_consecutive_failures", "gauge", "Failures in a row.",
                [](const GatewayWorker& w, std::size_t) { return w.breaker.failures(); });
  write_workers(out, gateway, "smg_worker_cb_consecutive_successes", "gauge", "Successes in a row while half open.",
                [](const GatewayWorker& w, std::size_t) { return w.breaker.successes(); });
  write_family(out, "smg_worker_cb_outcomes_total", "counter", "Attempts by how they ended.");
  for (const GatewayWorker& worker : gateway.workers()) {
    if (worker.removed) continue;  // one that was added again has the same name
    const std::string_view url = worker.settings.target.url;
    const CircuitBreaker::Counts& counts = worker.breaker.counts();
    write_count(out, "smg_worker_cb_outcomes_total", {{"worker", url}, {"outcome", "success"}}, counts.successes);
    write_count(out, "smg_worker_cb_outcomes_total", {{"worker", url}, {"outcome", "failure"}}, counts.failures);
  }
  write_family(out, "smg_worker_cb_transitions_total", "counter", "Changes of a circuit breaker's state.");
  for (const GatewayWorker& worker : gateway.workers()) {
    if (worker.removed) continue;
    for (std::size_t from = 0; from < 3; ++from) {
      for (std::size_t to = 0; to < 3; ++to) {
        if (from == to) continue;
        write_count(out, "smg_worker_cb_transitions_total",
                    {{"worker", worker.settings.target.url}, {"from", kStateNames[from]}, {"to", kStateNames[to]}},
                    worker.breaker.counts().transitions[from][to]);
      }
    }
  }
}

void write_pool(std::string& out, const Gateway& gateway) {
  write_family(out, "smg_worker_pool_size", "gauge", "Workers known.");
  for (const Role role : kRoleList) {
    const auto known =
        std::ranges::count_if(gateway.workers(), [&](const GatewayWorker& w) { return !w.removed && w.settings.role == role; });
    if (known == 0) continue;
    write_count(out, "smg_worker_pool_size",
                {{"worker_type", type_of(role)}, {"connection_mode", "http"}, {"model", "default"}},
                static_cast<std::uint64_t>(known));
  }
  write_workers(out, gateway, "smg_worker_health", "gauge", "1: passes its health checks.",
                [](const GatewayWorker& w, std::size_t) { return w.health.healthy() ? 1 : 0; });
  write_workers(out, gateway, "smg_worker_requests_active", "gauge", "Attempts under way.",
                [](const GatewayWorker& w, std::size_t) { return w.active; });
  write_family(out, "smg_worker_errors_total", "counter", "Attempts that failed.");
  for (const Role role : kRoleList) {
    std::uint64_t failures = 0;
    for (const GatewayWorker& w : gateway.workers()) failures += w.settings.role == role ? w.breaker.counts().failures : 0;
    if (failures == 0) continue;
    write_count(out, "smg_worker_errors_total",
                {{"worker_type", type_of(role)}, {"connection_mode", "http"}, {"error_type", "backend_error"}}, failures);
  }
}

}  // namespace

GatewayMetrics::GatewayMetrics(std::string policy, std::string prefill_policy, std::string decode_policy)
    : policies_{policy, prefill_policy.empty() ? policy : std::move(prefill_policy),
                decode_policy.empty() ? policy : std::move(decode_policy)},
      http_durations_(kMethods * kPaths, DurationHistogram(kDurations)),
      router_durations_(kEndpoints, DurationHistogram(kDurations)),
      ttfts_(kEndpoints, DurationHistogram(kDurations)),
      decisions_(kDecisions) {
  static_assert(kPathNames.size() == kPaths && kMethodNames.size() == kMethods && kEndpointNames.size() == kEndpoints);
}

// ---- Counting

void GatewayMetrics::begin(Request& request, std::string_view method, std::string_view path, Time since) {
  request = {.since = since, .method = place(kMethodNames, method), .path = place(kPathNames, path), .open = true};
  ++http_[request.method][request.path];
}

void GatewayMetrics::routed(Request& request, std::optional<net::Api> api, bool stream) {
  request.endpoint = !api                            ? std::uint8_t{3}
                     : *api == net::Api::chat        ? std::uint8_t{0}
                     : *api == net::Api::completions ? std::uint8_t{1}
                                                     : std::uint8_t{2};
  request.routed = true;
  request.stream = stream;
  ++router_requests_[request.endpoint][stream ? 1 : 0];
}

void GatewayMetrics::decided(Duration took) { decisions_.add(took); }

void GatewayMetrics::count_choice(const route::Pick& pick, Tokens input) {
  if (pick.worker.value >= workers_.size()) workers_.resize(pick.worker.value + 1);
  Worker& worker = workers_[pick.worker.value];
  ++worker.choices[std::min(static_cast<std::size_t>(pick.why), kReasons - 1)];
  worker.prompts += input;
  worker.expected_cached += pick.cached;
}

void GatewayMetrics::chosen(const Request& request, const GatewayChoice& choice, Tokens input, Role role) {
  count_choice(choice.route.pick, input);
  if (choice.route.decode) count_choice(*choice.route.decode, 0);
  if (choice.attempt > 1) ++retries_[static_cast<std::size_t>(role)][request.endpoint];
}

void GatewayMetrics::retries_exhausted(const Request& request, Role role) {
  ++exhausted_[static_cast<std::size_t>(role)][request.endpoint];
}

void GatewayMetrics::first_bytes(const Request& request, Time now) {
  if (request.open && request.stream) ttfts_[request.endpoint].add(now - request.since);
}

void GatewayMetrics::end(Request& request, int status, Time now) {
  if (!request.open) return;
  request.open = false;
  const Duration took = now - request.since;
  http_durations_[request.method * kPaths + request.path].add(took);
  if (request.routed && status < 400) router_durations_[request.endpoint].add(took);
  const auto same = std::ranges::find_if(
      responses_, [&](const Response& known) { return known.status == status && known.code == request.code; });
  if (same != responses_.end()) {
    ++same->count;
  } else {
    responses_.push_back({status, request.code, 1});
  }
}

// ---- The text

void GatewayMetrics::write_http(std::string& out, std::size_t connections) const {
  write_family(out, "smg_http_requests_total", "counter", "HTTP requests of clients.");
  for (std::size_t m = 0; m < kMethods; ++m) {
    for (std::size_t p = 0; p < kPaths; ++p) {
      if (http_[m][p] == 0) continue;
      write_count(out, "smg_http_requests_total", {{"method", kMethodNames[m]}, {"path", kPathNames[p]}}, http_[m][p]);
    }
  }
  write_family(out, "smg_http_request_duration_seconds", "histogram", "From a request's last byte to the end of its answer.");
  for (std::size_t m = 0; m < kMethods; ++m) {
    for (std::size_t p = 0; p < kPaths; ++p) {
      const DurationHistogram& durations = http_durations_[m * kPaths + p];
      if (durations.count() == 0) continue;
      durations.write(out, "smg_http_request_duration_seconds",
                      labels_of({{"method", kMethodNames[m]}, {"path", kPathNames[p]}}));
    }
  }
  write_family(out, "smg_http_responses_total", "counter", "Answers to clients; error_code: of those made here.");
  for (const Response& response : responses_) {
    write_count(out, "smg_http_responses_total",
                {{"status_code", std::to_string(response.status)}, {"error_code", response.code}}, response.count);
  }
  write_gauge(out, "smg_http_connections_active", "Connections of clients.", {}, static_cast<double>(connections));
}

void GatewayMetrics::write_router(std::string& out, std::string_view backend) const {
  const auto labels = [&](std::size_t endpoint) {
    return labels_of({{"router_type", "http"},
                      {"backend_type", backend},
                      {"connection_mode", "http"},
                      {"model", "default"},
                      {"endpoint", kEndpointNames[endpoint]}});
  };
  write_family(out, "smg_router_requests_total", "counter", "Requests to be routed.");
  for (std::size_t e = 0; e < kEndpoints; ++e) {
    for (const bool stream : {false, true}) {
      const std::uint64_t count = router_requests_[e][stream ? 1 : 0];
      if (count == 0) continue;
      std::string with = labels(e);
      add_label(with, "streaming", stream ? "true" : "false");
      write_value(out, "smg_router_requests_total", with, static_cast<double>(count));
    }
  }
  const auto histograms = [&](std::string_view name, std::string_view help, const std::vector<DurationHistogram>& all) {
    write_family(out, name, "histogram", help);
    for (std::size_t e = 0; e < kEndpoints; ++e) {
      if (all[e].count() > 0) all[e].write(out, name, labels(e));
    }
  };
  histograms("smg_router_request_duration_seconds", "Of routed requests that were answered without an error.",
             router_durations_);
  histograms("smg_router_ttft_seconds", "Streams: from a request's last byte to the first of its answer.", ttfts_);
  write_family(out, "smg_router_upstream_responses_total", "counter", "Answers of workers.");
  for (std::size_t status = 0; status < kStatuses; ++status) {
    if (upstream_statuses_[status] == 0) continue;
    write_count(out, "smg_router_upstream_responses_total",
                {{"router_type", "http"}, {"status_code", std::to_string(status)}, {"error_code", ""}},
                upstream_statuses_[status]);
  }
}

void GatewayMetrics::write_selections(std::string& out, const Gateway& gateway) const {
  write_family(out, "smg_worker_selection_total", "counter", "Choices of a worker.");
  for (const Role role : kRoleList) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (gateway.workers()[i].settings.role != role) continue;
      for (const std::uint64_t count : workers_[i].choices) sum += count;
    }
    if (sum == 0) continue;
    write_count(out, "smg_worker_selection_total",
                {{"worker_type", type_of(role)},
                 {"connection_mode", "http"},
                 {"model", "default"},
                 {"policy", policies_[static_cast<std::size_t>(role)]}},
                sum);
  }
  write_family(out, "smg_worker_health_checks_total", "counter", "Health checks by their result.");
  for (const Role role : kRoleList) {
    const auto& [ok, failed] = health_checks_[static_cast<std::size_t>(role)];
    if (ok + failed == 0) continue;
    write_count(out, "smg_worker_health_checks_total", {{"worker_type", type_of(role)}, {"result", "success"}}, ok);
    write_count(out, "smg_worker_health_checks_total", {{"worker_type", type_of(role)}, {"result", "failure"}}, failed);
  }
}

void GatewayMetrics::write_retries(std::string& out) const {
  const auto family = [&](std::string_view name, std::string_view help, const auto& counts) {
    write_family(out, name, "counter", help);
    for (const Role role : kRoleList) {
      for (std::size_t e = 0; e < kEndpoints; ++e) {
        const std::uint64_t count = counts[static_cast<std::size_t>(role)][e];
        if (count > 0) write_count(out, name, {{"worker_type", type_of(role)}, {"endpoint", kEndpointNames[e]}}, count);
      }
    }
  };
  family("smg_worker_retries_total", "Attempts after the first.", retries_);
  family("smg_worker_retries_exhausted_total", "Requests refused after their last attempt.", exhausted_);
}

void GatewayMetrics::write_own(std::string& out, const Gateway& gateway, Time now) const {
  const auto of = [&](std::size_t worker) { return worker < workers_.size() ? workers_[worker] : Worker{}; };
  write_family(out, "srtctl_route_decision_seconds", "histogram", "From a whole request to the choice of a worker.");
  decisions_.write(out, "srtctl_route_decision_seconds", {});
  write_workers(out, gateway, "srtctl_route_prompt_tokens_total", "counter", "Prompt tokens sent, as estimated.",
                [&](const GatewayWorker&, std::size_t i) { return of(i).prompts; });
  write_workers(out, gateway, "srtctl_route_expected_cached_tokens_total", "counter",
                "Prompt tokens that were expected in the worker's cache.",
                [&](const GatewayWorker&, std::size_t i) { return of(i).expected_cached; });
  write_workers(out, gateway, "srtctl_route_worker_load_tokens", "gauge", "KV tokens that the worker is believed to hold.",
                [&](const GatewayWorker&, std::size_t i) {
                  const WorkerId id{static_cast<std::uint32_t>(i)};
                  return gateway.router().ledger().knows(id) ? gateway.router().ledger().view(id, now).kv_used : 0;
                });
  write_workers(out, gateway, "srtctl_route_worker_uncomputed_tokens", "gauge",
                "Prompt tokens that are still to be computed there.", [&](const GatewayWorker&, std::size_t i) {
                  const WorkerId id{static_cast<std::uint32_t>(i)};
                  return gateway.router().ledger().knows(id) ? gateway.router().ledger().view(id, now).uncomputed : 0;
                });
  write_family(out, "srtctl_route_choices_total", "counter", "Choices of a worker by their reason.");
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (gateway.workers()[i].removed) continue;
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      if (workers_[i].choices[reason] == 0) continue;
      write_count(out, "srtctl_route_choices_total",
                  {{"worker", gateway.workers()[i].settings.target.url},
                   {"reason", route::name_of(static_cast<route::Reason>(reason))}},
                  workers_[i].choices[reason]);
    }
  }
  write_gauge(out, "srtctl_route_requests", "Requests that have not ended: waiting, held, or under way.", {},
              static_cast<double>(gateway.calls()));
  write_counter(out, "srtctl_route_decision_log_bytes_total", "Bytes written to the decision log.", {},
                static_cast<std::int64_t>(decision_log_bytes_));
}

std::string GatewayMetrics::text(const Gateway& gateway, std::size_t connections, Time now) const {
  const bool pairs = std::ranges::any_of(gateway.workers(), [](const auto& w) { return w.settings.role != Role::aggregated; });
  std::string out;
  write_http(out, connections);
  write_router(out, pairs ? "pd" : "regular");
  write_pool(out, gateway);
  write_selections(out, gateway);
  write_retries(out);
  write_breakers(out, gateway);
  write_own(out, gateway, now);
  return out;
}

}  // namespace infbench::live
