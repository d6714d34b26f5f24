// The probes of `srtctl calibrate --url`, sent to a live server. One thread.
#pragma once

#include "base/result.h"
#include "calibrate/step_rows.h"
#include "cli/calibrate_options.h"

namespace infbench::cli {

// Rows of the deployment that the options name. Probes that failed are told on stderr. Errors: a server that does not answer
// for the model; too few probes that succeeded; an interruption.
Result<calibrate::StepRows> measure_server(const CalibrateOptions& options, const std::string& data_dir);

}  // namespace infbench::cli
