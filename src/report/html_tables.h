// The tables of the HTML report, which need no script: figures, misses, loads, the client, what was run. Pure, usable from any
// thread.
#pragma once

#include <span>
#include <string>

#include "report/run_folder.h"

namespace infbench::report {

using Labels = std::span<const std::string>;

// A column for each run, for two also their difference. Every figure's cell has its exact value in data-value. Goodput and
// limits; latencies and throughput.
std::string html_goodput(std::span<const FolderRun> runs, Labels labels);
std::string html_latencies(std::span<const FolderRun> runs, Labels labels);

// How many requests of each run were good, and which limit the others missed.
std::string html_misses(std::span<const FolderRun> runs, Labels labels);

// What took the time of those that missed, of runs that explained it; empty if there are none.
std::string html_causes(std::span<const FolderRun> runs, Labels labels);

// Each worker's share, of one run; empty if it does not know its workers.
std::string html_loads(const FolderRun& run);

// How the client itself did, of the runs over HTTP; empty if there are none.
std::string html_client(std::span<const FolderRun> runs, Labels labels);

// What was run: every input that the result depends on.
std::string html_inputs(std::span<const FolderRun> runs, Labels labels);

}  // namespace infbench::report
