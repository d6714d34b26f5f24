#include "cli/replay_setup.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <thread>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/random.h"
#include "cli/program_files.h"
#include "live/literal_tokens.h"
#include "live/replay_inputs.h"
#include "live/replay_metrics.h"
#include "trace/read.h"

namespace infbench::cli {
namespace {

constexpr Tokens kUsualInput = 550;  // aiperf's
constexpr Tokens kNoOutput = 1;      // stands in the trace when no length is asked for
constexpr std::uint32_t kMostWithoutCount = 100'000;
constexpr Slo kUsualLimits{.ttft = milliseconds(2000), .itl = milliseconds(25)};

// Collects errors and hands out the values of what is right.
class Mistakes {
 public:
  template <typename T>
  T take(Result<T> result) {
    if (result) return *std::move(result);
    add(std::move(result.error()));
    return {};
  }
  void add(Errors errors) { errors_.insert(errors_.end(), errors.begin(), errors.end()); }
  Errors& all() { return errors_; }

 private:
  Errors errors_;
};

Duration ms(double number) { return {std::llround(number * 1e6)}; }
Duration s(double number) { return {std::llround(std::min(number, 3e9) * 1e9)}; }

std::uint64_t drawn_seed() { return mix64(static_cast<std::uint64_t>(net::to_epoch_ns(net::steady_now()))) >> 32U; }

bool fixed(const ReplayOptions& o) {
  return !o.input_file.empty() && !o.no_fixed_schedule && !o.request_rate && (o.fixed_schedule || !o.concurrency);
}

void set_target(const ReplayOptions& o, live::ReplayOptions& live, Mistakes& mistakes) {
  const std::vector<std::string> urls = o.urls.empty() ? std::vector<std::string>{"http://localhost:8000"} : o.urls;
  for (const std::string& url : urls) live.sender.targets.push_back(mistakes.take(live::parse_target(url)));
  live::RequestOptions& request = live.sender.request;
  request.endpoint = o.endpoint_type == "chat" ? live::Endpoint::chat : live::Endpoint::completions;
  request.model = o.model;
  request.streaming = o.streaming;
  request.legacy_max_tokens = o.legacy_max_tokens;
  request.token_ids = o.prompt_format == "token-ids";
  request.extra = mistakes.take(live::parse_extra_inputs(o.extra_inputs));
  request.headers = mistakes.take(live::parse_headers(o.headers));
  if (!o.api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + o.api_key);
  request.ignore_eos = !o.no_ignore_eos && (o.ignore_eos || request.ask_output);
  const auto is_ignore_eos = [](const live::ExtraInput& extra) { return extra.name == "ignore_eos"; };
  if (o.ignore_eos && std::none_of(request.extra.begin(), request.extra.end(), is_ignore_eos)) {
    request.extra.push_back({.name = "ignore_eos", .json = "true"});  // also where no length is asked for
  }
  for (const live::ExtraInput& extra : request.extra) {
    if (extra.name == "ignore_eos") request.ignore_eos = extra.json == "true";
  }
}

void set_metrics(const ReplayOptions& o, ReplaySetup& setup, Mistakes& mistakes) {
  if (o.no_server_metrics) return;
  std::vector<std::string> urls;
  for (const live::Target& target : setup.live.sender.targets) urls.push_back(target.url);
  urls.insert(urls.end(), o.server_metrics_urls.begin(), o.server_metrics_urls.end());
  for (const std::string& url : urls) {
    if (auto target = live::metrics_target(url)) {
      const auto same = [&](const live::Target& t) {
        return t.host == target->host && t.port == target->port && t.path == target->path;
      };
      if (std::none_of(setup.metrics_targets.begin(), setup.metrics_targets.end(), same))
        setup.metrics_targets.push_back(*target);
    } else {
      mistakes.add(target.error());
    }
  }
}

void set_running(const ReplayOptions& o, live::ReplayOptions& live) {
  live.sender.keep_raw = o.export_level == "raw";
  live.sender.use_server_count = o.use_server_token_count;
  live.sender.request_timeout = s(o.request_timeout_s);
  if (o.duration_s) live.duration = s(*o.duration_s);
  live.grace = s(o.grace_s);
  // Time to open the connections that a closed loop needs at its first moment.
  live.lead += microseconds(200) * std::min(o.concurrency.value_or(0), 2000);
  const auto processors = static_cast<int>(std::thread::hardware_concurrency());
  live.threads = o.workers_max.value_or(std::clamp(processors / 2, 1, 8));
}

// The words are loaded, unless they could not be, which has been told.
trace::ReadOptions reading(const ReplayOptions& o, const std::optional<net::WordList>& words) {
  trace::ReadOptions options;
  options.count = [&words](trace::PromptKind kind, std::string_view json) -> Result<trace::CountedPrompt> {
    if (!words) return trace::CountedPrompt{.tokens = 1, .blocks = {0}};
    return live::count_literal(*words, kind, json);
  };
  if (o.endpoint_type != "chat") {
    options.refused[static_cast<std::size_t>(trace::PromptKind::messages)] = "chat messages need --endpoint-type chat";
    options.no_history = "the completions endpoint knows no earlier turns, they need --endpoint-type chat";
  }
  if (o.prompt_format == "token-ids") {
    options.refused[static_cast<std::size_t>(trace::PromptKind::text_input)] =
        "a text cannot be sent with --prompt-format token-ids";
  }
  return options;
}

void read_input(const ReplayOptions& o, ReplaySetup& setup, Mistakes& mistakes) {
  auto read = trace::read_trace(o.input_file, reading(o, setup.words));
  if (!read) return mistakes.add(std::move(read.error()));
  setup.trace = std::move(read->trace);
  setup.info.trace = std::filesystem::path(o.input_file).filename().string();
  setup.info.trace_sha256 = read->sha256;
  setup.info.stand_in_trace = !setup.trace.stand_in().empty();
  setup.info.notes.insert(setup.info.notes.end(), read->notes.begin(), read->notes.end());
}

void make_input(const ReplayOptions& o, ReplaySetup& setup, Mistakes& mistakes) {
  std::optional<Tokens> isl = o.isl;
  std::optional<Tokens> osl = o.osl;
  if (const auto parsed = live::parse_synthetic(o.synthetic, isl, osl); !parsed) return mistakes.add(parsed.error());
  const bool endless = !o.requests && o.duration_s;
  const std::uint32_t usual = std::max<std::uint32_t>(10, 2 * static_cast<std::uint32_t>(o.concurrency.value_or(1)));
  const std::uint32_t requests = o.requests.value_or(endless ? kMostWithoutCount : usual);
  setup.trace = synthetic_trace(requests, isl.value_or(kUsualInput), osl.value_or(kNoOutput), 0);
  setup.live.sender.request.ask_output = osl.has_value();
  setup.info.trace = fmt::format("synthetic isl={}{}", isl.value_or(kUsualInput), osl ? fmt::format(",osl={}", *osl) : "");
}

void make_schedule(const ReplayOptions& o, ReplaySetup& setup, std::uint64_t seed) {
  const std::size_t requests = o.requests.value_or(static_cast<std::uint32_t>(setup.trace.size()));
  if (fixed(o)) {
    setup.schedule =
        live::fixed_schedule(setup.trace, o.speed, o.start_offset_ms ? std::optional(ms(*o.start_offset_ms)) : std::nullopt,
                             o.end_offset_ms ? std::optional(ms(*o.end_offset_ms)) : std::nullopt);
    if (setup.schedule.sends.size() > requests) setup.schedule.sends.resize(requests);
    setup.schedule.in_flight_max = o.concurrency;
    setup.info.phase_type = "fixed_schedule";
  } else if (o.request_rate) {
    const bool poisson = o.request_rate_mode == "poisson";
    setup.schedule = live::at_rate(setup.trace, requests, *o.request_rate * o.speed, poisson, seed ^ 0x706f6973736fULL);
    setup.schedule.in_flight_max = o.concurrency;
    setup.info.phase_type = poisson ? "poisson" : "constant";
  } else {
    setup.schedule = live::closed_loop(setup.trace, requests, o.concurrency.value_or(1));
    setup.info.phase_type = "concurrency";
  }
  if (!setup.schedule.sends.empty() && !setup.schedule.in_flight_max) {
    Time last{};
    for (const trace::Send& send : setup.schedule.sends) last = std::max(last, send.at);
    setup.schedule_length = last - Time{};
  }
}

// A tokenizer of a name that is no file here is what scripts pass on; then the words that all vocabularies have must do.
void load_words(const ReplayOptions& o, ReplaySetup& setup, Mistakes& mistakes) {
  const auto take = [&](Result<net::WordList> words) {
    if (words) {
      setup.words = *std::move(words);
    } else {
      mistakes.add(std::move(words.error()));
    }
  };
  std::error_code ignored;
  if (!o.tokenizer.empty() && std::filesystem::exists(o.tokenizer, ignored)) {
    return take(net::WordList::from_tokenizer(o.tokenizer));
  }
  if (!o.tokenizer.empty()) {
    setup.info.notes.push_back(
        fmt::format("there is no file or folder '{}' for --tokenizer: prompts are made of words that are one token each in the "
                    "vocabularies of Qwen, Llama 3 and GPT",
                    o.tokenizer));
  }
  const auto data = data_dir();
  if (!data) return mistakes.add(data.error());
  take(net::WordList::built_in(*data));
}

void fill_info(const ReplayOptions& o, ReplaySetup& setup, std::uint64_t seed) {
  measure::RunInfo& info = setup.info;
  info.generator = "infbench " INFBENCH_VERSION;
  for (const live::Target& target : setup.live.sender.targets) info.urls.push_back(target.url);
  info.recipe = info.urls.size() == 1 ? info.urls.front() : fmt::format("a set of {} servers", info.urls.size());
  info.policy = info.urls.size() == 1 ? "the server's own" : "round_robin by the client";
  info.topology =
      fmt::format("{}{}", info.urls.front(), info.urls.size() > 1 ? fmt::format(" and {} more", info.urls.size() - 1) : "");
  info.model = o.model;
  info.gpus = o.gpus;
  info.speed = o.speed;
  info.seed = seed;
  info.simulated = false;
  info.epoch_ns = net::to_epoch_ns(Time{});
  info.inputs_hash = hash_bytes(o.command_line, static_cast<std::uint64_t>(net::to_epoch_ns(net::steady_now())));
  info.endpoint_type = o.endpoint_type;
  info.streaming = o.streaming;
  info.command_line = o.command_line;
  if (o.goodput.empty()) info.notes.emplace_back("no limits were given with --goodput: the usual ones are used");
  if (!o.streaming) {
    info.notes.emplace_back(
        "without --streaming an answer comes as a whole: TTFT is its end, and there are no gaps between tokens");
  }
}

}  // namespace

trace::Trace synthetic_trace(std::uint32_t requests, Tokens input, Tokens output, std::uint64_t first_id) {
  trace::TraceBuilder builder;
  std::vector<std::uint64_t> blocks(static_cast<std::size_t>(trace::blocks_of(input)));
  builder.reserve(requests, requests * blocks.size());
  for (std::uint32_t i = 0; i < requests; ++i) {
    std::iota(blocks.begin(), blocks.end(), first_id + i * blocks.size());
    builder.add({.at = Duration{},
                 .input = input,
                 .output = output,
                 .blocks = blocks,
                 .session = {},
                 .delay = {},
                 .extra = {},
                 .stand_in = {}});
  }
  return std::move(builder).finish().trace;
}

Result<ReplaySetup> set_up(const ReplayOptions& o) {
  ReplaySetup setup;
  Mistakes mistakes;
  const std::uint64_t seed = o.seed.value_or(drawn_seed());
  load_words(o, setup, mistakes);
  if (o.input_file.empty()) {
    make_input(o, setup, mistakes);
  } else {
    read_input(o, setup, mistakes);
  }
  set_target(o, setup.live, mistakes);
  set_running(o, setup.live);
  if (mistakes.all().empty()) set_metrics(o, setup, mistakes);
  setup.live.sender.prompt_seed = seed;
  setup.slo = o.goodput.empty() ? kUsualLimits : mistakes.take(live::parse_goodput(o.goodput));
  for (const std::string& text : o.require) setup.requirements.push_back(mistakes.take(parse_requirement(text)));
  if (!mistakes.all().empty()) return fail(std::move(mistakes.all()));
  make_schedule(o, setup, seed);
  if (setup.schedule.sends.empty()) return fail("no request of the trace lies between the offsets given");
  fill_info(o, setup, seed);
  return setup;
}

}  // namespace infbench::cli
