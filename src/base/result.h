// Result and Error: how a user's mistake travels from where it is found to the terminal. Exceptions never cross a room's edge.
//
// A function that can fail returns Result<T>: a value, or a list of at least one Error. A reader collects every error it can
// find in one pass before it returns. Value types, usable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace infbench {

// What is wrong, where, and what to do about it. `line` and `column` count from 1; 0 means that the place is not known.
struct Error {
  std::string what;  // one sentence without a final period: "expected a number above 0, found -3"
  std::string hint;  // what to do, may be empty: "did you mean 'tensor-parallel-size'?"
  std::string file;  // may be empty (a command-line value, say)
  int line = 0;
  int column = 0;
  // The text of that line, for the caret; may be empty, and shorter than `column` where a secret at its end is not shown.
  std::string source_line;
};

using Errors = std::vector<Error>;

template <typename T>
using Result = tl::expected<T, Errors>;

inline tl::unexpected<Errors> fail(Errors errors) { return tl::unexpected<Errors>(std::move(errors)); }
inline tl::unexpected<Errors> fail(Error error) {
  Errors errors;
  errors.push_back(std::move(error));
  return tl::unexpected<Errors>(std::move(errors));
}
inline tl::unexpected<Errors> fail(std::string what, std::string hint = {}) {
  return fail(Error{.what = std::move(what), .hint = std::move(hint), .file = {}, .source_line = {}});
}

// `file:line:column: what: hint`, then the source line and a caret under the column (a byte position; tabs kept, multi-byte
// UTF-8 takes one place, long lines cut around the caret; behind the line's end the caret is at the end). Ends with a newline.
std::string format_error(const Error& error);

// All of them, one after the other.
std::string format_errors(const Errors& errors);

// The candidate nearest to `word` if it is near enough to be a slip of the finger (edit distance at most a third of the longer
// word's length, at least 1), else empty. Ties go to the first.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// "did you mean 'x'?", or empty when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace infbench
