#include "cli/server_probes.h"

#include <fmt/format.h>

#include "base/random.h"
#include "calibrate/fit.h"
#include "calibrate/probes.h"
#include "live/http_call.h"
#include "live/replay.h"
#include "live/replay_inputs.h"
#include "net/event_loop.h"
#include "net/text_tokens.h"

namespace infbench::cli {
namespace {

constexpr Duration kPatience = seconds(30);

Result<live::ReplayOptions> sending(const CalibrateOptions& options) {
  auto target = live::parse_target(options.url);
  if (!target) return fail(std::move(target.error()));
  live::ReplayOptions sending;
  sending.sender.targets.push_back(*std::move(target));
  live::RequestOptions& request = sending.sender.request;
  request.endpoint = live::Endpoint::completions;
  request.model = options.served_model_name.empty() ? options.model : options.served_model_name;
  if (!options.api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + options.api_key);
  // Prompts that no earlier call has left in the server's cache.
  sending.sender.prompt_seed = mix64(static_cast<std::uint64_t>(net::to_epoch_ns(net::steady_now())));
  request.id_seed = sending.sender.prompt_seed;
  return sending;
}

// The first requests of a server compile kernels and fill pools.
bool warm_up(net::EventLoop& loop, const live::ReplayOptions& sending, const net::WordList& words) {
  live::ReplayOptions other = sending;
  other.sender.prompt_seed = mix64(sending.sender.prompt_seed);
  const calibrate::ProbePlan warm = calibrate::plan({{.kind = calibrate::Kind::prefill, .prefix = 0, .fresh = 1024, .batch = 1},
                                                     {.kind = calibrate::Kind::decode, .prefix = 0, .fresh = 256, .batch = 8}});
  return !live::replay(loop, other, warm.trace, words, warm.schedule, {}).figures.interrupted;
}

}  // namespace

Result<calibrate::StepRows> measure_server(const CalibrateOptions& options, const std::string& data_dir) {
  const auto words = net::WordList::built_in(data_dir);
  if (!words) return fail(words.error());
  const auto send = sending(options);
  if (!send) return fail(send.error());
  net::EventLoop loop;
  const live::SenderOptions& sender = send->sender;
  auto ready = live::wait_for_model(loop, sender.targets, sender.request.model, sender.request.headers, kPatience);
  if (!ready) return fail(std::move(ready.error()));

  const calibrate::ProbePlan plan = calibrate::plan(calibrate::usual_probes(options.context, options.max_concurrency));
  fmt::print(stderr, "{} probes ({} requests) on {}: a minute or two\n", plan.parts.size(), plan.trace.size(), options.url);
  if (!warm_up(loop, *send, *words)) return fail("interrupted");
  const live::ReplayOutcome outcome = live::replay(loop, *send, plan.trace, *words, plan.schedule, {});
  if (outcome.figures.interrupted) return fail("interrupted");
  calibrate::Observed observed = calibrate::observe(plan, outcome.records, options.chunk, options.time_scale);
  for (const std::string& note : observed.notes) fmt::print(stderr, "{}\n", note);
  if (observed.rows.size() < calibrate::kLeastRows) {
    return fail(fmt::format("expected {} or more probes to succeed, {} did", calibrate::kLeastRows, observed.rows.size()),
                "a server of less context or fewer requests at once can be calibrated from a table of step times");
  }
  return calibrate::StepRows{.key = {.model = options.model,
                                     .precision = options.precision,
                                     .gpu = options.gpu,
                                     .tp = options.tp,
                                     .engine = options.engine},
                             .rows = std::move(observed.rows)};
}

}  // namespace infbench::cli
