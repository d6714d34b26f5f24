// The text of a data file. Reads the file system; usable from any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace infbench::cost {

// Errors: the file cannot be read; it holds a byte that is no text (not UTF-8, or a control character), with its place. YAML
// parsers take such bytes for something else and then miscount columns.
Result<std::string> read_text(const std::string& path);

}  // namespace infbench::cost
