// route: the gateway on its port, until a signal.
#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "cost/model.h"
#include "live/gateway_shell.h"
#include "live/replay_inputs.h"
#include "net/event_loop.h"

namespace infbench::cli {
namespace {

Duration of_seconds(double s) { return Duration{static_cast<std::int64_t>(s * 1e9)}; }

void add_worker(const std::string& url, Role role, std::vector<live::UpstreamSettings>& workers, Errors& errors) {
  auto target = live::parse_target(url);
  if (target) {
    workers.push_back({.target = *std::move(target), .role = role, .bootstrap_port = {}});
  } else {
    errors.insert(errors.end(), target.error().begin(), target.error().end());
  }
}

// --prefill gives URLs, each followed by a port, "none" or nothing.
void add_prefill(const std::vector<std::string>& words, std::vector<live::UpstreamSettings>& workers, Errors& errors) {
  for (const std::string& word : words) {
    int port = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
    const bool number = error == std::errc() && end == word.data() + word.size();
    if (!number && word != "none") {
      add_worker(word, Role::prefill, workers, errors);
    } else if (workers.empty() || workers.back().bootstrap_port) {
      errors.push_back(
          {.what = "--prefill: expected an address before the port " + word, .hint = {}, .file = {}, .source_line = {}});
    } else if (number && (port < 1 || port > 65535)) {
      errors.push_back(
          {.what = "--prefill: expected a port from 1 to 65535, found " + word, .hint = {}, .file = {}, .source_line = {}});
    } else if (number) {
      workers.back().bootstrap_port = port;
    }
  }
}

Result<std::vector<live::UpstreamSettings>> workers_of(const RouteOptions& options) {
  std::vector<live::UpstreamSettings> workers;
  Errors errors;
  const bool pairs = options.settings.disaggregated;
  add_prefill(options.prefill, workers, errors);
  for (const std::string& url : options.decode) add_worker(url, Role::decode, workers, errors);
  for (const std::string& url : options.worker_urls) add_worker(url, Role::aggregated, workers, errors);
  const auto wrong = [&](std::string what, std::string hint) {
    errors.push_back({.what = std::move(what), .hint = std::move(hint), .file = {}, .source_line = {}});
  };
  if (pairs && !options.worker_urls.empty()) wrong("--worker-urls with --pd-disaggregation", "give --prefill and --decode");
  if (!pairs && !(options.prefill.empty() && options.decode.empty())) {
    wrong("--prefill and --decode without --pd-disaggregation", "add --pd-disaggregation, or give --worker-urls");
  }
  if (!errors.empty()) return fail(std::move(errors));
  return workers;
}

live::GatewaySettings settings_of(const RouteOptions& o) {
  live::GatewaySettings s = o.settings;
  s.retry.backoff_first = milliseconds(o.backoff_first_ms);
  s.retry.backoff_max = milliseconds(o.backoff_max_ms);
  if (o.disable_retries) s.retry.attempts_max = 1;
  s.breaker.enabled = !o.disable_breaker;
  s.breaker.open_for = seconds(o.breaker_timeout_s);
  s.breaker.window = seconds(o.breaker_window_s);
  s.health.enabled = !o.disable_health;
  s.health.interval = seconds(o.health_interval_s);
  s.health.timeout = seconds(o.health_timeout_s);
  s.health.startup_timeout = seconds(o.startup_timeout_s);
  if (o.concurrent_max >= 0) s.admission.concurrent_max = o.concurrent_max;
  if (o.rate_per_s > 0) s.admission.rate_per_s = o.rate_per_s;
  s.admission.queue_timeout = seconds(o.queue_timeout_s);
  s.request_timeout = seconds(o.request_timeout_s);
  s.head_timeout = of_seconds(o.head_timeout_s);
  s.shutdown_grace = seconds(o.grace_s);
  s.parameters.eviction_interval = seconds(o.eviction_interval_s);
  s.slo = {.ttft = of_seconds(o.ttft_ms / 1e3), .itl = of_seconds(o.itl_ms / 1e3)};
  return s;
}

// What policies that estimate seconds know of the workers; null: nothing.
Result<std::unique_ptr<cost::Model>> model_of(const RouteOptions& options) {
  if (options.gpu.empty()) return nullptr;
  const auto data = data_dir();
  if (!data) return fail(data.error());
  auto model = cost::load(
      *data,
      {.model = options.model, .precision = options.precision, .gpu = options.gpu, .tp = options.tp, .engine = options.engine});
  if (!model) return fail(std::move(model.error()));
  return std::make_unique<cost::Model>(*std::move(model));
}

}  // namespace

ExitCode run(const RouteOptions& options) {
  live::GatewaySettings settings = settings_of(options);
  auto workers = workers_of(options);
  if (!workers) return report_errors(workers.error());
  const auto model = model_of(options);
  if (!model) return report_errors(model.error());
  for (live::UpstreamSettings& worker : *workers) {
    worker.speed = *model ? &(*model)->step_time : nullptr;
    worker.kv_capacity = options.kv_tokens;
  }
  settings.workers = *std::move(workers);
  raise_file_limit();

  net::EventLoop loop(net::EventLoop::Received::read);
  auto gateway = live::Gateway::make(settings, net::steady_now());
  if (!gateway) return report_errors(gateway.error());
  live::GatewayShell shell(loop, settings, *std::move(gateway), [&loop] { loop.stop(); });
  if (const auto opened = shell.open(); !opened) return report_errors(opened.error(), ExitCode::cannot_launch);
  const net::SignalWatch watch(loop, [&shell](int) { shell.drain(); });
  fmt::print("gateway ready: http://{}:{} policy {}, {} workers\n", settings.host, shell.port(), settings.policy,
             settings.workers.size());
  std::fflush(stdout);
  loop.run();
  return ExitCode::success;
}

}  // namespace infbench::cli
