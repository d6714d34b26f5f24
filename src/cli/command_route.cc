// route: the gateway on its port, until a signal.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "base/number.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "cost/draw.h"
#include "cost/model.h"
#include "live/gateway_shell.h"
#include "live/replay_inputs.h"
#include "net/event_loop.h"
#include "net/tls.h"
#include "route/factory.h"

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
    const auto port = number_in<int>(word);
    if (!port && word != "none") {
      add_worker(word, Role::prefill, workers, errors);
    } else if (workers.empty() || workers.back().bootstrap_port) {
      errors.push_back(
          {.what = "--prefill: expected an address before the port " + word, .hint = {}, .file = {}, .source_line = {}});
    } else if (port && (*port < 1 || *port > 65535)) {
      errors.push_back(
          {.what = "--prefill: expected a port from 1 to 65535, found " + word, .hint = {}, .file = {}, .source_line = {}});
    } else if (port) {
      workers.back().bootstrap_port = *port;
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
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const auto same = [&](const live::UpstreamSettings& other) { return other.target.url == workers[i].target.url; };
    if (std::none_of(workers.begin(), workers.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
    errors.push_back(
        {.what = "the worker " + workers[i].target.url + " is given twice", .hint = {}, .file = {}, .source_line = {}});
  }
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
  if (o.chunk > 0) s.parameters.chunk = o.chunk;
  s.slo = {.ttft = of_seconds(o.ttft_ms / 1e3), .itl = of_seconds(o.itl_ms / 1e3)};
  return s;
}

constexpr std::size_t kFewestFiles = 48;  // to start with, and for a few clients

// Each client needs a file, and so does each connection to a worker; the rest is for health checks, for those who ask for
// metrics, and for what a program has open anyway.
void limit_connections(live::GatewaySettings& settings) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return;
  const auto all = static_cast<std::size_t>(files.rlim_cur);
  const std::size_t others = 20 + std::min(settings.workers.size(), all / 4) + std::min(all / 8, std::size_t{64});
  const std::size_t free = all - others;
  settings.clients_max = free / (settings.disaggregated ? 3 : 2);
  settings.upstreams_max = free - settings.clients_max;
}

// How `srtctl serve` counts the tokens of texts, where its KV events name them.
Result<std::optional<net::WordList>> words_of(const RouteOptions& options) {
  if (!options.kv_text) return std::nullopt;
  const auto data = data_dir();
  if (!data) return fail(data.error());
  auto words = net::WordList::built_in(*data);
  if (!words) return fail(std::move(words.error()));
  return *std::move(words);
}

// What policies that estimate seconds know of the workers. Where there are no step times for them tokens are counted, which
// is worth a warning and no reason not to serve.
class Speeds {
 public:
  explicit Speeds(const RouteOptions& options) : options_(options) {}

  live::EngineFacts of(Role role) {
    live::EngineFacts facts{.kv_capacity = options_.kv_tokens};
    if (options_.gpu.empty()) return facts;
    const bool decode = role == Role::decode && options_.decode_tp > 0;
    const auto& model = model_of(decode ? options_.decode_tp : options_.tp);
    if (!model) return facts;
    facts.speed = &model->step_time;
    // A prompt that is not cut is as long as it is: the room it needs in a step is not known.
    const Tokens chunk = options_.chunk > 0 ? options_.chunk : 0;
    if (options_.kv_tokens == 0 && options_.mem_fraction > 0)
      facts.kv_capacity = model->kv.tokens(options_.mem_fraction, chunk);
    return facts;
  }

 private:
  const std::unique_ptr<cost::Model>& model_of(int tp) {
    const auto [at, fresh] = by_tp_.try_emplace(tp);
    if (fresh) at->second = read(tp);
    return at->second;
  }

  std::unique_ptr<cost::Model> read(int tp) const {
    const auto warn = [](const Errors& errors) {
      std::fprintf(stderr, "srtctl: warning: no step times, tokens are counted instead: %s", format_errors(errors).c_str());
      return nullptr;
    };
    const auto data = data_dir();
    if (!data) return warn(data.error());
    auto model = cost::load(
        *data,
        {.model = options_.model, .precision = options_.precision, .gpu = options_.gpu, .tp = tp, .engine = options_.engine});
    if (!model) return warn(model.error());
    model->step_time = model->step_time.with(cost::sped_up(model->step_time.coefficients(), options_.time_scale));
    return std::make_unique<cost::Model>(*std::move(model));
  }

  const RouteOptions& options_;
  std::map<int, std::unique_ptr<cost::Model>> by_tp_;
};

}  // namespace

ExitCode run(const RouteOptions& options) {
  live::GatewaySettings settings = settings_of(options);
  auto workers = workers_of(options);
  if (!workers) return report_errors(workers.error());
  if (!options.tls_certificate.empty()) {
    auto tls = net::TlsContext::server(options.tls_certificate, options.tls_key);
    if (!tls) return report_errors(tls.error());
    settings.tls = *std::move(tls);
  }
  Speeds speeds(options);  // outlives the gateway
  const std::array<Role, 3> roles{Role::aggregated, Role::prefill, Role::decode};
  for (const Role role : roles) {
    if ((role != Role::aggregated) == settings.disaggregated)
      settings.engines[static_cast<std::size_t>(role)] = speeds.of(role);
  }
  for (live::UpstreamSettings& worker : *workers) {
    const live::EngineFacts& facts = settings.engines[static_cast<std::size_t>(worker.role)];
    worker.speed = facts.speed;
    worker.kv_capacity = facts.kv_capacity;
  }
  settings.workers = *std::move(workers);
  const auto words = words_of(options);
  if (!words) return report_errors(words.error());
  settings.kv.words = *words ? &**words : nullptr;
  if (const auto files = raise_file_limit(kFewestFiles); !files) return report_errors(files.error(), ExitCode::cannot_launch);
  limit_connections(settings);

  net::EventLoop loop(net::EventLoop::Received::read);
  const Time start = net::steady_now();
  std::optional<live::DecisionFile> log_file;
  std::optional<live::GatewayLog> log;
  if (!settings.decision_log.empty()) {
    auto file = live::DecisionFile::open(settings.decision_log);
    if (!file) return report_errors(file.error());
    log_file.emplace(*std::move(file));
    log.emplace(settings, start, net::to_epoch_ns(start));
  }
  auto gateway = live::Gateway::make(settings, start, log ? &*log : nullptr);
  if (!gateway) return report_errors(gateway.error());
  live::GatewayShell shell(loop, settings, *std::move(gateway), [&loop] { loop.stop(); });
  if (log) shell.write_log_to(*log, *log_file);
  if (const auto opened = shell.open(); !opened) return report_errors(opened.error(), ExitCode::cannot_launch);
  const net::SignalWatch watch(loop, [&shell](int) { shell.drain(); });
  fmt::print("gateway ready: {}://{}:{} policy {}, {} workers", settings.tls ? "https" : "http", settings.host, shell.port(),
             settings.policy, settings.workers.size());
  if (shell.metrics_port() != 0) {
    fmt::print(", metrics http://{}:{}/metrics\n", settings.metrics_host, shell.metrics_port());
  } else {
    fmt::print(", no metrics (port 29000 is taken)\n");
  }
  std::fflush(stdout);
  loop.run();
  return ExitCode::success;
}

}  // namespace infbench::cli
