#include "measure/server_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/number.h"
#include "measure/export_aiperf.h"
#include "measure/metric_table.h"
#include "measure/metric_unit.h"
#include "measure/stats.h"

namespace infbench::measure {
namespace {

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view next_word(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

std::optional<double> number_of(std::string_view text) {
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  return number_in<double>(text);
}

// `a="b",le="0.5"}` -> {"a":"b"}, and le apart; what follows the brace stays in `text`. False: not of the format.
bool read_labels(std::string_view& text, std::string& json, std::string& le) {
  while (!text.starts_with('}')) {
    const std::size_t equals = text.find("=\"");
    if (equals == std::string_view::npos) return false;
    const std::string_view name = text.substr(0, equals);
    text.remove_prefix(equals + 2);
    std::string value;
    while (!text.empty() && text.front() != '"') {
      if (text.front() == '\\' && text.size() > 1) {
        text.remove_prefix(1);
        value += text.front() == 'n' ? '\n' : text.front();
      } else {
        value += text.front();
      }
      text.remove_prefix(1);
    }
    if (text.empty()) return false;
    text.remove_prefix(1);
    if (text.starts_with(',')) text.remove_prefix(1);
    if (name == "le") {
      le = value;
      continue;
    }
    json += json.empty() ? '{' : ',';
    append_json(json, name);
    json += ':';
    append_json(json, std::string_view(value));
  }
  text.remove_prefix(1);
  if (!json.empty()) json += '}';
  return true;
}

// One sample line into the family it belongs to.
class SampleReader {
 public:
  explicit SampleReader(std::vector<MetricFamily>& families) : families_(families) {}

  void read(std::string_view line) {
    const std::size_t end = line.find_first_of("{ ");
    if (end == std::string_view::npos) return;
    const std::string_view name = line.substr(0, end);
    line.remove_prefix(end);
    std::string labels;
    std::string le;
    if (line.starts_with('{')) {
      line.remove_prefix(1);
      if (!read_labels(line, labels, le)) return;
    }
    const auto value = number_of(next_word(line));
    if (!value) return;
    place(name, labels, le, *value);
  }

 private:
  void place(std::string_view name, const std::string& labels, const std::string& le, double value) {
    MetricFamily* family = families_.empty() ? nullptr : &families_.back();
    const bool histogram = family != nullptr && family->type == "histogram" && name.starts_with(family->name);
    if (!histogram && name.ends_with("_total")) name.remove_suffix(6);
    if (family == nullptr || (!histogram && family->name != name)) {
      family = &families_.emplace_back();
      family->name = name;
      family->type = "unknown";
    }
    if (family->series.empty() || family->series.back().labels != labels) family->series.emplace_back().labels = labels;
    MetricSeries& series = family->series.back();
    if (!histogram) {
      series.value = value;
    } else if (name.ends_with("_bucket")) {
      series.buckets.emplace_back(le, value);
    } else {
      (name.ends_with("_sum") ? series.sum : series.count) = value;
    }
  }

  std::vector<MetricFamily>& families_;
};

// The value below which `percent` of the samples lie, linear within a bucket.
std::optional<double> estimate(const std::vector<std::pair<double, double>>& growth, double count, double percent) {
  const double wanted = count * percent / 100;
  double low = 0;
  double below = 0;
  for (const auto& [bound, upto] : growth) {
    if (upto >= wanted && upto > below) {
      if (bound - bound != 0) return low;  // the last bucket has no end
      return low + (bound - low) * (wanted - below) / (upto - below);
    }
    low = bound;
    below = upto;
  }
  return std::nullopt;
}

bool differs(const MetricSeries& a, const MetricSeries& b) {
  return a.value != b.value || a.sum != b.sum || a.count != b.count || a.buckets != b.buckets;
}

// Over n - 1, as aiperf has it for what servers tell (not for its own figures).
double deviation_of_sample(const Stats& stats) {
  const auto n = static_cast<double>(stats.count);
  return n > 1 ? stats.std * std::sqrt(n / (n - 1)) : 0.0;
}

// Counts are whole, but what a server sends may be anything.
void write_count(JsonWriter& json, std::string_view name, double count) {
  constexpr double kMostExact = 9'007'199'254'740'992;  // 2^53: above it a double skips whole numbers
  if (std::abs(count) <= kMostExact) {
    json.member(name, static_cast<std::int64_t>(count));
  } else {
    json.member(name, count);
  }
}

}  // namespace

std::vector<MetricFamily> parse_prometheus(std::string_view text) {
  std::vector<MetricFamily> families;
  SampleReader samples(families);
  std::string help_name;
  std::string help;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (line.empty()) continue;
    if (line.front() != '#') {
      samples.read(line);
      continue;
    }
    line.remove_prefix(1);
    const std::string_view what = next_word(line);
    std::string_view name = next_word(line);
    if (what == "HELP") {
      help_name = name;
      help = line.empty() ? line : line.substr(1);
    } else if (what == "TYPE") {
      MetricFamily& family = families.emplace_back();
      family.type = next_word(line);
      if (family.type == "untyped") family.type = "unknown";
      if (help_name == name) family.help = help;
      if (family.type == "counter" && name.ends_with("_total")) name.remove_suffix(6);
      family.name = name;
    }
  }
  std::erase_if(families, [](const MetricFamily& family) { return family.series.empty(); });
  return families;
}

void ServerMetrics::append_line(const std::string& endpoint, const Scrape& scrape, const std::vector<MetricFamily>& families,
                                std::string& out) const {
  JsonWriter json(out);
  json.begin_object();
  json.member("endpoint_url", endpoint);
  json.member("timestamp_ns", epoch_ns_ + scrape.first_byte.ns);
  json.member("endpoint_latency_ns", (scrape.first_byte - scrape.sent).ns);
  json.key("metrics");
  json.begin_object();
  for (const MetricFamily& family : families) {
    json.key(family.name);
    json.begin_array();
    for (const MetricSeries& series : family.series) {
      std::string text = "{";
      if (!series.labels.empty()) text += "\"labels\":" + series.labels + ",";
      if (family.type == "histogram") {
        text += "\"buckets\":{";
        for (std::size_t i = 0; i < series.buckets.size(); ++i) {
          if (i > 0) text += ',';
          append_json(text, std::string_view(series.buckets[i].first));
          text += ':';
          append_json(text, series.buckets[i].second);
        }
        text += "},\"sum\":";
        append_json(text, series.sum);
        text += ",\"count\":";
        append_json(text, series.count);
      } else {
        text += "\"value\":";
        append_json(text, series.value);
      }
      json.raw(text + "}");
    }
    json.end_array();
  }
  json.end_object();
  json.member("request_sent_ns", epoch_ns_ + scrape.sent.ns);
  json.member("first_byte_ns", epoch_ns_ + scrape.first_byte.ns);
  if (scrape.in_phase) {
    json.member("benchmark_phase", "profiling");
    json.member("phase_index", 0);
    json.member("profiling_index", 0);
    json.member("phase_name", "profiling");
    json.member("phase_kind", "profiling");
  }
  json.end_object();
  out += '\n';
}

void ServerMetrics::add(const std::string& endpoint, const Scrape& scrape, std::vector<MetricFamily> families) {
  Endpoint& from = endpoints_[endpoint];
  if (from.fetches++ == 0) from.first = scrape.first_byte;
  from.latency_ms += to_ms(scrape.first_byte - scrape.sent);
  from.last = scrape.first_byte;
  bool changed = from.updates == 0;
  for (MetricFamily& family : families) {
    Family& all = families_[family.name];
    all.type = family.type;
    all.help = family.help;
    for (MetricSeries& one : family.series) {
      const std::string key = endpoint + ' ' + one.labels;
      if (series_ >= kMostSeries && !all.series.contains(key)) continue;
      const auto [place, is_new] = all.series.try_emplace(key);
      series_ += is_new ? 1 : 0;
      Series& series = place->second;
      if (is_new) {
        series.endpoint = endpoint;
        series.labels = one.labels;
        series.first = one;
        series.first_at = scrape.first_byte;
      }
      changed = changed || is_new || differs(series.last, one);
      if (scrape.in_phase && family.type != "counter" && family.type != "histogram") series.values.add(one.value);
      series.last = std::move(one);
      series.last_at = scrape.first_byte;
    }
  }
  if (!changed) return;
  if (from.updates++ == 0) {
    from.first_update = scrape.first_byte;
  } else {
    from.between_ms.add(to_ms(scrape.first_byte - from.last_update));
  }
  from.last_update = scrape.first_byte;
}

void ServerMetrics::write_stats(JsonWriter& json, const std::string& type, const Series& series) {
  const double time_s = to_s(series.last_at - series.first_at);
  const auto rate = [&](double growth) { return time_s > 0 ? std::optional(growth / time_s) : std::nullopt; };
  if (type == "counter") {
    const double growth = series.last.value - series.first.value;
    json.member("total", growth);
    json.member("rate", rate(growth));
  } else if (type == "histogram") {
    write_histogram(json, series, time_s);
  } else {
    const Stats stats = series.values.stats();
    if (stats.empty()) return;
    for (const auto& [name, value] : {std::pair{"avg", stats.avg}, {"min", stats.min}, {"max", stats.max}}) {
      json.member(name, value);
    }
    json.member("std", deviation_of_sample(stats));
    for (const Figure& figure : figures()) {
      if (figure.name.starts_with('p')) json.member(figure.name, stats.*figure.value);
    }
  }
}

// The growth of each bucket over the phase: upper bound, how many came at or below it.
std::vector<std::pair<std::string, double>> ServerMetrics::bucket_growth(const Series& series) {
  std::vector<std::pair<std::string, double>> growth;
  for (std::size_t i = 0; i < series.last.buckets.size(); ++i) {
    const auto& [le, upto] = series.last.buckets[i];
    growth.emplace_back(le, upto - (i < series.first.buckets.size() ? series.first.buckets[i].second : 0));
  }
  return growth;
}

void ServerMetrics::write_histogram(JsonWriter& json, const Series& series, double time_s) {
  const double count = series.last.count - series.first.count;
  const double sum = series.last.sum - series.first.sum;
  write_count(json, "count", count);
  if (!(count > 0)) return;  // nor is a NaN
  json.member("sum", sum);
  json.member("avg", sum / count);
  if (time_s > 0) json.member("count_rate", count / time_s);
  if (time_s > 0) json.member("sum_rate", sum / time_s);
  std::vector<std::pair<double, double>> growth;
  for (const auto& [le, upto] : bucket_growth(series)) growth.emplace_back(number_of(le).value_or(0), upto);
  for (const double percent : {1, 5, 10, 25, 50, 75, 90, 95, 99}) {
    const auto value = estimate(growth, count, percent);
    if (value) json.member("p" + std::to_string(static_cast<int>(percent)) + "_estimate", *value);
  }
}

void ServerMetrics::write_family(JsonWriter& json, const std::string& name, const Family& family) const {
  json.key(name);
  json.begin_object();
  json.member("type", family.type);
  json.member("description", family.help);
  if (const std::string_view unit = metric_unit(name, family.help); !unit.empty()) json.member("unit", unit);
  json.key("series");
  json.begin_array();
  for (const auto& [key, series] : family.series) {
    json.begin_object();
    json.member("endpoint_url", series.endpoint);
    if (!series.labels.empty()) {
      json.key("labels");
      json.raw(series.labels);
    }
    json.key("stats");
    json.begin_object();
    write_stats(json, family.type, series);
    json.end_object();
    if (family.type == "histogram") {
      json.key("buckets");
      json.begin_object();
      for (const auto& [le, upto] : bucket_growth(series)) write_count(json, le, upto);
      json.end_object();
    }
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void ServerMetrics::write_endpoint(JsonWriter& json, const Endpoint& seen) const {
  json.begin_object();
  json.member("total_fetches", seen.fetches);
  json.member("first_fetch_ns", epoch_ns_ + seen.first.ns);
  json.member("last_fetch_ns", epoch_ns_ + seen.last.ns);
  json.member("avg_fetch_latency_ms", seen.latency_ms / static_cast<double>(seen.fetches));
  json.member("unique_updates", seen.updates);
  json.member("first_update_ns", epoch_ns_ + seen.first_update.ns);
  json.member("last_update_ns", epoch_ns_ + seen.last_update.ns);
  json.member("duration_seconds", to_s(seen.last_update - seen.first_update));
  const Stats interval = seen.between_ms.stats();
  json.member("avg_update_interval_ms", interval.empty() ? 0.0 : interval.avg);
  if (!interval.empty()) json.member("median_update_interval_ms", interval.p50);
  json.end_object();
}

std::string ServerMetrics::json(const RunInfo& info, const Summary& summary, const std::vector<std::string>& configured) const {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.member("schema_version", "1.1");
  json.member("generator", info.generator);
  json.member("benchmark_id", benchmark_id(info, summary.slo));
  json.key("summary");
  json.begin_object();
  json.key("endpoints_configured");
  json.begin_array();
  for (const std::string& endpoint : configured) json.value(std::string_view(endpoint));
  json.end_array();
  json.key("endpoints_successful");
  json.begin_array();
  for (const auto& [endpoint, seen] : endpoints_) json.value(std::string_view(endpoint));
  json.end_array();
  json.member("start_time", date_text(info, summary.first_scheduled));
  json.member("end_time", date_text(info, summary.last_end));
  json.key("endpoint_info");
  json.begin_object();
  for (const auto& [endpoint, seen] : endpoints_) {
    json.key(endpoint);
    write_endpoint(json, seen);
  }
  json.end_object();
  json.key("phase_time_ranges");
  json.begin_object();
  json.key("profiling");
  json.begin_object();
  json.member("start_ns", epoch_ns_ + summary.first_scheduled.ns);
  json.member("end_ns", epoch_ns_ + summary.last_end.ns);
  json.end_object();
  json.end_object();
  json.end_object();
  json.member("metrics_phase", "profiling");
  json.key("metrics");
  json.begin_object();
  for (const auto& [name, family] : families_) write_family(json, name, family);
  json.end_object();
  write_input_config(json, info, summary);
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace infbench::measure
