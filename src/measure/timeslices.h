// The figures of a run per window of time: profile_export_aiperf_timeslices.json and .csv, as aiperf writes them. Pure, usable
// from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "measure/run.h"

namespace infbench::measure {

struct Timeslice {
  Time start;
  Time end;
  Summary summary;  // of the requests that were due in [start, end)
};

// Windows of `length` (above 0) from when the first request was due to when the last one was; those without a request are left
// out.
std::vector<Timeslice> timeslices(std::span<const RequestRecord> records, const Summary& whole, Duration length);

std::string timeslices_json(const RunInfo& info, const Summary& whole, std::span<const Timeslice> slices);
std::string timeslices_csv(const RunInfo& info, std::span<const Timeslice> slices);

}  // namespace infbench::measure
