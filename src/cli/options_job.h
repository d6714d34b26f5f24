// The command-line interface of `srtctl status`, `logs`, `cancel` and `node-facts`, for options.cc only. One thread.
#pragma once

#include "cli/job_options.h"

namespace CLI {
class App;
}

namespace infbench::cli {

void add_status(CLI::App& app, StatusOptions& options);
void add_logs(CLI::App& app, LogsOptions& options);
void add_cancel(CLI::App& app, CancelOptions& options);
void add_node_facts(CLI::App& app, NodeFactsOptions& options);

}  // namespace infbench::cli
