#include "report/chart_data.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_set>

#include <fmt/format.h>

#include "base/json_writer.h"

namespace infbench::report {
namespace {

using Values = std::vector<double>;

// Four significant digits are finer than any screen; what is not a number is null.
void append_array(std::string& out, std::string_view key, const Values& values, int digits = 4) {
  out += fmt::format("\"{}\":[", key);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    out += std::isfinite(values[i]) ? fmt::format("{:.{}g}", values[i], digits) : "null";
  }
  out += ']';
}

// Ranks of a sorted sample that draw its curve: evenly spread, and closer and closer at its upper end.
std::vector<std::size_t> ranks_of(std::size_t size) {
  std::vector<std::size_t> ranks;
  if (size <= kMostCurvePoints) {
    for (std::size_t i = 0; i < size; ++i) ranks.push_back(i);
    return ranks;
  }
  constexpr std::size_t kEven = kMostCurvePoints - 100;
  for (std::size_t i = 0; i <= kEven; ++i) ranks.push_back(i * (size - 1) / kEven);
  for (std::size_t tail = size / kEven; tail > 0; tail -= (tail + 15) / 16) ranks.push_back(size - tail);
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

// How many of `all` requests keep to a limit of x, in percent: `values` where there is a latency, `always` that keep any limit.
void append_curve(std::string& out, std::string_view key, Values values, std::int64_t always, std::int64_t all, double limit,
                  std::int64_t within) {
  std::sort(values.begin(), values.end());
  const auto percent = [&](std::int64_t n) { return 100.0 * static_cast<double>(n) / static_cast<double>(all); };
  Values x;
  Values y;
  bool limit_done = values.empty();
  for (const std::size_t rank : ranks_of(values.size())) {
    if (!limit_done && values[rank] > limit) {
      x.push_back(limit);
      y.push_back(percent(within));
      limit_done = true;
    }
    x.push_back(values[rank]);
    y.push_back(percent(always + static_cast<std::int64_t>(rank) + 1));
  }
  if (!limit_done) {
    x.push_back(limit);
    y.push_back(percent(within));
  }
  out += fmt::format("\"{}\":{{\"always\":{:.6g},", key, percent(always));
  append_array(out, "x", x, 6);
  out += ',';
  append_array(out, "y", y, 6);
  out += '}';
}

void append_curves(std::string& out, const FolderRun& run) {
  Values ttft;
  Values itl;
  std::int64_t no_itl = 0;
  std::int64_t ttft_within = 0;
  std::int64_t itl_within = 0;
  for (const RequestFigures& r : run.requests) {
    if (!r.succeeded) continue;
    ttft.push_back(to_ms(r.ttft));
    if (std::isnan(r.itl_ms)) {
      ++no_itl;
    } else {
      itl.push_back(r.itl_ms);
    }
    ttft_within += r.ttft_within ? 1 : 0;
    itl_within += r.itl_within ? 1 : 0;
  }
  const auto all = static_cast<std::int64_t>(run.requests.size());
  append_curve(out, "ttft", std::move(ttft), 0, all, to_ms(run.run.summary.slo.ttft), ttft_within);
  out += ',';
  append_curve(out, "itl", std::move(itl), no_itl, all, to_ms(run.run.summary.slo.itl), itl_within);
  if (!run.run.live) return;
  Values lag;
  for (const RequestFigures& r : run.requests) lag.push_back(r.lag_ms);
  std::sort(lag.begin(), lag.end());
  out += ',';
  append_curve(out, "lag", lag, 0, all, lag.empty() ? 0 : lag.back(), all);
}

// About 32 places to each doubling, without the library's logarithm: its last bits differ by machine.
std::uint64_t log_place(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(std::max(value, 1e-3));
  return bits >> (52U - 5U);
}

struct Grid {
  double t_step, new_step;
  std::uint64_t coarser = 1;

  std::uint64_t over_time(const RequestFigures& r) const { return place(to_s(r.due) / t_step, r); }
  std::uint64_t over_length(const RequestFigures& r) const {
    return place(static_cast<double>(r.input - r.cached) / new_step, r) | (std::uint64_t{1} << 63U);
  }

 private:
  std::uint64_t place(double x, const RequestFigures& r) const {
    return (static_cast<std::uint64_t>(std::max(x, 0.0)) / coarser) << 32U | (log_place(to_ms(r.ttft)) / coarser);
  }
};

std::vector<const RequestFigures*> thinned(const FolderRun& run, std::size_t most) {
  std::vector<const RequestFigures*> all;
  double last_s = 1e-3;
  double most_new = 1;
  for (const RequestFigures& r : run.requests) {
    if (!r.succeeded) continue;
    all.push_back(&r);
    last_s = std::max(last_s, to_s(r.due));
    most_new = std::max(most_new, static_cast<double>(r.input - r.cached));
  }
  Grid grid{.t_step = last_s / 1200, .new_step = most_new / 1200};
  std::vector<const RequestFigures*> kept = all;
  for (; kept.size() > most; grid.coarser *= 2) {
    kept.clear();
    std::unordered_set<std::uint64_t> taken;
    for (const RequestFigures* r : all) {
      const bool new_there = taken.insert(grid.over_time(*r)).second;
      if (taken.insert(grid.over_length(*r)).second || new_there) kept.push_back(r);
    }
  }
  return kept;
}

void append_points(std::string& out, const FolderRun& run, std::size_t most) {
  const auto kept = thinned(run, most);
  Values t;
  Values ttft;
  Values fresh;
  for (const RequestFigures* r : kept) {
    t.push_back(std::round(to_ms(r->due)));
    ttft.push_back(to_ms(r->ttft));
    fresh.push_back(static_cast<double>(r->input - r->cached));
  }
  out += fmt::format("\"points\":{{\"drawn\":{},\"of\":{},", kept.size(),
                     std::count_if(run.requests.begin(), run.requests.end(), [](const auto& r) { return r.succeeded; }));
  append_array(out, "t_ms", t, 10);
  out += ',';
  append_array(out, "ttft_ms", ttft);
  out += ',';
  append_array(out, "new_tokens", fresh, 9);
  out += '}';
}

// Hits of the prompts that were due in each bin, in percent of their tokens.
void append_hits(std::string& out, const FolderRun& run) {
  double last_s = 0;
  for (const RequestFigures& r : run.requests) last_s = std::max(last_s, to_s(r.due));
  const double width = std::max(last_s, 1e-3) / static_cast<double>(kHitBins);
  Values input(kHitBins);
  Values cached(kHitBins);
  Values cacheable(kHitBins);
  bool bound = !run.requests.empty();
  for (const RequestFigures& r : run.requests) {
    if (!r.succeeded) continue;
    const auto bin = std::min(kHitBins - 1, static_cast<std::size_t>(to_s(r.due) / width));
    input[bin] += static_cast<double>(r.input);
    cached[bin] += static_cast<double>(r.cached);
    cacheable[bin] += static_cast<double>(r.cacheable);
    bound = bound && r.cacheable >= 0;
  }
  Values t;
  Values hit_percent;
  Values bound_percent;
  for (std::size_t i = 0; i < kHitBins; ++i) {
    if (input[i] == 0) continue;
    t.push_back((static_cast<double>(i) + 0.5) * width);
    hit_percent.push_back(100 * cached[i] / input[i]);
    if (bound) bound_percent.push_back(100 * cacheable[i] / input[i]);
  }
  out += "\"hits\":{";
  append_array(out, "t_s", t);
  out += ',';
  append_array(out, "hit_percent", hit_percent);
  out += ',';
  append_array(out, "bound_percent", bound_percent);
  out += '}';
}

// `merge` bins into one.
Values merged(const Values& values, std::size_t merge) {
  if (merge == 1) return values;
  Values out;
  for (std::size_t i = 0; i < values.size(); i += merge) {
    const std::size_t end = std::min(values.size(), i + merge);
    double sum = 0;
    for (std::size_t k = i; k < end; ++k) sum += values[k];
    out.push_back(sum / static_cast<double>(end - i));
  }
  return out;
}

void append_timeline(std::string& out, const RunTimeline& timeline, std::size_t most_values) {
  constexpr std::size_t kFields = 5;
  const std::size_t bins = timeline.workers.empty() ? 0 : timeline.workers[0].waiting.size();
  const std::size_t room =
      std::max<std::size_t>(20, most_values / (kFields * std::max<std::size_t>(1, timeline.workers.size())));
  const std::size_t merge = std::max<std::size_t>(1, (bins + room - 1) / room);
  out += fmt::format("\"timeline\":{{\"start_s\":{:.6g},\"bin_s\":{:.6g},\"workers\":[", timeline.start_s,
                     timeline.bin_s * static_cast<double>(merge));
  for (const WorkerSeries& worker : timeline.workers) {
    if (&worker != timeline.workers.data()) out += ',';
    out += "{\"name\":";
    append_json(out, std::string_view(worker.name));
    out += ",\"role\":";
    append_json(out, std::string_view(worker.role));
    out += ',';
    Values kv_percent = merged(worker.kv, merge);
    for (double& kv : kv_percent) kv = worker.kv_capacity > 0 ? 100 * kv / worker.kv_capacity : 0;
    append_array(out, "waiting", merged(worker.waiting, merge), 3);
    out += ',';
    append_array(out, "prefill", merged(worker.prefill, merge), 3);
    out += ',';
    append_array(out, "decode", merged(worker.decode, merge), 3);
    out += ',';
    append_array(out, "kv_percent", kv_percent, 3);
    out += ',';
    append_array(out, "transfers", merged(worker.transfers, merge), 3);
    out += '}';
  }
  out += "]}";
}

// In JSON '<' stands in strings only, where this means the same and ends no script.
std::string without_markup(std::string json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string chart_data(std::span<const FolderRun> runs, std::span<const std::string> labels) {
  std::string out = "{\"runs\":[";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const FolderRun& run = runs[i];
    const Slo& slo = run.run.summary.slo;
    if (i > 0) out += ',';
    out += "{\"label\":";
    append_json(out, std::string_view(labels[i]));
    out += fmt::format(",\"ttft_limit_ms\":{},\"itl_limit_ms\":{},", shortest(to_ms(slo.ttft)), shortest(to_ms(slo.itl)));
    if (!run.requests.empty()) {
      append_curves(out, run);
      out += ',';
      append_points(out, run, kMostPoints / runs.size());
      out += ',';
      append_hits(out, run);
      out += ',';
    }
    append_timeline(out, run.timeline, kMostTimelineValues / runs.size());
    out += '}';
  }
  out += "]}";
  return without_markup(std::move(out));
}

}  // namespace infbench::report
