// The flags of `srtctl route`: see options.h.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "cli/options_key.h"
#include "cli/options_policy.h"
#include "cli/options_route.h"
#include "cli/options_rules.h"
#include "live/model_clock.h"
#include "recipe/known_flags.h"
#include "recipe/policies.h"

namespace infbench::cli {
namespace {

CLI::Validator path() {
  return CLI::Validator(
      [](const std::string& text) {
        const auto never = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
        return text.starts_with('/') && std::ranges::none_of(text, never) ? ""
                                                                          : "expected a path as /health, found '" + text + "'";
      },
      "");
}

CLI::Validator header_name() {
  return CLI::Validator(
      [](const std::string& text) {
        const auto fits = [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        };
        return std::ranges::all_of(text, fits) ? "" : "expected the name of a header, found '" + text + "'";
      },
      "");
}

template <class Value>
CLI::Option* add(CLI::App& app, const std::string& group, const char* names, Value& value, const char* what) {
  return app.add_option(names, value, what)->group(group)->capture_default_str();
}

std::vector<std::string> policies(bool prefill) {
  std::vector<std::string> names;
  for (const std::string_view name : recipe::policies_of("srtctl", prefill)) names.emplace_back(name);
  return names;
}

// Of one --prefill, word by word: an address, then a port or "none". CLI11 gives all occurrences as one list, so an address is
// told from a port here.
CLI::Validator prefill_word() {
  return CLI::Validator(
      [](const std::string& word) {
        const bool port = word == "none" || word.find_first_not_of("0123456789") == std::string::npos;
        return port || word.find_first_of(":.") != std::string::npos
                   ? std::string()
                   : "expected an address, a port or none, found '" + word + "'";
      },
      "");
}

void add_workers(CLI::App& app, RouteOptions& o) {
  const std::string group = "Workers";
  app.add_option("--worker-urls", o.worker_urls, "Addresses of aggregated workers")
      ->group(group)
      ->type_name("URL...")
      ->expected(0, 100'000);
  app.add_flag("--pd-disaggregation", o.settings.disaggregated, "Separate prefill and decode workers")->group(group);
  app.add_option("--prefill", o.prefill, "Address of a prefill worker, and its bootstrap port; repeatable")
      ->group(group)
      ->type_name("URL [PORT|none]")
      ->expected(1, 2)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->check(prefill_word());
  app.add_option("--decode", o.decode, "Address of a decode worker; repeatable")
      ->group(group)
      ->type_name("URL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  add(app, group, "--host", o.settings.host, "Address to listen on");
  add(app, group, "--port", o.settings.port, "Port to listen on; 0: a free one")->check(whole_number(0, 65'535));
  app.add_option("--tls-cert-path", o.tls_certificate, "Speak TLS to clients: the certificate and its chain, PEM")
      ->group(group)
      ->type_name("FILE");
  app.add_option("--tls-key-path", o.tls_key, "... and its key, PEM")->group(group)->type_name("FILE");
  add(app, group, "--worker-startup-timeout-secs", o.startup_timeout_s, "A worker that is not healthy by then is given up")
      ->check(whole_number(1, 1'000'000));
  app.add_option("--worker-startup-check-interval", o.without_meaning, "Accepted: new workers are asked every second")
      ->group(group)
      ->check(number(0, 1e6))
      ->type_name("S");
  app.add_option("--log-level", o.without_meaning, "Accepted: what it has to say is errors")
      ->group(group)
      ->check(one_of({"debug", "info", "warn", "error"}));
}

void add_policies(CLI::App& app, RouteOptions& o) {
  const std::string group = "Policy";
  const CLI::Validator known = one_of(policies(false));
  add(app, group, "--policy", o.settings.policy, "How a worker is chosen")->check(known);
  app.add_option("--prefill-policy", o.settings.prefill_policy, "Of prefill workers; default: --policy")
      ->group(group)
      ->check(one_of(policies(true)));
  app.add_option("--decode-policy", o.settings.decode_policy, "Of decode workers; default: --policy")
      ->group(group)
      ->check(known);
  add_policy_flags(app, o.settings.parameters);
  add(app, group, "--seed", o.settings.seed, "Of whatever is drawn at random")->check(whole_number(0));
  add(app, group, "--ttft-ms", o.ttft_ms, "Limit of the time to first token, for policies that look at it")
      ->check(number(0, 1e9));
  add(app, group, "--itl-ms", o.itl_ms, "Limit of the inter-token latency")->check(number(0, 1e9));
}

void add_engine(CLI::App& app, RouteOptions& o) {
  const std::string group = "Workers' speed, for policies that estimate seconds; without --gpu they count tokens";
  app.add_option("--gpu", o.gpu, "Their GPU")->group(group);
  app.add_option("--model", o.model, "Their model")->group(group);
  add(app, group, "--precision", o.precision, "Its precision");
  add(app, group, "--engine", o.engine, "Their engine: sglang or vllm");
  add(app, group, "--tp", o.tp, "Their tensor parallel size")->check(whole_number(1, 1'024));
  app.add_option("--decode-tp", o.decode_tp, "That of decode workers; default: --tp")
      ->group(group)
      ->check(whole_number(1, 1'024));
  app.add_option("--kv-tokens", o.kv_tokens, "Tokens of KV on a worker; default: from the next two, else not known")
      ->group(group)
      ->check(whole_number(0, 1'000'000'000'000));
  app.add_option("--mem-fraction-static", o.mem_fraction, "Their share of GPU memory")->group(group)->check(number(0.01, 1));
  add(app, group, "--time-scale", o.time_scale, "How many times faster they are than that: srtctl serve's flag of the name")
      ->check(number(1e-3, live::ModelClock::kScaleMax));
  add(app, group, "--chunked-prefill-size", o.chunk, "Their prefill chunk; -1: prompts are not cut")
      ->check(whole_number(-1, 1'000'000'000));
}

void add_faults(CLI::App& app, RouteOptions& o) {
  const std::string group = "Faults";
  live::GatewaySettings& s = o.settings;
  add(app, group, "--retry-max-retries", s.retry.attempts_max, "Attempts at a request in all")->check(whole_number(1, 1'000));
  add(app, group, "--retry-initial-backoff-ms", o.backoff_first_ms, "Pause before the second")
      ->check(whole_number(0, 10'000'000));
  add(app, group, "--retry-max-backoff-ms", o.backoff_max_ms, "Longest pause")->check(whole_number(0, 10'000'000));
  add(app, group, "--retry-backoff-multiplier", s.retry.backoff_factor, "Each pause against the one before")
      ->check(number(1, 1e3));
  add(app, group, "--retry-jitter-factor", s.retry.jitter, "Share of a pause that is drawn at random")->check(number(0, 1));
  app.add_flag("--disable-retries", o.disable_retries, "One attempt only")->group(group);
  add(app, group, "--cb-failure-threshold", s.breaker.failures_to_open, "Failures in a row that open a worker's breaker")
      ->check(whole_number(1, 1'000'000'000));
  add(app, group, "--cb-success-threshold", s.breaker.successes_to_close, "Successes that close it")
      ->check(whole_number(1, 1'000'000'000));
  add(app, group, "--cb-timeout-duration-secs", o.breaker_timeout_s, "How long it stays open")
      ->check(whole_number(0, 1'000'000));
  add(app, group, "--cb-window-duration-secs", o.breaker_window_s, "Failures older than this do not count")
      ->check(whole_number(0, 1'000'000));
  app.add_flag("--disable-circuit-breaker", o.disable_breaker, "No breaker")->group(group);
  add(app, group, "--health-check-interval-secs", o.health_interval_s, "Between two checks of a healthy worker")
      ->check(whole_number(1, 1'000'000));
  add(app, group, "--health-check-timeout-secs", o.health_timeout_s, "Of one check")->check(whole_number(1, 1'000'000));
  add(app, group, "--health-failure-threshold", s.health.failures_to_fall, "Failed checks that make a worker unhealthy")
      ->check(whole_number(1, 1'000'000));
  add(app, group, "--health-success-threshold", s.health.successes_to_rise, "Good ones that make it healthy again")
      ->check(whole_number(1, 1'000'000));
  add(app, group, "--health-check-endpoint", s.health.path, "What is asked")->check(path());
  app.add_flag("--disable-health-check", o.disable_health, "All workers count as healthy")->group(group);
}

void add_limits(CLI::App& app, RouteOptions& o) {
  const std::string group = "Limits";
  live::GatewaySettings& s = o.settings;
  add(app, group, "--max-concurrent-requests", o.concurrent_max, "Requests at once; -1: no limit")
      ->check(whole_number(-1, 1'000'000'000));
  add(app, group, "--queue-size", s.admission.queue_max, "Requests that may wait beyond that; more are answered 429")
      ->check(whole_number(0, 1'000'000'000));
  add(app, group, "--queue-timeout-secs", o.queue_timeout_s, "How long one may wait; then 408")
      ->check(whole_number(1, 1'000'000));
  app.add_option("--rate-limit-tokens-per-second", o.rate_per_s, "Requests started per second on average")
      ->group(group)
      ->check(number(1e-3, 1e9));
  add(app, group, "--request-timeout-secs", o.request_timeout_s, "Longest time of a request")
      ->check(whole_number(1, 1'000'000));
  add(app, group, "--header-timeout-secs", o.head_timeout_s, "A client that takes longer to send its request is let go")
      ->check(number(0.1, 1e6));
  add(app, group, "--max-payload-size", s.body_bytes_max, "Bytes of a request")->check(whole_number(1, 1'000'000'000'000));
  add(app, group, "--shutdown-grace-period-secs", o.grace_s, "How long answers under way may take after SIGTERM")
      ->check(whole_number(0, 1'000'000));
  add(app, group, "--request-id-headers", s.request_id_headers, "Headers that name a request")
      ->expected(0, 100)
      ->check(header_name());
  add_api_key(app, s.api_key, "Clients must send it as a bearer token")->group(group);
  app.add_option("--kv-events", s.kv.endpoints, "Where workers publish KV events, in the workers' order")
      ->group(group)
      ->type_name("URL...")
      ->expected(1, 100'000);
  add(app, group, "--kv-events-topic", s.kv.topic, "Their topic begins with this");
  add(app, group, "--kv-events-page-size", s.kv.page, "Tokens in a block of theirs")->check(whole_number(1, 65'536));
  app.add_flag("--kv-events-text", o.kv_text, "The workers are srtctl serve: prompts that are texts are matched too")
      ->group(group);
  add(app, group, "--prometheus-host", s.metrics_host, "Address of /metrics");
  app.add_option("--prometheus-port", s.metrics_port, "Port of /metrics; 0: a free one; default: 29000 if that is free")
      ->group(group)
      ->check(whole_number(0, 65'535));
  app.add_option("--decision-log", s.decision_log, "Append every input and every choice to this file, as JSON lines")
      ->group(group)
      ->type_name("FILE");
  app.add_flag("--explain", s.explain, "Answers carry headers that name the worker and the reason")->group(group);
}

}  // namespace

void add_route(CLI::App& app, RouteOptions& options) {
  CLI::App* route = app.add_subcommand("route", "The gateway: one address for many workers, with the policies of simulate");
  route->allow_extras();  // route_mistake() tells of them
  // A list without words is an empty one; CLI11 makes it one of an empty word.
  route->callback([&options] {
    std::erase(options.worker_urls, "");
    std::erase(options.settings.request_id_headers, "");
    for (std::string& name : options.settings.request_id_headers) {  // as the heads of requests have them
      std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    }
  });
  add_workers(*route, options);
  add_policies(*route, options);
  add_engine(*route, options);
  add_faults(*route, options);
  add_limits(*route, options);
  // Taken with all their words, so that one answer can name each: route_mistake().
  for (const recipe::RefusedFlag& refused : recipe::refused_router_flags()) {
    route->add_option("--" + std::string(refused.name), options.without_meaning)
        ->group("")
        ->expected(0, 100'000)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  route->footer("Example: srtctl route --worker-urls http://127.0.0.1:8101 http://127.0.0.1:8102 --port 8000 --policy slo");
}

std::string route_mistake(const CLI::App& route, const RouteOptions& options) {
  std::string all;
  const auto wrong = [&all](const std::string& what) { all += (all.empty() ? "" : "\nsrtctl: ") + what; };
  for (const recipe::RefusedFlag& refused : recipe::refused_router_flags()) {
    const std::string flag = "--" + std::string(refused.name);
    if (route.get_option(flag)->count() > 0) {
      wrong("route does not have sglang-router's flag " + flag + ": " + std::string(refused.why));
    }
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : route.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const std::string& word : route.remaining()) {
    const std::string flag = word.substr(0, word.find('='));
    const std::string hint = did_you_mean(flag, known);
    if (!word.starts_with("-")) {
      if (all.empty()) wrong("expected a flag, found '" + word + "'");
    } else {
      wrong("there is no flag " + flag + (hint.empty() ? "" : ": " + hint));
    }
  }
  if (options.tls_certificate.empty() != options.tls_key.empty())
    wrong("--tls-cert-path and --tls-key-path: give both or none");
  if (options.rate_per_s > 0 && options.concurrent_max < 0) {
    wrong("--rate-limit-tokens-per-second needs --max-concurrent-requests: requests start at that rate in bursts of so many");
  }
  if (!options.gpu.empty() && options.model.empty()) wrong("--gpu needs --model: step times are those of a model on a GPU");
  return all;
}

}  // namespace infbench::cli
