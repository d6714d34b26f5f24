#include "cli/options_job.h"

#include <CLI/CLI.hpp>

#include "cli/options_rules.h"

namespace infbench::cli {
namespace {

constexpr const char* kJob = "Job number, name of a run's folder, or its path";

constexpr const char* kJobs = "Look after a run";

void add_outputs_dir(CLI::App& command, std::string& outputs_dir) {
  command
      .add_option("--output-dir", outputs_dir, "Folder of all runs' folders; else output_dir of srtslurm.yaml, else ./outputs")
      ->type_name("DIR");
}

}  // namespace

void add_status(CLI::App& app, StatusOptions& options) {
  CLI::App* status = app.add_subcommand("status", "How a run is, or all there are");
  status->add_option("job", options.job, kJob)->type_name("JOB");
  add_outputs_dir(*status, options.outputs_dir);
  status->add_flag("--json", options.json, "Print one JSON document");
  status->group(kJobs)->footer("Examples:\n  srtctl status\n  srtctl status 12345");
}

void add_logs(CLI::App& app, LogsOptions& options) {
  CLI::App* logs = app.add_subcommand("logs", "What the processes of a run have printed");
  logs->add_option("job", options.job, kJob)->required()->type_name("JOB");
  logs->add_option("name", options.name, "One log, or how its name begins: router, benchmark, node01_agg_w0")
      ->type_name("NAME");
  logs->add_option("-n,--lines", options.lines, "The last N lines of each; default: all of a log that is named, else 20")
      ->check(whole_number(0, 1'000'000'000))
      ->type_name("N");
  logs->add_flag("-f,--follow", options.follow, "Go on until the run has ended");
  add_outputs_dir(*logs, options.outputs_dir);
  logs->group(kJobs)->footer("Examples:\n  srtctl logs 12345\n  srtctl logs 12345 router -f");
}

void add_cancel(CLI::App& app, CancelOptions& options) {
  CLI::App* cancel = app.add_subcommand("cancel", "End a run: its processes in order, and results of what was measured so far");
  cancel->add_option("job", options.job, kJob)->required()->type_name("JOB");
  cancel->add_flag("--now", options.now, "All processes at once, without results");
  add_outputs_dir(*cancel, options.outputs_dir);
  cancel->group(kJobs)->footer("Example: srtctl cancel 12345");
}

void add_node_facts(CLI::App& app, NodeFactsOptions& options) {
  CLI::App* facts = app.add_subcommand("node-facts", "What this node says of itself")->group("");  // not for people
  facts->add_option("--interface", options.interface)->type_name("NAME");
}

}  // namespace infbench::cli
