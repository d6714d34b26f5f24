#include "report/read_records.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <simdjson.h>

#include "measure/record.h"

namespace infbench::report {
namespace {

using simdjson::ondemand::object;

// Beyond what any run has, and so far below the largest number that sums and differences fit.
constexpr std::int64_t kMostNs = 4'000'000'000'000'000'000;  // of the Unix epoch: the year 2096
constexpr double kMostMs = 1e12;
constexpr std::int64_t kMostTokens = std::numeric_limits<std::int32_t>::max();

struct Line {
  std::int64_t session = -1;
  std::int64_t due_ns = 0, start_ns = 0;
  bool is_warmup = false;
  bool failed = false;
  double ttft_ms = -1, decode_ms = 0;
  std::int64_t input = 0, output = 0, cached = 0;
};

// {"value": ..., "unit": ...}
template <typename T>
void read_value(simdjson::simdjson_result<simdjson::ondemand::value> metric, T& value) {
  T found{};
  if (metric["value"].get(found) == simdjson::SUCCESS) value = found;
}

bool read_metadata(object metadata, Line& line) {
  for (auto field : metadata) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return false;
    if (key == "session_num") {
      if (field.value().get(line.session) != simdjson::SUCCESS) return false;
    } else if (key == "credit_issued_ns") {
      if (field.value().get(line.due_ns) != simdjson::SUCCESS) return false;
    } else if (key == "request_start_ns") {
      if (field.value().get(line.start_ns) != simdjson::SUCCESS) return false;
    } else if (key == "benchmark_phase") {
      std::string_view phase;
      if (field.value().get(phase) != simdjson::SUCCESS) return false;
      line.is_warmup = phase == "warmup";
    }
  }
  return line.start_ns != 0;
}

bool read_metrics(object metrics, Line& line) {
  for (auto field : metrics) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return false;
    if (key == "time_to_first_token") read_value(field.value(), line.ttft_ms);
    if (key == "decode_duration") read_value(field.value(), line.decode_ms);
    if (key == "input_sequence_length" || key == "error_isl") read_value(field.value(), line.input);
    if (key == "output_sequence_length") read_value(field.value(), line.output);
    if (key == "usage_prompt_cache_read_tokens") read_value(field.value(), line.cached);
  }
  return true;
}

bool in_range(const Line& line) {
  const auto time = [](std::int64_t ns) { return ns >= 0 && ns <= kMostNs; };
  const auto tokens = [](std::int64_t count) { return count >= 0 && count <= kMostTokens; };
  return time(line.due_ns) && time(line.start_ns) && std::abs(line.ttft_ms) <= kMostMs && std::abs(line.decode_ms) <= kMostMs &&
         tokens(line.input) && tokens(line.output) && tokens(line.cached);
}

bool read_line(simdjson::ondemand::parser& parser, simdjson::padded_string_view text, Line& line) {
  simdjson::ondemand::document document;
  object top;
  if (parser.iterate(text).get(document) != simdjson::SUCCESS || document.get_object().get(top) != simdjson::SUCCESS) {
    return false;
  }
  bool has_metadata = false;
  for (auto field : top) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return false;
    object inner;
    if (key == "metadata") {
      if (field.value().get(inner) != simdjson::SUCCESS || !read_metadata(inner, line)) return false;
      has_metadata = true;
    } else if (key == "metrics") {
      if (field.value().get(inner) != simdjson::SUCCESS || !read_metrics(inner, line)) return false;
    } else if (key == "error") {
      bool is_null = false;
      if (field.value().is_null().get(is_null) != simdjson::SUCCESS) return false;
      line.failed = !is_null;
    }
  }
  return has_metadata && in_range(line);
}

RequestFigures figures_of(const Line& line, const Slo& slo) {
  RequestFigures r;
  r.due = {line.due_ns};
  r.lag_ms = to_ms(Duration{line.start_ns - line.due_ns});
  r.input = line.input;
  r.cached = line.cached;
  r.succeeded = !line.failed && line.ttft_ms >= 0 && line.output > 0;
  if (!r.succeeded) return r;
  r.ttft = {std::llround(line.ttft_ms * 1e6) + line.start_ns - line.due_ns};
  r.ttft_within = r.ttft <= slo.ttft;
  const Duration decode{std::llround(line.decode_ms * 1e6)};
  r.itl_within = measure::gaps_within(decode, line.output, slo.itl);
  if (line.output > 1) r.itl_ms = to_ms(decode) / static_cast<double>(line.output - 1);
  return r;
}

}  // namespace

Result<Records> read_records(const std::string& file, const Slo& slo) {
  std::ifstream in(file, std::ios::binary);
  Records records;
  simdjson::ondemand::parser parser;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    if (text.empty()) continue;
    const std::size_t length = text.size();
    text.resize(length + simdjson::SIMDJSON_PADDING);
    Line line;
    if (!read_line(parser, simdjson::padded_string_view(text.data(), length, text.size()), line)) {
      if (in.peek() == std::ifstream::traits_type::eof()) break;  // the run was killed while it wrote its last line
      return fail(Error{.what = "expected a record of a request, as JSON",
                        .hint = {},
                        .file = file,
                        .line = number,
                        .source_line = text.substr(0, std::min<std::size_t>(length, 200))});
    }
    if (line.is_warmup) continue;
    records.requests.push_back(figures_of(line, slo));
    records.rows.push_back(line.session);
  }
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  for (const RequestFigures& r : records.requests) first = std::min(first, r.due.ns);
  for (RequestFigures& r : records.requests) r.due.ns -= first;
  if (!records.requests.empty()) records.first_due_ns = first;
  return records;
}

}  // namespace infbench::report
