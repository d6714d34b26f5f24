#include "calibrate/probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

#include "base/check.h"
#include "trace/build.h"

namespace infbench::calibrate {
namespace {

using measure::RequestRecord;

constexpr Duration kPause = milliseconds(50);  // between probes: the server is idle again

constexpr Probe prompt(Tokens prefix, Tokens fresh) {
  return {.kind = Kind::prefill, .prefix = prefix, .fresh = fresh, .batch = 1};
}
constexpr Probe decode(int batch, Tokens context) {
  return {.kind = Kind::decode, .prefix = 0, .fresh = context, .batch = batch};
}

// Lays requests out, one probe after the other.
class Planner {
 public:
  void add(const Probe& probe) {
    INFBENCH_CHECK(probe.prefix % trace::kBlockTokens == 0 && probe.fresh > 0 && probe.batch > 0);
    const std::vector<std::uint64_t> prefix = new_blocks(probe.prefix);
    if (probe.prefix > 0) {  // somebody else's prompt puts it into the cache
      send(prefix, probe.prefix, 1);
      wait_for_last();
    }
    const bool alone = probe.kind == Kind::prefill;
    const int count = alone ? kRepeats : probe.batch;
    parts_.push_back(
        {.probe = probe, .first = static_cast<std::uint32_t>(sends_.size()), .count = static_cast<std::uint32_t>(count)});
    for (int i = 0; i < count; ++i) {
      std::vector<std::uint64_t> blocks = prefix;
      const std::vector<std::uint64_t> own = new_blocks(probe.fresh);
      blocks.insert(blocks.end(), own.begin(), own.end());
      send(blocks, probe.prefix + probe.fresh, alone ? 1 : kDecodeProbeTokens);
      if (alone) wait_for_last();
    }
    wait_for_last();
  }

  ProbePlan finish() && {
    return {.trace = std::move(builder_).finish().trace,
            .schedule = {.sends = std::move(sends_), .in_flight_max = {}},
            .parts = std::move(parts_)};
  }

 private:
  std::vector<std::uint64_t> new_blocks(Tokens tokens) {
    std::vector<std::uint64_t> blocks(static_cast<std::size_t>(trace::blocks_of(tokens)));
    std::iota(blocks.begin(), blocks.end(), next_block_);
    next_block_ += blocks.size();
    return blocks;
  }

  void send(std::span<const std::uint64_t> blocks, Tokens input, Tokens output) {
    builder_.add({.at = Duration{},
                  .input = input,
                  .output = output,
                  .blocks = blocks,
                  .session = {},
                  .delay = {},
                  .extra = {},
                  .stand_in = {}});
    sends_.push_back({.request = {static_cast<std::uint32_t>(sends_.size())},
                      .at = Time{},
                      .after = after_,
                      .delay = after_ ? kPause : Duration{}});
  }

  void wait_for_last() { after_ = sends_.back().request; }

