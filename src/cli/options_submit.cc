// The flags of `srtctl submit`: see options.h.
#include "cli/options_submit.h"

#include <CLI/CLI.hpp>

#include "cli/options_rules.h"
#include "launch/guard.h"

namespace infbench::cli {

CLI::App* add_submit(CLI::App& app, SubmitOptions& options) {
  CLI::App* submit = app.add_subcommand("submit", "Start what a recipe says, wait until it is ready, measure, end it");
  submit
      ->add_option("--launcher", options.launcher, "slurm: a batch job; srun: in the allocation we are in; local: this machine")
      ->check(one_of({"slurm", "srun", "local"}));
  submit->add_option("-o,--output", options.output_dir, "Folder of the run; default: a new one in outputs/")->type_name("DIR");
  submit->add_option("--trace-dir", options.trace_dir, "Folder with NAME_trace.jsonl; else $SRTCTL_TRACE_DIR, the cache folder")
      ->type_name("DIR");
  submit->add_flag("--wait", options.wait, "slurm: follow the job to its end");
  submit->add_flag("--json", options.json, "Print the result as one JSON document");
  submit->footer("Example: srtctl submit -f recipies/qwen3-32b/agg-round-robin.yaml --launcher local --set backend.type=model");
  return submit;
}

void add_guard(CLI::App& app, GuardOptions& options) {
  CLI::App* guard = app.add_subcommand(launch::kGuardCommand, "Used by submit");
  guard->group("");
  guard->add_option("run", options.run_id)->required();
}

}  // namespace infbench::cli
