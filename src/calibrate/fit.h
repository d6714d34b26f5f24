// fit(): the coefficients of cost/step_time.h from measured step times.
//
// Each kind of row counts the same. The coefficients minimise the mean fourth power of the relative error (non-negative least
// squares, reweighted), so that no row is far off; knees are searched by coordinate descent. Rows that no such step time can
// explain are found by a fit of the absolute errors, which they cannot bend, and left out.
//
// Two things are told to lean on what is known of others, weakly:
// - What a prompt step costs more than a decode step cannot be told from the slope of short prompts when none were measured;
// that
//   difference is pulled to `prompt_excess_ns`.
// - Few rows cannot carry 16 numbers. Fewer than kRowsToStandAlone are pulled to the shape of that of `known` which, times one
//   factor, comes nearest to them; what the rows say nothing about is taken from it.
//
// Pure, the same bits on every machine. Takes milliseconds (hundreds of rows).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "calibrate/step_rows.h"
#include "cost/step_time.h"

namespace infbench::calibrate {

inline constexpr std::size_t kLeastRows = 24;
inline constexpr std::size_t kRowsToStandAlone = 120;

struct Prior {
  std::optional<double> prompt_excess_ns;
  std::vector<cost::Coefficients> known;
};

struct Fit {
  cost::Coefficients coefficients;
  std::vector<std::size_t> left_out;  // places in `rows`, rising
  bool leaned = false;                // on the shape of one of Prior::known
};

// `rows` are kLeastRows or more.
Fit fit(std::span<const Observation> rows, const Prior& prior);

// The estimate in ns.
double estimate_ns(const cost::StepTime& step_time, const Observation& row);
// Absolute relative errors of the rows of each kind, in per cent. `estimates` (ns) as `rows`; the 95th percentile is
// interpolated between ranks.
std::array<cost::KindErrors, kKindCount> errors_by_kind(std::span<const Observation> rows, std::span<const double> estimates);

// Errors of every row by a fit, knees and left-out rows included, that has not seen it: `folds` parts (2 or more), dealt out at
// random but always the same way.
std::array<cost::KindErrors, kKindCount> cross_validate(std::span<const Observation> rows, const Prior& prior, int folds);

// Prompt step minus decode step, if there are prompts short enough to tell (256 tokens and fewer).
std::optional<double> prompt_excess_ns(std::span<const Observation> rows);

}  // namespace infbench::calibrate