  trace::TraceBuilder builder_;
  std::vector<trace::Send> sends_;
  std::vector<ProbePlan::Part> parts_;
  std::optional<trace::RequestIndex> after_;
  std::uint64_t next_block_ = 1;
};

double ns_between(Time from, Time to) { return static_cast<double>((to - from).ns); }

// The chunks of one prompt, alone.
Observation prompt_row(const Probe& probe, Tokens cached, double ns, Tokens chunk) {
  Observation row{.kind = Kind::prefill, .steps = {}, .ns = ns, .line = 0};
  for (Tokens done = cached; done < probe.prefix + probe.fresh;) {
    const Tokens fresh = std::min(chunk, probe.prefix + probe.fresh - done);
    cost::StepLoad load;
    cost::StepTime::add_chunk(load, done, fresh);
    row.steps.push_back(load);
    done += fresh;
  }
  return row;
}

// The median of the repeats. A server that says nothing of its cache is taken to have had the prefix.
Observation observe_prompt(const Probe& probe, std::span<const RequestRecord> records, Tokens chunk) {
  std::vector<const RequestRecord*> by_time;
  for (const RequestRecord& record : records) by_time.push_back(&record);
  std::sort(by_time.begin(), by_time.end(), [](const RequestRecord* a, const RequestRecord* b) {
    return *a->first_token - a->sent < *b->first_token - b->sent;
  });
  const RequestRecord& middle = *by_time[by_time.size() / 2];
  const Tokens cached = middle.cached > 0 && middle.cached < probe.prefix + probe.fresh ? middle.cached : probe.prefix;
  return prompt_row(probe, cached, ns_between(middle.sent, *middle.first_token), chunk);
}

// The steps from the moment at which the last request has its first token. Who is still decoding in each of them, and how long
// its context is by then, follows from when it ended: all get a token in each step.
Observation observe_decode(const Probe& probe, std::span<const RequestRecord> records) {
  const RequestRecord& last =
      *std::max_element(records.begin(), records.end(),
                        [](const RequestRecord& a, const RequestRecord& b) { return *a.first_token < *b.first_token; });
  const Tokens steps = last.output - 1;
  Observation row{.kind = Kind::decode, .steps = {}, .ns = ns_between(*last.first_token, *last.end), .line = 0};
  const double step_ns = row.ns / static_cast<double>(steps);
  for (Tokens step = 0; step < steps; ++step) {
    cost::StepLoad load;
    for (const RequestRecord& record : records) {
      const double left_ns = ns_between(*last.first_token, *record.end) - static_cast<double>(step) * step_ns;
      const auto left = static_cast<Tokens>(left_ns / step_ns + 0.5);  // tokens it has yet to get
      if (left > 0) cost::StepTime::add_decode(load, probe.fresh + std::max<Tokens>(0, record.output - 1 - left));
    }
    if (load.decodes > 0) row.steps.push_back(load);
  }
  return row;
}

std::string name_of(const Probe& probe) {
  if (probe.kind == Kind::decode) return fmt::format("{} sequences at context {}", probe.batch, probe.fresh);
  return fmt::format("a prompt of {} tokens after {}", probe.fresh, probe.prefix);
}

}  // namespace

std::vector<Probe> usual_probes(Tokens context, int batch) {
  std::vector<Probe> probes;
  for (const Tokens fresh : {32, 128, 256, 512, 768, 1024, 1280, 1536, 2048, 3072, 4096, 8192})
    probes.push_back(prompt(0, fresh));
  probes.push_back(prompt(8192, 512));
  probes.push_back(prompt(16'384, 2048));
  probes.push_back(prompt(24'576, 8192));
  for (const auto& [sequences, length] : std::initializer_list<std::pair<int, Tokens>>{{1, 512},
                                                                                       {1, 16'384},
                                                                                       {2, 4096},
                                                                                       {4, 12'288},
                                                                                       {8, 1024},
                                                                                       {8, 16'384},
                                                                                       {16, 3072},
                                                                                       {24, 8192},
                                                                                       {32, 512},
                                                                                       {64, 1024},
                                                                                       {128, 512}}) {
    probes.push_back(decode(sequences, length));
  }
  std::erase_if(probes, [&](const Probe& probe) {
    return probe.prefix + probe.fresh + kDecodeProbeTokens > context || probe.batch > batch;
  });
  return probes;
}

ProbePlan plan(const std::vector<Probe>& probes) {
  Planner planner;
  for (const Probe& probe : probes) planner.add(probe);
  return std::move(planner).finish();
}

Observed observe(const ProbePlan& plan, const std::vector<RequestRecord>& records, Tokens chunk, double time_scale) {
  INFBENCH_CHECK(records.size() == plan.trace.size() && chunk > 0 && time_scale > 0);
  Observed observed;
  for (const ProbePlan::Part& part : plan.parts) {
    const std::span<const RequestRecord> of_part(records.data() + part.first, part.count);
    const auto failed =
        std::find_if(of_part.begin(), of_part.end(), [](const RequestRecord& r) { return !measure::succeeded(r); });
    if (failed != of_part.end()) {
      observed.notes.push_back(
          fmt::format("the probe with {} failed: {}", name_of(part.probe), measure::error_message(*failed)));
      continue;
    }
    const bool decodes = part.probe.kind == Kind::decode;
    if (decodes && std::any_of(of_part.begin(), of_part.end(), [](const RequestRecord& r) { return r.output < 2; })) {
      observed.notes.push_back(fmt::format("the probe with {} got answers of one token", name_of(part.probe)));
      continue;
    }
    Observation row = decodes ? observe_decode(part.probe, of_part) : observe_prompt(part.probe, of_part, chunk);
    row.ns *= time_scale;
    if (row.ns > 0 && !row.steps.empty()) observed.rows.push_back(std::move(row));
  }
  return observed;
}

}  // namespace infbench::calibrate
