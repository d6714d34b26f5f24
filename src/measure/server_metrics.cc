#include "measure/server_metrics.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "measure/metric_table.h"
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
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
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
      family->type = "untyped";
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
  for (MetricFamily& family : families) {
    Family& all = families_[family.name];
    all.type = family.type;
    all.help = family.help;
    for (MetricSeries& one : family.series) {
      const auto [place, is_new] = all.series.try_emplace(endpoint + ' ' + one.labels);
      Series& series = place->second;
      if (is_new) {
        series.endpoint = endpoint;
        series.labels = one.labels;
        series.first = one;
        series.first_at = scrape.first_byte;
      }
      if (scrape.in_phase && family.type != "counter" && family.type != "histogram") series.values.push_back(one.value);
      series.last = std::move(one);
      series.last_at = scrape.first_byte;
    }
  }
}

void ServerMetrics::write_stats(JsonWriter& json, const std::string& type, const Series& series) {
  const double time_s = to_s(series.last_at - series.first_at);
  const auto rate = [&](double growth) { return time_s > 0 ? std::optional(growth / time_s) : std::nullopt; };
  if (type == "counter") {
    const double growth = series.last.value - series.first.value;
    json.member("total", growth);
    json.member("rate", rate(growth));
  } else if (type == "histogram") {
    const double count = series.last.count - series.first.count;
    const double sum = series.last.sum - series.first.sum;
    json.member("count", count);
    json.member("count_rate", rate(count));
    json.member("sum", sum);
    json.member("sum_rate", rate(sum));
    json.member("avg", count > 0 ? std::optional(sum / count) : std::nullopt);
    std::vector<std::pair<double, double>> growth;
    for (std::size_t i = 0; i < series.last.buckets.size(); ++i) {
      const auto& [le, upto] = series.last.buckets[i];
      const double before = i < series.first.buckets.size() ? series.first.buckets[i].second : 0;
      growth.emplace_back(number_of(le).value_or(0), upto - before);
    }
    for (const auto& [name, percent] :
         {std::pair{"p50_estimate", 50.0}, {"p90_estimate", 90.0}, {"p95_estimate", 95.0}, {"p99_estimate", 99.0}}) {
      json.member(name, count > 0 ? estimate(growth, count, percent) : std::nullopt);
    }
  } else {
    std::vector<double> values = series.values;
    sort_samples(values);
    const Stats stats = stats_of(values);
    if (stats.empty()) return;
    for (const Figure& figure : figures()) json.member(figure.name, stats.*figure.value);
  }
}

void ServerMetrics::write_family(JsonWriter& json, const std::string& name, const Family& family) const {
  json.key(name);
  json.begin_object();
  json.member("type", family.type);
  json.member("description", family.help);
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
    json.end_object();
  }
  json.end_array();
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
  json.key("endpoint_info");
  json.begin_object();
  for (const auto& [endpoint, seen] : endpoints_) {
    json.key(endpoint);
    json.begin_object();
    json.member("total_fetches", seen.fetches);
    json.member("first_fetch_ns", epoch_ns_ + seen.first.ns);
    json.member("last_fetch_ns", epoch_ns_ + seen.last.ns);
    json.member("avg_fetch_latency_ms", seen.latency_ms / static_cast<double>(seen.fetches));
    json.member("duration_seconds", to_s(seen.last - seen.first));
    json.end_object();
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
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace infbench::measure
