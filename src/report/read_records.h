// profile_export.jsonl, read back line by line: the figures of each request. Part of run_folder. Called from one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "report/run_folder.h"

namespace infbench::report {

struct Records {
  std::vector<RequestFigures> requests;  // warm-up left out
  std::vector<std::int64_t> rows;        // the session_num of each: its place in the trace
  std::int64_t first_due_ns = 0;         // of the Unix epoch
};

// Whether a request keeps to a limit comes out as in the summary, to the nanosecond. Memory: one line and 80 bytes a request.
Result<Records> read_records(const std::string& file, const Slo& slo);

}  // namespace infbench::report
