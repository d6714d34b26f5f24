// Workloads: the published traces by name, and where they are on this machine, or how they come there. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/options.h"

namespace infbench::cli {

// What the search depends on besides the command line.
struct TraceEnvironment {
  std::string trace_dir;   // $SRTCTL_TRACE_DIR
  std::string cache_home;  // $XDG_CACHE_HOME
  std::string home;        // $HOME
  std::string mirror;      // $SRTCTL_TRACE_URL: address of a mirror of the Mooncake repository's files; empty: GitHub
};
TraceEnvironment trace_environment();

// The path of the trace: the file given; or else of the workload NAME the file NAME_trace.jsonl in --trace-dir,
// $SRTCTL_TRACE_DIR, or the cache folder (srtctl/traces in $XDG_CACHE_HOME or ~/.cache), whichever has it first; or else
// downloaded into the cache folder, with a line on stderr that says so. A file with a checksum recorded beside it is checked
// against it. Errors say what to do.
// `download` no: a workload that is nowhere is an error.
enum class Download : std::uint8_t { yes, no };
Result<std::string> find_trace(const TraceSource& source, const TraceEnvironment& environment,
                               Download download = Download::yes);
Result<std::string> find_trace(const TraceSource& source, Download download = Download::yes);

// Brings the workload into the cache folder unless it is there and intact. `url` instead of the published address: always anew.
struct FetchedTrace {
  std::string path;
  std::string url;     // empty: it was there
  std::string sha256;  // empty: it was there and nothing is recorded
};
Result<FetchedTrace> fetch_trace(const std::string& workload, const std::string& url, const TraceEnvironment& environment);

}  // namespace infbench::cli
