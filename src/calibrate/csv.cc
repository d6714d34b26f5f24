#include "calibrate/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/number.h"

namespace infbench::calibrate {
namespace {

constexpr double kLargest = 1e15;  // of any number in a table; whole numbers up to there are exact

std::optional<double> figure_in(std::string_view text) {
  const auto value = number_in<double>(text);
  if (!value || !(*value >= -kLargest && *value <= kLargest)) return std::nullopt;
  return value;
}

}  // namespace

Result<Csv> Csv::read(const std::string& path, const std::vector<std::string_view>& needed) {
  std::ifstream file(path, std::ios::binary);
  Csv csv;
  csv.path_ = path;
  bool header = true;
  int number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (number == 1 && text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (text.find_first_not_of(" \t") == std::string::npos || text.front() == '#') continue;
    Line line{.text = std::move(text), .number = number, .cells = {}};
    csv.split(line);
    if (header) {
      csv.read_header(line, needed);
      header = false;
    } else if (line.cells.size() != csv.names_.size()) {
      csv.note_at(
          line, 0,
          fmt::format("expected {} values, as the first line has names, found {}", csv.names_.size(), line.cells.size()));
    } else {
      csv.lines_.push_back(std::move(line));
    }
  }
  // A folder can be opened, but not read.
  if (!file.eof() || (number == 0 && !file.is_open())) {
    return fail(Error{.what = "cannot read the file", .hint = {}, .file = path, .source_line = {}});
  }
  if (header)
    return fail(Error{.what = "expected a line with the names of the columns, found an empty file",
                      .hint = {},
                      .file = path,
                      .source_line = {}});
  if (!csv.errors_.empty()) return fail(csv.take_errors());
  return csv;
}

void Csv::split(Line& line) const {
  for (std::size_t begin = 0; begin <= line.text.size();) {
    const std::size_t end = std::min(line.text.find(',', begin), line.text.size());
    std::size_t first = begin;
    std::size_t last = end;
    while (first < last && (line.text[first] == ' ' || line.text[first] == '\t')) ++first;
    while (last > first && (line.text[last - 1] == ' ' || line.text[last - 1] == '\t')) --last;
    line.cells.emplace_back(first, last - first);
    begin = end + 1;
  }
}

void Csv::read_header(const Line& line, const std::vector<std::string_view>& needed) {
  for (const auto& [begin, size] : line.cells) {
    const std::string name = line.text.substr(begin, size);
    if (place(name)) note_at(line, begin, fmt::format("the column '{}' is there twice", name));
    names_.push_back(name);
  }
  for (const std::string_view name : needed) {
    if (place(name)) continue;
    note_at(line, 0, fmt::format("expected a column '{}'", name), did_you_mean(name, {names_.begin(), names_.end()}));
  }
}

std::optional<std::size_t> Csv::place(std::string_view column) const {
  const auto found = std::find(names_.begin(), names_.end(), column);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

bool Csv::has(std::string_view column) const { return place(column).has_value(); }

std::string_view Csv::text(std::size_t row, std::string_view column) const {
  const auto at = place(column);
  if (!at) return {};
  const auto& [begin, size] = lines_[row].cells[*at];
  return std::string_view(lines_[row].text).substr(begin, size);
}

std::optional<std::int64_t> Csv::integer(std::size_t row, std::string_view column, std::int64_t least, std::int64_t most) {
  const std::string_view cell = text(row, column);
  const auto value = figure_in(cell);
  if (value && *value == std::floor(*value)) {
    const auto whole = static_cast<std::int64_t>(*value);
    if (whole >= least && whole <= most) return whole;
  }
  note(row, column, fmt::format("expected '{}' to be a whole number from {} to {}, found '{}'", column, least, most, cell));
  return std::nullopt;
}

std::optional<double> Csv::number_above_0(std::size_t row, std::string_view column) {
  const std::string_view cell = text(row, column);
  const auto value = figure_in(cell);
  if (value && *value > 0) return value;
  note(row, column, fmt::format("expected '{}' to be a number above 0, found '{}'", column, cell));
  return std::nullopt;
}

void Csv::note(std::size_t row, std::string_view column, std::string what, std::string hint) {
  const auto at = place(column);
  note_at(lines_[row], at ? lines_[row].cells[*at].first : 0, std::move(what), std::move(hint));
}

void Csv::note_at(const Line& line, std::size_t column, std::string what, std::string hint) {
  errors_.push_back({.what = std::move(what),
                     .hint = std::move(hint),
                     .file = path_,
                     .line = line.number,
                     .column = static_cast<int>(column) + 1,
                     .source_line = line.text});
}

}  // namespace infbench::calibrate
