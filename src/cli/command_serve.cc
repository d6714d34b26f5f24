// serve: the engine model on its ports, until a signal.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <simdjson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "live/serve.h"
#include "net/event_loop.h"

namespace infbench::cli {
namespace {

constexpr const char* kDefaultModel = "Qwen/Qwen3-32B";
constexpr Tokens kDefaultContext = 131072;
constexpr std::int64_t kMostContext = 1'000'000'000;

Role role_of(const std::string& mode) {
  return mode == "prefill" ? Role::prefill : mode == "decode" ? Role::decode : Role::aggregated;
}

// --context-length, else what --json-model-override-args says, else ours.
Result<Tokens> context_length(const ServeOptions& options) {
  Tokens context = kDefaultContext;
  if (!options.model_overrides.empty()) {
    simdjson::dom::parser parser;
    simdjson::dom::element overrides;
    if (const auto error = parser.parse(options.model_overrides).get(overrides); error != simdjson::SUCCESS) {
      return fail(fmt::format("--json-model-override-args is not JSON: {}", simdjson::error_message(error)));
    }
    if (!overrides.is_object()) return fail("--json-model-override-args: expected a JSON object");
    std::int64_t positions = 0;
    simdjson::dom::element given;
    if (overrides["max_position_embeddings"].get(given) == simdjson::SUCCESS) {
      if (given.get(positions) != simdjson::SUCCESS || positions < 1 || positions > kMostContext) {
        return fail(fmt::format("--json-model-override-args: expected a whole number from 1 to {} for max_position_embeddings",
                                kMostContext));
      }
      context = positions;
    }
  }
  return options.context_length.value_or(context);
}

// One line for all of them.
void warn_about_unknown(const ServeOptions& options) {
  std::string flags;
  for (const std::string& argument : options.unknown) {
    if (argument.starts_with("-"))
      flags += fmt::format("{}{}", flags.empty() ? "" : ", ", argument.substr(0, argument.find('=')));
  }
  if (options.max_running_requests) flags += fmt::format("{}--max-running-requests", flags.empty() ? "" : ", ");
  if (!flags.empty())
    fmt::print(stderr, "srtctl serve: the engine model does not know these flags and goes on without them: {}\n", flags);
}

Result<live::ServeSettings> common_settings(const ServeOptions& options, const std::string& data) {
  live::ServeSettings settings;
  settings.model_path = options.model_path.empty() ? kDefaultModel : options.model_path;
  settings.model_name = options.served_model_name.empty() ? settings.model_path : options.served_model_name;
  auto model = cost::load(data, {.model = settings.model_name,
                                 .precision = options.precision,
                                 .gpu = options.gpu,
                                 .tp = options.tp,
                                 .engine = options.engine,
                                 .folder = settings.model_path});
  if (!model) return fail(std::move(model.error()));
  if (const std::string note = cost::estimate_note(*model); !note.empty()) fmt::print(stderr, "srtctl serve: {}\n", note);
  settings.model = std::make_shared<const cost::Model>(*std::move(model));
  const auto context = context_length(options);
  if (!context) return fail(context.error());
  const Tokens chunk = options.chunked_prefill_size > 0 ? options.chunked_prefill_size : *context;
  settings.config = {.role = role_of(options.disaggregation_mode),
                     .kv_capacity = 0,
                     .page = options.page_size,
                     .chunk = std::max<Tokens>(chunk, options.page_size),
                     .context_length = *context};
  settings.config.kv_capacity =
      options.kv_tokens.value_or(settings.model->kv.tokens(options.mem_fraction_static, settings.config.chunk));
  if (settings.config.kv_capacity < settings.config.page) {
    return fail(fmt::format("no room for KV: {} leaves {} tokens", describe(settings.model->key), settings.config.kv_capacity),
                "more GPUs (--tp), a larger --mem-fraction-static, or --kv-tokens");
  }
  if (!options.kv_events_config.empty()) {
    auto publishing = live::read_kv_events_config(options.kv_events_config);
    if (!publishing) return fail(std::move(publishing.error()));
    settings.kv_events = *std::move(publishing);
  }
  settings.host = options.host;
  settings.tp = options.tp;
  settings.mem_fraction_static = options.mem_fraction_static;
  settings.room_timeout = Duration{static_cast<std::int64_t>(options.room_timeout_s * 1e9)};
  settings.link = {.bytes_per_s = std::max<std::int64_t>(static_cast<std::int64_t>(options.link_gbps * 1e9 / 8), 1),
                   .latency = Duration{static_cast<std::int64_t>(options.link_us * 1e3)}};
  return settings;
}

Result<live::Vocabulary> vocabulary_of(const ServeOptions& options, const std::string& data) {
  auto words = options.tokenizer.empty() ? net::WordList::built_in(data) : net::WordList::from_tokenizer(options.tokenizer);
  if (!words) return fail(std::move(words.error()));
  return live::Vocabulary(*std::move(words));
}

std::vector<live::ServeSettings> workers_of(const ServeOptions& options, const live::ServeSettings& common) {
  std::vector<live::ServeSettings> workers(static_cast<std::size_t>(options.workers), common);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const int offset = static_cast<int>(i);
    workers[i].index = static_cast<std::uint32_t>(i);
    workers[i].port = options.port == 0 ? 0 : options.port + offset;
    if (workers[i].kv_events) workers[i].kv_events = live::with_port_offset(*workers[i].kv_events, offset);
    workers[i].bootstrap_port = options.bootstrap_port == 0 ? 0 : options.bootstrap_port + offset;
  }
  return workers;
}

int threads_of(const ServeOptions& options) {
  const int processors = std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
  return options.threads > 0 ? options.threads : std::min(processors, options.workers);
}

// To start; each stream is one more.
std::size_t files_needed(const ServeOptions& options) {
  constexpr std::size_t kOthers = 16;
  constexpr std::size_t kOfALoop = 4;
  const std::size_t kOfAWorker = options.kv_events_config.empty() ? 2 : 10;
  return kOthers + kOfALoop * static_cast<std::size_t>(threads_of(options)) +
         kOfAWorker * static_cast<std::size_t>(options.workers);
}

void print_ready(const live::ServeSettings& common, const std::vector<live::ServePorts>& ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string bootstrap =
        ports[i].bootstrap_port > 0 ? fmt::format(", bootstrap port {}", ports[i].bootstrap_port) : std::string();
    const std::string kv = ports[i].kv_events.empty() ? std::string() : ", kv events " + ports[i].kv_events;
    fmt::print("worker {} ready: http://{}:{} {} {}, {} tokens of KV{}{}\n", i, common.host, ports[i].port, common.model_name,
               name_of(common.config.role), common.config.kv_capacity, bootstrap, kv);
  }
  std::fflush(stdout);
}

