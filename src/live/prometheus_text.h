// Prometheus' text format (version 0.0.4), piece by piece, and a histogram of durations in it. Pure but for the histogram: one
// owner, one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace infbench::live {

inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

void write_family(std::string& out, std::string_view name, std::string_view type, std::string_view help);
// `labels`: a="b",c="d"; may be empty.
void write_value(std::string& out, std::string_view name, std::string_view labels, double value);
// Family and value at once, of a metric with one set of labels.
void write_gauge(std::string& out, std::string_view name, std::string_view help, std::string_view labels, double value);
void write_counter(std::string& out, std::string_view name, std::string_view help, std::string_view labels, std::int64_t value);
std::string label_value(std::string_view text);  // escaped, without the quotes

// Counts durations in buckets with fixed upper bounds, as Prometheus has them.
class DurationHistogram {
 public:
  explicit DurationHistogram(std::span<const double> bounds_s);  // rising, in seconds; must outlive this

  void add(Duration duration);
  std::int64_t count() const { return count_; }
  // Lines of the exposition format. `labels`: a="b",c="d".
  void write(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::span<const double> bounds_s_;
  std::vector<std::int64_t> bounds_ns_;
  std::vector<std::int64_t> counts_;  // one more than bounds
  __extension__ using Wide = __int128;
  Wide sum_ns_ = 0;  // 5,000 requests at once fill 64 bits within three weeks
  std::int64_t count_ = 0;
};

}  // namespace infbench::live
