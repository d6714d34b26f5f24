// What the command line says, as values: one struct per subcommand. parse() is the only place that knows CLI11 (which is slow
// to compile: one file). Values, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/exit_code.h"
#include "cli/calibrate_options.h"
#include "cli/init_options.h"
#include "cli/job_options.h"
#include "cli/replay_options.h"
#include "cli/route_options.h"
#include "cli/serve_options.h"
#include "cli/study_options.h"
#include "cli/submit_options.h"
#include "recipe/read_recipe.h"

namespace infbench::cli {

// Where the traffic comes from: a file, or a published workload looked up by name.
struct TraceSource {
  std::string file;       // --trace
  std::string workload;   // --workload
  std::string trace_dir;  // --trace-dir
};

// simulate (one recipe) and compare (two or more).
struct SimulateOptions {
  bool compare = false;
  std::vector<std::string> recipes;  // each a file, or file:variant
  TraceSource trace;
  std::string synthetic;  // isl=N,osl=N,concurrency=N,requests=N instead of a trace; empty: none
  double speed = 1.0;
  std::uint64_t seed = 0;
  std::vector<recipe::Edit> edits;
  std::string output_dir;  // -o; empty: no files
  bool json = false;
  StudyOptions study;
};

struct DryRunOptions {
  std::vector<std::string> recipes;  // files, and folders that stand for all *.yaml below them
  std::string launcher = "slurm";    // | local
  std::vector<recipe::Edit> edits;
  bool json = false;
};

struct TraceAnalyzeOptions {
  std::string file;
  bool json = false;
};

struct TraceFetchOptions {
  std::string workload;
  std::string url;  // empty: the published address
};

struct TraceSynthesizeOptions {
  std::string like;  // conversation | toolagent
  std::optional<std::uint32_t> requests;
  std::uint64_t seed = 0;
  double speed = 1.0;
  std::string output;
};

struct TraceSliceOptions {
  std::string file;
  std::optional<double> from_s;  // from the first timestamp
  std::optional<double> to_s;
  std::optional<std::uint32_t> requests;
  std::optional<std::int64_t> isl_max;
  std::string output;
};

struct ReportOptions {
  std::vector<std::string> folders;
  std::string output;  // empty: report.html, in the folder if it is one
};

using Command = std::variant<CompletionOptions, ManOptions, InitOptions, SimulateOptions, DryRunOptions, TraceAnalyzeOptions,
                             TraceFetchOptions, TraceSynthesizeOptions, TraceSliceOptions, ReplayOptions, ServeOptions,
                             RouteOptions, SubmitOptions, GuardOptions, StatusOptions, LogsOptions, CancelOptions,
                             NodeFactsOptions, ReportOptions, CalibrateOptions>;

// The command, or how the program ends right away (--help, a usage error; both already printed).
std::variant<Command, ExitCode> parse(int argc, const char* const* argv);

}  // namespace infbench::cli
