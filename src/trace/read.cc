#include "trace/read.h"

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace infbench::trace {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20U;
constexpr std::size_t kLongestShown = std::size_t{1} << 16U;  // a longer line is not kept for a caret
constexpr std::string_view kGzip = "\x1f\x8b";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

class File {
 public:
  explicit File(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool is_open() const { return descriptor_ >= 0; }
  std::size_t size() const {
    struct stat status {};
    return ::fstat(descriptor_, &status) == 0 && status.st_size > 0 ? static_cast<std::size_t>(status.st_size) : 0;
  }
  // Bytes read, 0 at the end, negative for an error (errno).
  ssize_t read(std::span<char> into) {
    ssize_t count = -1;
    do {
      count = ::read(descriptor_, into.data(), into.size());
    } while (count < 0 && errno == EINTR);
    return count;
  }

 private:
  int descriptor_;
};

tl::unexpected<Errors> cannot_read(const std::string& path) {
  return fail(Error{
      .what = fmt::format("cannot read the trace: {}", std::strerror(errno)), .hint = {}, .file = path, .source_line = {}});
}

}  // namespace

bool TraceReader::feed(std::string_view piece) {
  fed_ += piece.size();
  hash_.add(piece);
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (rest_.size() + part.size() > kLongestLine) {
      ++line_;
      add_error(0, fmt::format("expected a line of at most {} bytes, found a longer one", kLongestLine),
                "a trace has one JSON object per line", {});
      rest_.clear();
      return false;
    }
    if (end == std::string_view::npos) {
      rest_ += part;
      return true;
    }
    if (rest_.empty()) {
      read_line(part, true);
    } else {
      rest_ += part;
      read_line(rest_, true);
      rest_.clear();
    }
    piece.remove_prefix(end + 1);
  }
  return true;
}

void TraceReader::expect(std::size_t bytes) {
  if (fed_ == 0 || bytes <= fed_) return;
  const double more = static_cast<double>(bytes) / static_cast<double>(fed_) * 1.1;
  builder_.reserve(static_cast<std::size_t>(static_cast<double>(builder_.rows()) * more),
                   static_cast<std::size_t>(static_cast<double>(builder_.blocks()) * more));
}

void TraceReader::read_line(std::string_view line, bool ended) {
  ++line_;
  if (is_blank(line)) {
    if (first_empty_line_ == 0) first_empty_line_ = line_;
    return;
  }
  if (first_empty_line_ > 0) {
    const int here = std::exchange(line_, std::exchange(first_empty_line_, 0));
    add_error(0, "expected a JSON object, found an empty line", {}, {});
    line_ = here;
  }
  if (line_ == 1 && line.starts_with(kByteOrderMark)) {
    add_error(0, "expected a JSON object, found a byte order mark", "remove it", line);
    return;
  }
  if (line_ == 1 && line.starts_with(kGzip)) {
    add_error(0, "expected a JSON object, found a file packed by gzip", "unpack it with gunzip", {});
    return;
  }
  if (const RowValues* row = rows_.read(line)) {
    if (errors_.empty()) builder_.add(*row);  // else nobody will have the trace
    return;
  }
  for (const Fault& fault : rows_.faults()) {
    const bool cut = fault.at_end && !ended;
    add_error(fault.at, cut ? "the last line is cut off: " + fault.what : fault.what,
              cut ? "the file seems incomplete, copy or download it again" : "", line);
  }
}

void TraceReader::add_error(std::size_t at, std::string what, std::string hint, std::string_view line) {
  if (errors_.size() == kMostErrors) {
    ++more_errors_;
    return;
  }
  errors_.push_back({.what = std::move(what),
                     .hint = std::move(hint),
                     .file = name_,
                     .line = line_,
                     .column = static_cast<int>(at) + 1,
                     .source_line = std::string(line.size() <= kLongestShown ? line : std::string_view{})});
}

Result<ReadTrace> TraceReader::finish() {
  if (!rest_.empty()) read_line(rest_, false);
  rest_.clear();
  if (errors_.empty() && builder_.rows() == 0) {
    return fail(Error{.what = "expected one JSON object per line, found none",
                      .hint = "a trace has at least one request",
                      .file = name_,
                      .source_line = {}});
  }
  if (errors_.empty()) {
    BuiltTrace built = std::move(builder_).finish();
    return ReadTrace{.trace = std::move(built.trace), .notes = std::move(built.notes), .sha256 = hash_.finish()};
  }
  if (more_errors_ > 0) {
    errors_.push_back({.what = fmt::format("... and {} more error{}", more_errors_, more_errors_ == 1 ? "" : "s"),
                       .hint = {},
                       .file = name_,
                       .source_line = {}});
  }
  return fail(std::move(errors_));
}

Result<ReadTrace> read_trace(const std::string& path, ReadOptions options) {
  File file(path);
  if (!file.is_open()) return cannot_read(path);
  TraceReader reader(path, std::move(options));
  std::vector<char> buffer(kPiece);
  for (bool is_first = true;; is_first = false) {
    const ssize_t count = file.read(buffer);
    if (count < 0) return cannot_read(path);
    if (count == 0 || !reader.feed({buffer.data(), static_cast<std::size_t>(count)})) break;
    if (is_first) reader.expect(file.size());
  }
  return reader.finish();
}

Result<ReadTrace> read_trace_text(std::string_view text, std::string name, ReadOptions options) {
  TraceReader reader(std::move(name), std::move(options));
  reader.feed(text);
  return reader.finish();
}

}  // namespace infbench::trace
