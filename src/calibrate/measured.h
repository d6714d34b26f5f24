// check_measured(): how far the engine model is from end-to-end figures of a closed loop that somebody measured: each row's
// load is simulated on one worker with its engine's own defaults, and mean TTFT and TPOT are compared. Pure but for the files
// read.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/result.h"
#include "cost/model.h"

namespace infbench::calibrate {

// A table has the columns backend, tp_size, isl, osl, batch_size (the concurrency), silicon_ttft_ms, silicon_tpot_ms, and
// perhaps system (the GPU), backend_version and requests (how many the client sent in all).
struct MeasuredRow {
  cost::Key key;
  std::string version;  // of the engine; empty: not said
  Tokens input = 0;
  Tokens output = 0;
  int concurrency = 0;
  std::int64_t requests = 0;
  double ttft_ms = 0;
  double tpot_ms = 0;
  int line = 0;
};

// What a client is taken to have sent where the table does not say it: ten for each that is under way, as the public benchmark
// of the rows that ship does.
inline constexpr std::int64_t kRequestsPerSlot = 10;

// `gpu` is that of tables without the column. Errors: all cells that do not mean anything, with their places; no rows.
Result<std::vector<MeasuredRow>> read_measured_rows(const std::string& path, const std::string& model,
                                                    const std::string& precision, const std::string& gpu);

struct MeasuredGroup {
  cost::Key key;
  cost::KindErrors ttft;
  cost::KindErrors tpot;
  std::string note;  // of estimated step times
};

struct SimulatedRow {
  MeasuredRow measured;
  double ttft_ms = 0;
  double tpot_ms = 0;
};

struct MeasuredCheck {
  std::vector<MeasuredGroup> groups;  // in order of (GPU, TP, engine)
  std::vector<SimulatedRow> rows;     // in order of the table
};

// Errors: deployments without step times, loads that do not fit.
Result<MeasuredCheck> check_measured(const std::vector<MeasuredRow>& rows, const std::string& data_dir);

std::string measured_table(const MeasuredCheck& check);
std::string measured_json(const MeasuredCheck& check);

}  // namespace infbench::calibrate
