// Writes a trace as Mooncake's JSONL, as its authors do (", " and ": " between). What the reader kept comes back: unknown
// fields (after the known ones), literal prompts as they stood, session_id and delay; times start at 0, in milliseconds,
// decimal where needed. Pure but for the file; any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "trace/trace.h"

namespace infbench::trace {

// One line with its newline.
void append_row(const Trace& trace, RequestIndex index, std::string& out);

std::string to_jsonl(const Trace& trace);

// Replaces the file; row by row, so the text is never held.
Result<void> write_trace(const Trace& trace, const std::string& path);

}  // namespace infbench::trace
