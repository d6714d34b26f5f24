// Csv: a table of plain comma-separated values (no quotes) with a line of names, whose cells know where they stand, so that an
// error about a number can point at it. Values; one owner, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace infbench::calibrate {

class Csv {
 public:
  // Errors: a file that cannot be read, an empty file, a column of `needed` that is missing, a name that is there twice, rows
  // with more or fewer cells than there are names. Empty lines, lines that begin with '#' and other columns are passed over.
  static Result<Csv> read(const std::string& path, const std::vector<std::string_view>& needed);

  std::size_t rows() const { return lines_.size(); }
  bool has(std::string_view column) const;
  // Of a column that is there; of an optional one that is not: empty. Without blanks around it.
  std::string_view text(std::size_t row, std::string_view column) const;
  int line(std::size_t row) const { return lines_[row].number; }

  // Whole numbers may be written as "2.0". Nothing: it is not a number in the range, and an error has been noted.
  std::optional<std::int64_t> integer(std::size_t row, std::string_view column, std::int64_t least, std::int64_t most);
  std::optional<double> number_above_0(std::size_t row, std::string_view column);
  // An error at a cell.
  void note(std::size_t row, std::string_view column, std::string what, std::string hint = {});
  Errors take_errors() { return std::move(errors_); }

 private:
  struct Line {
    std::string text;
    int number = 0;
    std::vector<std::pair<std::size_t, std::size_t>> cells;  // begin, size
  };

  void split(Line& line) const;
  void note_at(const Line& line, std::size_t column, std::string what, std::string hint = {});
  void read_header(const Line& line, const std::vector<std::string_view>& needed);
  std::optional<std::size_t> place(std::string_view column) const;

  std::string path_;
  std::vector<std::string> names_;
  std::vector<Line> lines_;
  Errors errors_;
};

}  // namespace infbench::calibrate
