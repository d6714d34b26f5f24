#include "report/grid.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "report/terminal.h"
#include "report/text.h"

namespace infbench::report {
namespace {

using measure::RunResult;
using measure::Stats;
using Value = std::optional<double>;

constexpr std::size_t kWidest = 28;
constexpr std::size_t kNarrowest = 12;  // of a column that is cut for room

struct Column {
  std::string head;
  std::vector<std::string> cells;
  std::vector<bool> best;  // empty: nothing to mark
  bool left = false;       // text stands left, numbers right
  int need = 0;            // of those that do not fit, the one with the least goes first

  std::size_t width() const {
    std::size_t width = width_of(head);
    for (const std::string& cell : cells) width = std::max(width, width_of(cell));
    return width;
  }
};

struct Figure {
  const char* head;
  int decimals;
  bool higher;
  int need;
  Value (*of)(const RunResult&);
};

Value percent(Value fraction) { return fraction ? Value(100 * *fraction) : Value{}; }
Value part(const Stats& stats, double Stats::*figure) { return stats.empty() ? Value{} : Value(stats.*figure); }

constexpr Figure kFigures[] = {
    {"good %", 1, true, 9, [](const RunResult& r) { return percent(r.summary.goodput_fraction()); }},
    {"good req/s", 3, true, 3, [](const RunResult& r) { return r.summary.goodput_rps(); }},
    {"errors", 0, false, 6, [](const RunResult& r) { return Value(static_cast<double>(r.summary.errors)); }},
    {"TTFT p50", 0, false, 4, [](const RunResult& r) { return part(r.summary.ttft_ms, &Stats::p50); }},
    {"TTFT p99", 0, false, 8, [](const RunResult& r) { return part(r.summary.ttft_ms, &Stats::p99); }},
    {"ITL p50", 1, false, 2, [](const RunResult& r) { return part(r.summary.itl_ms, &Stats::p50); }},
    {"ITL p99", 1, false, 7, [](const RunResult& r) { return part(r.summary.itl_ms, &Stats::p99); }},
    {"hits %", 1, true, 5, [](const RunResult& r) { return percent(r.summary.prefix_hit_rate()); }},
};

Column figure_column(std::span<const RunResult> runs, const Figure& figure) {
  Column column{.head = figure.head, .cells = {}, .best = std::vector<bool>(runs.size(), false), .need = figure.need};
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

// How far the table is beyond the terminal's columns. A column takes its width, the place of its mark and a space.
std::size_t excess(std::span<const Column> columns) {
  std::size_t width = 0;
  for (const Column& column : columns) width += column.width() + 2;
  return width > kColumns ? width - kColumns : 0;
}

// Cuts text first, where there is some to cut, then leaves figures out. Returns the heads of those.
std::vector<std::string> fit(std::vector<Column>& columns) {
  std::vector<std::string> left_out;
  const auto wider = [](const Column& a, const Column& b) { return (a.left ? a.width() : 0) < (b.left ? b.width() : 0); };
  while (const std::size_t over = excess(columns)) {
    Column& text = *std::max_element(columns.begin(), columns.end(), wider);
    if (text.left && text.width() > kNarrowest) {
      const std::size_t room = std::max(kNarrowest, text.width() - std::min(text.width(), over));
      text.head = cut(text.head, room);
      for (std::string& cell : text.cells) cell = cut(cell, room);
      continue;
    }
    const auto needless = [](const Column& a, const Column& b) { return !a.left && (b.left || a.need < b.need); };
    const auto least = std::min_element(columns.begin(), columns.end(), needless);
    if (least->left) break;  // so many keys that their values alone do not fit
    left_out.push_back(std::move(least->head));
    columns.erase(least);
  }
  return left_out;
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
  std::vector<Column> columns = columns_of(runs);
  const std::vector<std::string> left_out = fit(columns);
  for (const Column& column : columns) {
    const std::size_t width = column.width();
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
  out += "latencies in ms; * the best\n";
  if (!left_out.empty()) out += fmt::format("left out for room: {} (--json has all)\n", fmt::join(left_out, ", "));
  return out;
}

}  // namespace infbench::report
