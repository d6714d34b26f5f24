// Timeline: what each worker had to do over time, as its driver saw it, in at most kMostBins bins of equal width; and what an
// infinite prefix cache would have held of each prompt. Goes into timeline.json of a run's folder, for charts.
//
// Every value is a mean over its bin, from integer sums, so that the same run gives the same bytes. The width doubles whenever
// the run outgrows the bins: memory does not depend on the length of the run. One owner, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "measure/record.h"
#include "measure/summary.h"

namespace infbench::measure {

// Of one worker at one moment; requests but for the last.
struct WorkerState {
  std::int64_t waiting = 0;    // for room, or for the other worker's
  std::int64_t prefill = 0;    // their prompts are being computed
  std::int64_t decode = 0;     // in the decode batch
  std::int64_t transfers = 0;  // their KV is on its way
  Tokens kv = 0;               // KV tokens that requests hold; prefixes that nobody uses are not counted
};

class Timeline {
 public:
  static constexpr std::size_t kMostBins = 1024;
  static constexpr Duration kFirstWidth = milliseconds(100);

  // Bins count from `origin`.
  explicit Timeline(std::size_t workers, Time origin = {}) : lanes_(workers), origin_(origin), end_(origin) {
    for (Lane& lane : lanes_) lane.since = origin;
  }

  // The worker's state from `at` on; `at` never goes back for one worker and is not before the origin.
  void note(WorkerId worker, const WorkerState& state, Time at);

  // Of each request, in order of request: how many tokens of its prompt had been seen before, in any prompt or answer.
  void set_cacheable(std::vector<Tokens> tokens) { cacheable_ = std::move(tokens); }

  // The file, up to the last note. `workers`: those of the summary; `epoch_ns` as in RunInfo.
  std::string json(std::span<const WorkerLoad> workers, std::int64_t epoch_ns) const;

 private:
  static constexpr std::size_t kFields = 5;
  __extension__ using Wide = __int128;  // millions of KV tokens in bins of an hour do not fit 64 bits
  struct Bin {
    Wide sums[kFields] = {};  // value x ns
  };
  struct Lane {
    WorkerState now;
    Time since;
    std::vector<Bin> bins;
  };

  void add(Lane& lane, Time until);
  void widen();
  void write_lane(const Lane& lane, const WorkerLoad& worker, std::string& out) const;

  std::vector<Lane> lanes_;
  std::vector<Tokens> cacheable_;
  Duration width_ = kFirstWidth;
  Time origin_;
  Time end_;
};

// What a client sees of its servers, from the first request's due time on: requests that wait for their first token, and those
// that get tokens (decode). `workers`: as many as the records name; of records that name none all are the first one's.
Timeline timeline_of(std::span<const RequestRecord> records, std::size_t workers);

}  // namespace infbench::measure
