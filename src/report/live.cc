#include "report/live.h"

#include <fmt/format.h>

#include "report/figures.h"
#include "report/text.h"

namespace infbench::report {
namespace {

constexpr std::size_t kNameWidth = 32;
constexpr std::size_t kCell = 13;

std::string stats_row(std::string_view name, const measure::Stats& stats, int decimals) {
  std::string out = pad_right(name, kNameWidth);
  for (const LatencyFigure& part : latency_figures()) {
    out += pad_left(stats.empty() ? "-" : grouped(stats.*part.value, decimals), kCell);
  }
  return out + '\n';
}

std::string row(std::string_view name, double value, int decimals) {
  return pad_right(name, kNameWidth) + pad_left(grouped(value, decimals), kCell) + '\n';
}

std::string count_row(std::string_view name, std::int64_t count) { return row(name, static_cast<double>(count), 0); }

// Only what there is any of.
std::string count_if_any(std::string_view name, std::int64_t count) { return count == 0 ? "" : count_row(name, count); }

}  // namespace

std::vector<std::string> validity_lines(const measure::RunResult& run) {
  std::vector<std::string> lines;
  if (!run.live) return lines;
  for (const std::string& why : run.live->not_valid) lines.push_back("NOT VALID: " + printable(why));
  return lines;
}

std::string live_block(const measure::RunResult& run) {
  if (!run.live) return {};
  const measure::LiveFigures& live = *run.live;
  std::string out = pad_right("The client itself (ms)", kNameWidth);
  for (const LatencyFigure& part : latency_figures()) out += pad_left(part.name, kCell);
  out += '\n';
  out += stats_row("Lag: due to first byte written", live.lag_ms, 3);
  out += stats_row("Gap between chunks", live.inter_chunk_latency, 3);
  out += count_row("Chunks with text", live.chunks);
  out += count_row("  of these, read together", live.chunks_together);
  out += row("CPU of the client (% of a core)", 100 * live.cpu_fraction, 1);
  out += count_row("Connections opened", live.connections);
  out += count_if_any("Answers shorter than asked for", live.truncated);
  out += count_if_any("Answers the server counts otherwise", live.token_mismatch);
  out += count_if_any("Answers not counted by the server", live.not_counted);
  out += count_if_any("Sent twice (idle connection lost)", live.sent_again);
  out += count_if_any("Not sent", live.not_sent);
  return out;
}

}  // namespace infbench::report
