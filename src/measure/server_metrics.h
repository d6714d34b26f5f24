// ServerMetrics: what a server told about itself at /metrics (the Prometheus text format) during a run, as aiperf's users know
// it: server_metrics_export.jsonl with a line per scrape, server_metrics_export.json with the figures of the run. Values and
// pure functions; ServerMetrics has one owner, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/time.h"
#include "measure/run.h"
#include "measure/thinned_samples.h"

namespace infbench::measure {

// One histogram or single value at one moment.
struct MetricSeries {
  std::string labels;                                   // JSON object; empty: none
  double value = 0;                                     // of a counter or gauge
  std::vector<std::pair<std::string, double>> buckets;  // of a histogram: upper bound and count up to it
  double sum = 0;
  double count = 0;
};

struct MetricFamily {
  std::string name;  // without the _total of counters
  std::string type;  // counter, gauge, histogram, unknown
  std::string help;
  std::vector<MetricSeries> series;
};

// Lines that are not of the format are passed over: a server's metrics must not end a run.
std::vector<MetricFamily> parse_prometheus(std::string_view text);

class ServerMetrics {
 public:
  // Of all endpoints together; what is new beyond that is only in the lines. A server that puts a request's name into labels
  // would else take all memory in a run of days.
  static constexpr std::size_t kMostSeries = 20'000;

  struct Scrape {
    Time sent;
    Time first_byte;
    bool in_phase = true;  // while the requests that count were sent
  };

  explicit ServerMetrics(std::int64_t epoch_ns) : epoch_ns_(epoch_ns) {}

  // Appends the line of a scrape.
  void append_line(const std::string& endpoint, const Scrape& scrape, const std::vector<MetricFamily>& families,
                   std::string& out) const;
  void add(const std::string& endpoint, const Scrape& scrape, std::vector<MetricFamily> families);
  bool empty() const { return endpoints_.empty(); }

  // server_metrics_export.json, with a final newline. Counters and histograms: their growth over the phase; gauges: the
  // distribution of what was scraped.
  std::string json(const RunInfo& info, const Summary& summary, const std::vector<std::string>& configured) const;

 private:
  struct Series {
    std::string endpoint;
    std::string labels;
    MetricSeries first;
    MetricSeries last;
    ThinnedSamples values;  // of a gauge, in the phase
    Time first_at;
    Time last_at;
  };
  struct Family {
    std::string type;
    std::string help;
    std::map<std::string, Series> series;  // by endpoint and labels
  };
  struct Endpoint {
    std::int64_t fetches = 0;
    double latency_ms = 0;
    Time first;
    Time last;
    std::int64_t updates = 0;  // fetches that told something new
    Time first_update;
    Time last_update;
    ThinnedSamples between_ms;  // them
  };
  void write_family(JsonWriter& json, const std::string& name, const Family& family) const;
  void write_endpoint(JsonWriter& json, const Endpoint& seen) const;
  static std::vector<std::pair<std::string, double>> bucket_growth(const Series& series);
  static void write_histogram(JsonWriter& json, const Series& series, double time_s);
  static void write_stats(JsonWriter& json, const std::string& type, const Series& series);

  std::int64_t epoch_ns_;
  std::map<std::string, Family> families_;
  std::map<std::string, Endpoint> endpoints_;
  std::size_t series_ = 0;
};

}  // namespace infbench::measure
