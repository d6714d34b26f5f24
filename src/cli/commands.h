// The subcommands: each takes its options, prints its answer to stdout (with --json: one JSON document and nothing else),
// everything else to stderr, and says with which code the program ends. One thread.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace infbench::cli {

ExitCode run(const SimulateOptions& options);
ExitCode run(const ReportOptions& options);
ExitCode run(const DryRunOptions& options);
ExitCode run(const TraceAnalyzeOptions& options);
ExitCode run(const TraceFetchOptions& options);
ExitCode run(const TraceSynthesizeOptions& options);
ExitCode run(const TraceSliceOptions& options);
ExitCode run(const ReplayOptions& options);
ExitCode run(const ServeOptions& options);
ExitCode run(const RouteOptions& options);
ExitCode run(const SubmitOptions& options);
ExitCode run(const GuardOptions& options);
ExitCode run(const StatusOptions& options);
ExitCode run(const LogsOptions& options);
ExitCode run(const CancelOptions& options);
ExitCode run(const NodeFactsOptions& options);
ExitCode run(const CompletionOptions& options);
ExitCode run(const ManOptions& options);
ExitCode run(const InitOptions& options);
ExitCode run(const CalibrateOptions& options);

}  // namespace infbench::cli
