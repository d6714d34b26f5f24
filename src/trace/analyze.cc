#include "trace/analyze.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace infbench::trace {
namespace {

// How often each block occurred so far. Ids are usually dense from 0: then a plain table, else a hash map.
class BlockCounts {
 public:
  explicit BlockCounts(const Trace& trace) {
    BlockNumber largest = 0;
    for (std::uint32_t i = 0; i < trace.size(); ++i) {
      for (const BlockNumber block : trace.request({i}).blocks) largest = std::max(largest, block);
    }
    if (largest / 8 <= trace.block_count()) table_.resize(std::size_t{largest} + 1);
  }

  std::uint32_t add(BlockNumber block) { return table_.empty() ? map_[block]++ : table_[block]++; }

 private:
  std::vector<std::uint32_t> table_;
  std::unordered_map<BlockNumber, std::uint32_t> map_;
};

double percentile(const std::vector<Tokens>& sorted, double percent) {
  const double rank = static_cast<double>(sorted.size() - 1) * percent / 100;
  const auto below = static_cast<std::size_t>(rank);
  const auto low = static_cast<double>(sorted[below]);
  const auto high = static_cast<double>(sorted[std::min(below + 1, sorted.size() - 1)]);
  return low + (high - low) * (rank - static_cast<double>(below));
}

LengthStats stats_of(std::vector<Tokens> lengths) {
  if (lengths.empty()) return {};
  std::ranges::sort(lengths);
  Tokens sum = 0;
  for (const Tokens length : lengths) sum += length;
  return {.mean = static_cast<double>(sum) / static_cast<double>(lengths.size()),
          .min = lengths.front(),
          .p50 = percentile(lengths, 50),
          .p90 = percentile(lengths, 90),
          .p99 = percentile(lengths, 99),
          .max = lengths.back()};
}

void analyze_blocks(const Trace& trace, Analysis& analysis) {
  BlockCounts counts(trace);
  Tokens tokens = 0;
  Tokens repeated_tokens = 0;
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    const Request request = trace.request({i});
    tokens += request.new_input;
    Tokens left = request.new_input;
    for (const BlockNumber block : request.blocks) {
      const std::uint32_t before = counts.add(block);
      if (before == 0) ++analysis.unique_blocks;
      if (before == 1) ++analysis.reused_blocks;
      if (before > 0) repeated_tokens += std::min(left, kBlockTokens);
      left -= kBlockTokens;
    }
    analysis.total_blocks += static_cast<std::int64_t>(request.blocks.size());
  }
  if (tokens == 0) return;
  analysis.cache_efficiency_blocks =
      static_cast<double>(analysis.total_blocks - analysis.unique_blocks) / static_cast<double>(analysis.total_blocks);
  analysis.cache_efficiency_tokens = static_cast<double>(repeated_tokens) / static_cast<double>(tokens);
}

void analyze_times(const Trace& trace, Analysis& analysis) {
  std::int64_t burst = 0;
  Time last{};
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    const Request request = trace.request({i});
    if (request.previous) ++analysis.later_turns;
    burst = request.at == last ? burst + 1 : 1;
    last = request.at;
    analysis.largest_burst = std::max(analysis.largest_burst, burst);
  }
  analysis.duration = last - Time{};
  if (analysis.duration.ns > 0) analysis.rate_per_s = static_cast<double>(analysis.requests) / to_s(analysis.duration);
}

}  // namespace

Analysis analyze(const Trace& trace) {
  Analysis analysis;
  analysis.requests = static_cast<std::int64_t>(trace.size());
  std::vector<Tokens> inputs;
  std::vector<Tokens> outputs;
  inputs.reserve(trace.size());
  outputs.reserve(trace.size());
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    const Request request = trace.request({i});
    inputs.push_back(request.new_input);
    outputs.push_back(request.output);
  }
  analysis.input = stats_of(std::move(inputs));
  analysis.output = stats_of(std::move(outputs));
  analyze_blocks(trace, analysis);
  analyze_times(trace, analysis);
  return analysis;
}

}  // namespace infbench::trace
