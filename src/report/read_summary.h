// summary.json, read back into the values it was written from, as far as reports need them. Part of
// run_folder. Pure, usable from any thread. For .cc files only: it shows simdjson.
#pragma once

namespace simdjson::dom {
class element;
}

#include "measure/run.h"

namespace infbench::report {

// False: it lacks what every summary has.
bool read_summary(const simdjson::dom::element& document, measure::RunResult& run);

}  // namespace infbench::report
