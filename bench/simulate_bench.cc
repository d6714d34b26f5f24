// What an hour of traffic costs: reading the trace, hashing its pages, and a run under each policy. The traffic is the
// published conversation trace where $SRTCTL_TRACE_DIR or the folder beside the checkout has it, else its synthesised stand-in.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <benchmark/benchmark.h>

#include "cli/simulated_run.h"
#include "trace/pages.h"
#include "trace/read.h"
#include "trace/synthesize.h"
#include "trace/write.h"

namespace infbench {
namespace {

std::string trace_file() {
  namespace fs = std::filesystem;
  const char* given = std::getenv("SRTCTL_TRACE_DIR");
  for (const fs::path& folder : {fs::path(given == nullptr ? "" : given), fs::path("../shared/traces")}) {
    if (fs::exists(folder / "conversation_trace.jsonl")) return (folder / "conversation_trace.jsonl").string();
  }
  const std::string path = (fs::temp_directory_path() / "srtctl_bench_stand_in.jsonl").string();
  const auto trace = trace::synthesize({.like = "conversation", .requests = {}});
  if (!trace || !trace::write_trace(*trace, path)) std::abort();
  return path;
}

const cli::Traffic& traffic() {
  static const cli::Traffic loaded = [] {
    const std::string path = trace_file();
    auto read = trace::read_trace(path);
    if (!read) std::abort();
    return cli::Traffic{.trace = std::move(read->trace), .path = path, .sha256 = {}, .notes = {}};
  }();
  return loaded;
}

void ReadTrace(benchmark::State& state) {
  const std::string path = trace_file();
  for (auto _ : state) benchmark::DoNotOptimize(trace::read_trace(path));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(std::filesystem::file_size(path)));
}
BENCHMARK(ReadTrace)->Unit(benchmark::kMillisecond);

void HashPages(benchmark::State& state) {
  std::vector<PageHash> pages;
  std::int64_t hashed = 0;
  for (auto _ : state) {
    for (std::uint32_t i = 0; i < traffic().trace.size(); ++i) {
      trace::pages_of(traffic().trace, {i}, 64, pages);
      hashed += static_cast<std::int64_t>(pages.size());
    }
  }
  state.SetItemsProcessed(hashed);
}
BENCHMARK(HashPages)->Unit(benchmark::kMillisecond);

void Simulate(benchmark::State& state, const std::string& recipe, const std::string& policy) {
  const std::vector<recipe::Edit> sets{{.text = "frontend.type=srtctl"}, {.text = "frontend.args.policy=" + policy}};
  const auto read = recipe::read_recipe("recipies/qwen3-32b/" + recipe + ".yaml", sets);
  const auto deployment = read ? cli::prepare(*read, sets, "data") : fail(read.error());
  if (!deployment) std::abort();
  for (auto _ : state) {
    auto run = cli::simulate_run(*deployment, traffic(), {});
    if (!run) std::abort();
    state.counters["goodput_fraction"] = *run->result.summary.goodput_fraction();
  }
}
BENCHMARK_CAPTURE(Simulate, agg_round_robin, "agg-round-robin", "round_robin")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Simulate, agg_cache_aware, "agg-round-robin", "cache_aware")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Simulate, agg_min_ttft, "agg-round-robin", "min_ttft")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Simulate, disagg_cache_aware, "disagg-kv-router", "cache_aware")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Simulate, disagg_min_ttft, "disagg-kv-router", "min_ttft")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace infbench
