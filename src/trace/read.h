// Reads a trace from a file in Mooncake's JSONL format (row_reader.h says what a row is). The file streams through: its text is
// never held, so a 1 GB trace takes the memory of its Trace. Functions and one streaming class; one owner, one thread each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "trace/build.h"
#include "trace/row_reader.h"

namespace infbench::trace {

struct ReadTrace {
  Trace trace;
  std::vector<std::string> notes;  // what was changed, for the user: "sorted by timestamp: 3 rows were out of order"
  std::string sha256;              // of the bytes of the file
};

// The trace, or the errors of the whole file, each with its line and column: the first kMostErrors, and
// how many more there are. Nothing is skipped: also an empty line is an error, but for those at the end of the file.
Result<ReadTrace> read_trace(const std::string& path, ReadOptions options = {});

// The same from text in memory; `name` stands for the file in errors.
Result<ReadTrace> read_trace_text(std::string_view text, std::string name, ReadOptions options = {});

// The same, piece by piece, wherever the pieces are cut.
class TraceReader {
 public:
  static constexpr std::size_t kMostErrors = 20;
  static constexpr std::size_t kLongestLine = std::size_t{16} << 20U;  // bytes

  explicit TraceReader(std::string name, ReadOptions options = {}) : name_(std::move(name)), rows_(std::move(options)) {}

  // False once it makes no sense to go on (a line without end); finish() tells why.
  bool feed(std::string_view piece);
  // Makes room for a file of so many bytes, judging by what was fed so far.
  void expect(std::size_t bytes);
  Result<ReadTrace> finish();

 private:
  void read_line(std::string_view line, bool ended);
  void add_error(std::size_t at, std::string what, std::string hint, std::string_view line);

  std::string name_;
  TraceBuilder builder_;
  RowReader rows_;
  Sha256 hash_;
  std::string rest_;     // of a piece: a line not ended yet
  std::size_t fed_ = 0;  // bytes
  int line_ = 0;
  int first_empty_line_ = 0;  // of those since the last row
  Errors errors_;
  std::size_t more_errors_ = 0;
};

}  // namespace infbench::trace
