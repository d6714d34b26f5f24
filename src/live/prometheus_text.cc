#include "live/prometheus_text.h"

#include <algorithm>
#include <cmath>

#include "base/json_writer.h"

namespace infbench::live {

void write_value(std::string& out, std::string_view name, std::string_view labels, double value) {
  out += name;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  append_json(out, value);
  out += '\n';
}

void write_family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += "# HELP ";
  out += name;
  out += ' ';
  out += help;
  out += "\n# TYPE ";
  out += name;
  out += ' ';
  out += type;
  out += '\n';
}

void write_gauge(std::string& out, std::string_view name, std::string_view help, std::string_view labels, double value) {
  write_family(out, name, "gauge", help);
  write_value(out, name, labels, value);
}

void write_counter(std::string& out, std::string_view name, std::string_view help, std::string_view labels,
                   std::int64_t value) {
  write_family(out, name, "counter", help);
  write_value(out, name, labels, static_cast<double>(value));
}

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

DurationHistogram::DurationHistogram(std::span<const double> bounds_s) : bounds_s_(bounds_s), counts_(bounds_s.size() + 1, 0) {
  for (const double bound : bounds_s) bounds_ns_.push_back(std::llround(bound * 1e9));
}

void DurationHistogram::add(Duration duration) {
  const auto bound = std::lower_bound(bounds_ns_.begin(), bounds_ns_.end(), duration.ns);
  ++counts_[static_cast<std::size_t>(bound - bounds_ns_.begin())];
  sum_ns_ += duration.ns;
  ++count_;
}

void DurationHistogram::write(std::string& out, std::string_view name, std::string_view labels) const {
  const std::string family(name);
  std::int64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    const std::string bound = i < bounds_s_.size() ? shortest(bounds_s_[i]) : "+Inf";
    write_value(out, family + "_bucket", "le=\"" + bound + (labels.empty() ? "\"" : "\"," + std::string(labels)),
                static_cast<double>(below));
  }
  write_value(out, family + "_sum", labels, static_cast<double>(sum_ns_) / 1e9);
  write_value(out, family + "_count", labels, static_cast<double>(count_));
}

}  // namespace infbench::live
