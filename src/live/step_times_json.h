// Step-time coefficients in the logs, so that a replay of a log needs no data files. Pure, usable from any thread.
#pragma once

#include "base/json_writer.h"
#include "cost/step_time.h"

namespace simdjson::dom {
class element;
}

namespace infbench::live {

void write_step_times(JsonWriter& json, const cost::Coefficients& coefficients);  // an object, as a value

// What write_step_times() has written. Throws simdjson_error where a member is missing or of another type.
cost::Coefficients read_step_times(const simdjson::dom::element& from);

}  // namespace infbench::live
