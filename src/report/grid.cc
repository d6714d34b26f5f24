#include "report/grid.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/check.h"
#include "report/text.h"

namespace infbench::report {
namespace {

using measure::RunResult;
using measure::Stats;
using Value = std::optional<double>;

constexpr std::size_t kWidest = 28;

struct Column {
  std::string head;
  std::vector<std::string> cells;
  std::vector<bool> best;  // empty: nothing to mark
  bool left = false;       // text stands left, numbers right
};

struct Figure {
  const char* head;
  int decimals;
  bool higher;
  Value (*of)(const RunResult&);
};

Value percent(Value fraction) { return fraction ? Value(100 * *fraction) : Value{}; }
Value part(const Stats& stats, double Stats::*figure) { return stats.empty() ? Value{} : Value(stats.*figure); }

constexpr Figure kFigures[] = {
    {"good %", 1, true, [](const RunResult& r) { return percent(r.summary.goodput_fraction()); }},
    {"good req/s", 3, true, [](const RunResult& r) { return r.summary.goodput_rps(); }},
    {"errors", 0, false, [](const RunResult& r) { return Value(static_cast<double>(r.summary.errors)); }},
    {"TTFT p50", 0, false, [](const RunResult& r) { return part(r.summary.ttft_ms, &Stats::p50); }},
    {"TTFT p99", 0, false, [](const RunResult& r) { return part(r.summary.ttft_ms, &Stats::p99); }},
    {"ITL p50", 1, false, [](const RunResult& r) { return part(r.summary.itl_ms, &Stats::p50); }},
    {"ITL p99", 1, false, [](const RunResult& r) { return part(r.summary.itl_ms, &Stats::p99); }},
    {"hits %", 1, true, [](const RunResult& r) { return percent(r.summary.prefix_hit_rate()); }},
};

Column figure_column(std::span<const RunResult> runs, const Figure& figure) {
  Column column{.head = figure.head, .cells = {}, .best = std::vector<bool>(runs.size(), false)};
  std::vector<Value> values;
  Value best;
  bool differ = false;
  for (const RunResult& run : runs) {
    const Value value = figure.of(run);
    values.push_back(value);
    column.cells.push_back(value ? grouped(*value, figure.decimals) : "-");
    differ = differ || (value && best && *value != *best);
    if (value && (!best || (figure.higher ? *value > *best : *value < *best))) best = value;
  }
  for (std::size_t i = 0; differ && i < values.size(); ++i) column.best[i] = values[i] == best;
  return column;
}

std::vector<Column> columns_of(std::span<const RunResult> runs) {
  std::vector<Column> columns;
  const auto same = [&](const RunResult& run) { return run.info.recipe == runs[0].info.recipe; };
  if (!std::all_of(runs.begin(), runs.end(), same)) {
    Column& recipe = columns.emplace_back(Column{.head = "recipe", .cells = {}, .best = {}, .left = true});
    for (const RunResult& run : runs) recipe.cells.push_back(cut(printable(run.info.recipe), kWidest));
  }
  for (std::size_t k = 0; k < runs[0].info.point.size(); ++k) {
    Column& key = columns.emplace_back(
        Column{.head = cut(printable(runs[0].info.point[k].first), kWidest), .cells = {}, .best = {}, .left = true});
    for (const RunResult& run : runs) key.cells.push_back(cut(printable(run.info.point[k].second), kWidest));
  }
  for (const Figure& figure : kFigures) columns.push_back(figure_column(runs, figure));
  return columns;
}

std::string marked(const std::string& text, bool best, bool color) {
  const std::string out = text + (best ? "*" : " ");
  return best && color ? "\x1b[1;32m" + out + "\x1b[0m" : out;
}

}  // namespace

bool is_grid(std::span<const RunResult> runs) { return !runs.empty() && !runs[0].info.point.empty(); }

std::string grid_rows(std::span<const RunResult> runs, bool color) {
  INFBENCH_CHECK(is_grid(runs));
  std::vector<std::string> lines(runs.size() + 1);
  for (const Column& column : columns_of(runs)) {
    std::size_t width = width_of(column.head);
    for (const std::string& cell : column.cells) width = std::max(width, width_of(cell));
    const auto pad = [&](const std::string& text) { return column.left ? pad_right(text, width) : pad_left(text, width); };
    const std::string gap = lines[0].empty() ? "" : " ";
    lines[0] += gap + pad(column.head) + " ";
    for (std::size_t i = 0; i < runs.size(); ++i) {
      lines[i + 1] += gap + marked(pad(column.cells[i]), !column.best.empty() && column.best[i], color);
    }
  }
  std::string out;
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out + "latencies in ms; * the best\n";
}

}  // namespace infbench::report
