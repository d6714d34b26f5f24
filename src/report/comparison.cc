#include "report/comparison.h"

#include <algorithm>

#include "report/figures.h"
#include "report/terminal.h"
#include "report/text.h"

namespace infbench::report {
namespace {

using measure::Stats;
using Value = std::optional<double>;

constexpr std::size_t kNameWidth = 32;
constexpr std::size_t kWidestColumn = 22;
constexpr std::size_t kGap = 2;  // beside each column: a space, and the place of its mark

Value known(const Stats& stats, double Stats::*figure) { return stats.empty() ? Value{} : Value{stats.*figure}; }

std::size_t column_width(std::size_t runs) {
  const std::size_t columns = runs == 2 ? 3 : runs;  // two runs: and their difference
  return std::min(kWidestColumn, (kColumns - kNameWidth) / columns);
}

// A cell with its place for the mark. The mark stands without colours too.
std::string cell(const std::string& text, std::size_t width, bool best, bool color) {
  const std::string padded = pad_left(text, width - 1) + (best ? "*" : " ");
  return best && color ? "\x1b[1;32m" + padded + "\x1b[0m" : padded;
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string row(const Figure& figure, std::span<const Value> values, bool color) {
  const std::size_t width = column_width(values.size());
  const std::vector<bool> best = best_of(values, figure.better);
  std::string line = pad_right(figure.name, kNameWidth);
  for (std::size_t i = 0; i < values.size(); ++i) line += cell(text_of(values[i], figure, width - 1), width, best[i], color);
  if (values.size() == 2) line += pad_left(difference_text(values, figure), width - 1);
  return trimmed(line);
}

std::string rows(std::span<const Figure> figures, std::span<const RunResult> runs, bool color) {
  std::string out;
  for (const Figure& figure : figures) {
    std::vector<Value> values;
    for (const RunResult& run : runs) values.push_back(figure.of(run));
    out += row(figure, values, color);
  }
  return out;
}

std::string latency_rows(std::span<const RunResult> runs, bool color) {
  std::string out;
  for (const Latency& latency : latencies()) {
    for (const LatencyFigure& part : latency_figures()) {
      const std::string name = std::string(latency.name) + " " + std::string(part.name) + " (ms)";
      const Figure figure{.name = name, .decimals = latency.decimals, .better = Better::lower, .of = nullptr};
      std::vector<Value> values;
      for (const RunResult& run : runs) {
        values.push_back(known(run.summary.*latency.stats, part.value));
      }
      out += row(figure, values, color);
    }
    out += '\n';
  }
  return out;
}

// Where there is no room for a column of differences: by how many points of goodput each run is above or below the first.
std::string goodput_points_row(std::span<const RunResult> runs) {
  const std::size_t width = column_width(runs.size());
  std::string line = pad_right("Goodput minus the first's (pt)", kNameWidth);
  const Value first = runs[0].summary.goodput_fraction();
  for (const RunResult& run : runs) {
    const Value here = run.summary.goodput_fraction();
    line += cell(first && here && &run != runs.data() ? with_sign(100 * (*here - *first), 1) : "-", width, false, false);
  }
  return trimmed(line);
}

}  // namespace

std::vector<bool> best_of(std::span<const std::optional<double>> values, Better better) {
  std::vector<bool> best(values.size(), false);
  std::vector<double> known;
  for (const Value& value : values) {
    if (value) known.push_back(*value);
  }
  if (better == Better::neither || known.size() < 2) return best;
  const auto [least, most] = std::minmax_element(known.begin(), known.end());
  if (*least == *most) return best;
  const double target = better == Better::higher ? *most : *least;
  for (std::size_t i = 0; i < values.size(); ++i) best[i] = values[i] == target;
  return best;
}

std::string difference_text(std::span<const std::optional<double>> values, const Figure& figure) {
  if (!figure.compared) return "";
  if (!values[0] || !values[1]) return "-";
  const double difference = *values[1] - *values[0];
  return figure.is_fraction ? with_sign(100 * difference, figure.decimals) + " pt" : with_sign(difference, figure.decimals);
}

std::vector<std::string> heads_of(std::span<const std::string> labels) {
  if (labels.size() > kMostColumns) return {labels.begin(), labels.end()};
  const std::size_t room = column_width(labels.size()) - kGap;
  if (std::all_of(labels.begin(), labels.end(), [&](const auto& label) { return width_of(label) <= room; })) {
    return {labels.begin(), labels.end()};
  }
  std::vector<std::string> letters;
  for (std::size_t i = 0; i < labels.size(); ++i) letters.emplace_back(1, static_cast<char>('A' + static_cast<int>(i)));
  return letters;
}

std::string comparison_columns(std::span<const RunResult> runs, std::span<const std::string> heads, bool color) {
  const std::size_t width = column_width(runs.size());
  std::string head(kNameWidth, ' ');
  for (const std::string& name : heads) head += cell(name, width, false, false);
  if (runs.size() == 2) head += pad_left("difference", width - 1);
  std::string out = trimmed(head);
  out += rows(goodput_figures(), runs, color);
  if (runs.size() > 2) out += goodput_points_row(runs);
  out += '\n';
  out += latency_rows(runs, color);
  out += rows(throughput_figures(), runs, color) + '\n';
  out += rows(cost_figures(), runs, color) + '\n';
  out += runs.size() == 2 ? "* the better one; difference: the second minus the first, pt: points of 100 %\n" : "* the best\n";
  return out;
}

std::string comparison_rows(std::span<const RunResult> runs, std::span<const std::string> labels, bool color) {
  struct Column {
    std::string_view head;
    Figure figure;
  };
  const auto ms = [](int decimals, Value (*of)(const RunResult&)) {
    return Figure{.name = "", .decimals = decimals, .better = Better::lower, .of = of};
  };
  const Column columns[] = {
      {"good %", goodput_figures()[2]},
      {"errors", goodput_figures()[1]},
      {"TTFT p50", ms(0, [](const RunResult& r) { return known(r.summary.ttft_ms, &Stats::p50); })},
      {"TTFT p99", ms(0, [](const RunResult& r) { return known(r.summary.ttft_ms, &Stats::p99); })},
      {"ITL p50", ms(1, [](const RunResult& r) { return known(r.summary.itl_ms, &Stats::p50); })},
      {"ITL p99", ms(1, [](const RunResult& r) { return known(r.summary.itl_ms, &Stats::p99); })},
      {"hits %", throughput_figures()[0]},
  };
  constexpr std::size_t kWidth = 10;
  constexpr std::size_t kLabelWidth = kColumns - kWidth * std::size(columns);
  std::string head = pad_right("recipe (latencies in ms)", kLabelWidth);
  for (const Column& column : columns) head += cell(std::string(column.head), kWidth, false, false);
  std::string out = trimmed(head);
  std::vector<std::string> lines;
  for (const std::string& label : labels) lines.push_back(pad_right(cut(label, kLabelWidth - 1), kLabelWidth));
  for (const Column& column : columns) {
    std::vector<Value> values;
    for (const RunResult& run : runs) values.push_back(column.figure.of(run));
    const std::vector<bool> best = best_of(values, column.figure.better);
    for (std::size_t i = 0; i < runs.size(); ++i)
      lines[i] += cell(text_of(values[i], column.figure, kWidth - 1), kWidth, best[i], color);
  }
  for (const std::string& line : lines) out += trimmed(line);
  return out + "* the best\n";
}

}  // namespace infbench::report
