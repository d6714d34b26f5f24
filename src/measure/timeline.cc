#include "measure/timeline.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "base/json_writer.h"

namespace infbench::measure {
namespace {

constexpr std::string_view kNames[] = {"waiting", "prefill", "decode", "transfers", "kv_tokens"};

}  // namespace

void Timeline::note(WorkerId worker, const WorkerState& state, Time at) {
  Lane& lane = lanes_[worker.value];
  INFBENCH_CHECK(at >= lane.since);
  end_ = std::max(end_, at);
  add(lane, at);
  lane.now = state;
}

// Adds the state that held until then, bin by bin.
void Timeline::add(Lane& lane, Time until) {
  constexpr auto kMost = static_cast<std::int64_t>(kMostBins);
  while ((until - origin_).ns > width_.ns * kMost) widen();
  while (lane.since < until) {
    const std::int64_t bin = (lane.since - origin_).ns / width_.ns;
    const Time end = std::min(until, origin_ + width_ * (bin + 1));
    const std::int64_t ns = (end - lane.since).ns;
    if (lane.bins.size() <= static_cast<std::size_t>(bin)) lane.bins.resize(static_cast<std::size_t>(bin) + 1);
    Wide(&sums)[kFields] = lane.bins[static_cast<std::size_t>(bin)].sums;
    const std::int64_t values[kFields] = {lane.now.waiting, lane.now.prefill, lane.now.decode, lane.now.transfers, lane.now.kv};
    for (std::size_t f = 0; f < kFields; ++f) sums[f] += static_cast<Wide>(values[f]) * ns;
    lane.since = end;
  }
}

void Timeline::widen() {
  width_ = width_ * 2;
  for (Lane& lane : lanes_) {
    std::vector<Bin> merged((lane.bins.size() + 1) / 2);
    for (std::size_t i = 0; i < lane.bins.size(); ++i) {
      for (std::size_t f = 0; f < kFields; ++f) merged[i / 2].sums[f] += lane.bins[i].sums[f];
    }
    lane.bins = std::move(merged);
  }
}

// Requests to two decimals, KV in whole tokens.
void Timeline::write_lane(const Lane& lane, const WorkerLoad& worker, std::string& out) const {
  const std::int64_t length = (end_ - origin_).ns;
  const std::int64_t bins = (length + width_.ns - 1) / width_.ns;
  JsonWriter json(out);
  json.begin_object();
  json.member("name", worker.info.name);
  json.member("role", name_of(worker.info.role));
  json.member("kv_capacity_tokens", worker.info.kv_capacity);
  for (std::size_t f = 0; f < kFields; ++f) {
    json.key(kNames[f]);
    json.begin_array();
    for (std::int64_t i = 0; i < bins; ++i) {
      const std::int64_t ns = std::min(width_.ns, length - i * width_.ns);
      const auto at = static_cast<std::size_t>(i);
      const Wide sum = at < lane.bins.size() ? lane.bins[at].sums[f] : 0;
      if (f == kFields - 1) {
        json.value(static_cast<std::int64_t>(sum / ns));
      } else {
        json.value(static_cast<double>(static_cast<std::int64_t>(100 * sum / ns)) / 100);
      }
    }
    json.end_array();
  }
  json.end_object();
}

std::string Timeline::json(std::span<const WorkerLoad> workers, std::int64_t epoch_ns) const {
  INFBENCH_CHECK(workers.size() == lanes_.size());
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("start_ns", epoch_ns + origin_.ns);
  json.member("end_s", to_s(end_ - origin_));
  json.member("bin_s", to_s(width_));
  json.key("workers");
  json.begin_array();
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    std::string lane;
    write_lane(lanes_[i], workers[i], lane);
    json.raw(lane);
  }
  json.end_array();
  json.key("cacheable_tokens");
  json.begin_array();
  for (const Tokens tokens : cacheable_) json.value(tokens);
  json.end_array();
  json.end_object();
  out += '\n';
  return out;
}

Timeline timeline_of(std::span<const RequestRecord> records, std::size_t workers) {
  struct Change {
    Time at;
    std::uint32_t worker = 0;
    int waiting = 0;
    int decode = 0;
  };
  std::vector<Change> changes;
  Time origin = kNever;
  for (const RequestRecord& r : records) {
    origin = std::min(origin, r.scheduled);
    if (!r.end) continue;
    const std::uint32_t worker = r.worker ? r.worker->value : 0;
    const Time answered = std::max(r.sent, std::min(*r.end, r.first_token.value_or(*r.end)));
    changes.push_back({.at = r.sent, .worker = worker, .waiting = 1});
    changes.push_back({.at = answered, .worker = worker, .waiting = -1, .decode = 1});
    changes.push_back({.at = std::max(answered, *r.end), .worker = worker, .decode = -1});
  }
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.at < b.at; });
  Timeline timeline(workers, records.empty() ? Time{} : origin);
  std::vector<WorkerState> states(workers);
  for (const Change& change : changes) {
    WorkerState& state = states[change.worker];
    state.waiting += change.waiting;
    state.decode += change.decode;
    timeline.note({change.worker}, state, std::max(origin, change.at));
  }
  return timeline;
}

}  // namespace infbench::measure
