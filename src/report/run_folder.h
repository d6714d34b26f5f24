// The output folder of a run, read back: what the HTML report shows of it. Works on what simulate, compare, replay and submit
// write; files that are not there (no records, no timeline) leave their part empty. Called from one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/result.h"
#include "measure/run.h"

namespace infbench::report {

// One request as charts need it. Times count from the moment at which the run's first request was due.
struct RequestFigures {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  Duration due;
  bool succeeded = false;
  bool ttft_within = false;
  bool itl_within = false;
  Duration ttft;          // from when it was due; of one that succeeded
  double itl_ms = kNone;  // mean gap; none for an answer of one token
  Tokens input = 0;
  Tokens cached = 0;
  Tokens cacheable = -1;  // what an infinite cache would have hit; -1: not known
  double lag_ms = 0;      // from due to sent
};

// One worker over time: means over bins of equal width.
struct WorkerSeries {
  std::string name;
  std::string role;
  double kv_capacity = 0;                                   // tokens
  std::vector<double> waiting, prefill, decode, transfers;  // requests
  std::vector<double> kv;                                   // tokens
};

struct RunTimeline {
  double start_s = 0;  // of the first bin, on the clock of RequestFigures::due
  double bin_s = 0;
  std::vector<WorkerSeries> workers;
};

// Of the requests that missed one limit: which part of their time led, and how much of each part they had on average.
struct MissCauses {
  std::string limit;  // "TTFT"
  std::int64_t requests = 0;
  struct Cause {
    std::string part;  // "queue"
    std::int64_t requests = 0;
    double mean_ms = RequestFigures::kNone;
  };
  std::vector<Cause> causes;
};

struct FolderRun {
  measure::RunResult run;                // of the summary what figures.h and verdict.h read
  std::vector<RequestFigures> requests;  // in the order of the file; empty: the run kept no records
  RunTimeline timeline;
  std::vector<MissCauses> causes;  // empty: the run did not explain itself
};

// Errors: no summary.json there, or a file that is not what these commands write, with its line. Parts::summary leaves requests
// and timeline empty.
enum class Parts : std::uint8_t { summary, all };
Result<FolderRun> read_run_folder(const std::string& folder, Parts parts = Parts::all);

// The folders of runs that `folder` stands for: itself if it has a summary.json, else those up to three folders below that have
// one, by name (compare has a folder for each recipe, submit one in artifacts/); warm-ups are none. Empty: there are none.
std::vector<std::string> run_folders(const std::string& folder);

// Of the same places those whose run has not ended (measure/run_mark.h), each as an error that says so and how many of its
// requests can be read. Empty: all have ended.
Errors unfinished_runs(const std::string& folder);

}  // namespace infbench::report