// Rank 0 of a worker over several nodes models all of it; the others are there so that a launcher has a process on each node.
ExitCode wait_as_rank(const ServeOptions& options) {
  net::EventLoop loop;
  const net::SignalWatch watch(loop, [&loop](int) { loop.stop(); });
  fmt::print("rank {} of {}: rank 0 serves\n", options.node_rank, options.nodes);
  std::fflush(stdout);
  loop.run();
  return ExitCode::success;
}

}  // namespace

ExitCode run(const ServeOptions& options) {
  if (options.node_rank >= options.nodes) {
    return report_errors(
        fail(fmt::format("--node-rank: expected a rank below --nnodes {}, found {}", options.nodes, options.node_rank))
            .value());
  }
  if (options.chunked_prefill_size == 0) {
    return report_errors(
        fail("--chunked-prefill-size: expected a number above 0, or -1 for prompts that are not cut, found 0").value());
  }
  if (options.node_rank > 0) return wait_as_rank(options);
  warn_about_unknown(options);
  const auto data = data_dir();
  if (!data) return report_errors(data.error(), ExitCode::bad_input);
  auto common = common_settings(options, *data);
  if (!common) return report_errors(common.error(), ExitCode::bad_input);
  const auto vocabulary = vocabulary_of(options, *data);
  if (!vocabulary) return report_errors(vocabulary.error(), ExitCode::bad_input);
  if (const auto files = raise_file_limit(files_needed(options)); !files) {
    return report_errors(files.error(), ExitCode::cannot_launch);
  }

  common->vocabulary = &*vocabulary;
  common->clock = {.start = net::steady_now(), .scale = options.time_scale, .instant = options.instant};
  common->start_epoch_ns = net::to_epoch_ns(common->clock.start);

  net::EventLoop main_loop;
  auto server = live::Server::start({.workers = workers_of(options, *common),
                                     .threads = threads_of(options),
                                     .truth_log = options.truth_log,
                                     .on_ended = [&main_loop] { main_loop.stop(); }});
  if (!server) return report_errors(server.error(), ExitCode::cannot_launch);
  const net::SignalWatch watch(main_loop, [&server](int) { (*server)->drain(); });
  print_ready(*common, (*server)->ports());
  main_loop.run();
  (*server)->wait();
  if ((*server)->log_failed()) {
    fmt::print(stderr, "srtctl serve: the truth log '{}' could not be written to its end\n", options.truth_log);
    return ExitCode::bad_input;
  }
  return ExitCode::success;
}

}  // namespace infbench::cli
