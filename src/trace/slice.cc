#include "trace/slice.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "trace/build.h"
#include "trace/schedule.h"

namespace infbench::trace {
namespace {

bool wanted(const Request& request, const SliceOptions& options) {
  const Duration at = request.at - Time{};
  if (options.from && at < *options.from) return false;
  if (options.to && at >= *options.to) return false;
  return !options.input_max || request.new_input <= *options.input_max;
}

}  // namespace

Result<Trace> slice(const Trace& trace, const SliceOptions& options) {
  std::vector<bool> in(trace.size());
  std::vector<std::uint64_t> ids;
  std::vector<std::string_view> literal;
  std::string marked;
  TraceBuilder builder;
  for (std::uint32_t i = 0; i < trace.size(); ++i) {
    if (options.requests && builder.rows() == *options.requests) break;
    const Request request = trace.request({i});
    if (!wanted(request, options) || (request.previous && !in[request.previous->value])) continue;
    in[i] = true;
    ids.clear();
    for (const BlockNumber block : request.blocks) ids.push_back(trace.block_id(block));
    literal.clear();
    trace.append_literal({i}, literal);
    const Trace::Original original = trace.original({i});
    RowValues row{.at = {},
                  .input = request.new_input,
                  .output = request.output,
                  .blocks = ids,
                  .session = original.session,
                  .delay = {},
                  .extra = original.extra,
                  .stand_in = trace.stand_in(),
                  .body = trace.body({i}),
                  .literal = literal};
    if (!trace.stand_in().empty() && builder.rows() == 0 && original.extra.find("\"stand_in\"") == std::string_view::npos) {
      marked = fmt::format("\"stand_in\": \"{}\"{}{}", trace.stand_in(), original.extra.empty() ? "" : ", ", original.extra);
      row.extra = marked;  // the row that says so may not be in the slice
    }
    if (original.has_timestamp) row.at = divided(request.at - Time{}, options.speed);
    if (original.has_delay) row.delay = divided(original.delay, options.speed);
    builder.add(row);
  }
  if (builder.rows() == 0) {
    return fail(
        "the slice has no request",
        fmt::format("the trace has {} requests and lasts {:.3f} s", trace.size(),
                    trace.size() > 0 ? to_s(trace.request({static_cast<std::uint32_t>(trace.size() - 1)}).at - Time{}) : 0.0));
  }
  return std::move(builder).finish().trace;
}

}  // namespace infbench::trace
