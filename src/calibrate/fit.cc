#include "calibrate/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "calibrate/errors.h"
#include "calibrate/least_squares.h"

namespace infbench::calibrate {
namespace {

using cost::Coefficients;
using cost::StepLoad;

constexpr std::array<Tokens, 16> kTokenKnees{32,  64,   128,  192,  256,  384,  512,  640,
                                             768, 1024, 1536, 2048, 3072, 4096, 6144, 8192};
constexpr std::array<Tokens, 5> kWaveKnees{256, 512, 1024, 2048, 4096};
constexpr std::array<Tokens, 10> kKvKnees{4096, 8192, 16384, 32768, 49152, 65536, 98304, 131072, 262144, 524288};
constexpr Tokens kShortPrompt = 256;
constexpr double kExcessPull = 0.1;  // 1 would weigh as much as all rows of one kind
constexpr double kSmallError = 0.003;

// Decimals kept of each coefficient, in the order of the unknowns: a millionth of a step. (Ticks are 1.5e-5 ns.)
constexpr std::array<double, kUnknowns> kDecimals{1, 1, 1, 100, 100, 100, 100, 1, 1e5, 1e5, 1e9};

struct Knees {
  std::array<Tokens, 3> tokens{128, 512, 3072};
  Tokens wave = 1024;
  Tokens kv = 65536;
};

Knees knees_of(const Coefficients& c) { return {.tokens = c.token_knees, .wave = c.wave_knee, .kv = c.kv_knee}; }

Vector unknowns_of(const Coefficients& c) {
  const std::array<cost::Ticks, kUnknowns> ticks{
      c.step, c.prompt_step, c.decode_step,         c.token,         c.token_beyond[0], c.token_beyond[1], c.token_beyond[2],
      c.wave, c.kv_token,    c.kv_token_below_knee, c.attention_pair};
  Vector x{};
  for (std::size_t i = 0; i < kUnknowns; ++i) x[i] = static_cast<double>(ticks[i]) / cost::kTicksPerNs;
  return x;
}

Coefficients coefficients_of(const Vector& x, const Knees& knees) {
  std::array<cost::Ticks, kUnknowns> t{};
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    t[i] = std::llround(static_cast<double>(std::llround(x[i] * kDecimals[i])) / kDecimals[i] * cost::kTicksPerNs);
  }
  return {.step = std::max<cost::Ticks>(t[0], 1),
          .prompt_step = t[1],
          .decode_step = t[2],
          .token = t[3],
          .token_beyond = {t[4], t[5], t[6]},
          .wave = t[7],
          .kv_token = t[8],
          .kv_token_below_knee = t[9],
          .attention_pair = t[10],
          .token_knees = knees.tokens,
          .wave_knee = knees.wave,
          .kv_knee = knees.kv};
}

void add_features(const StepLoad& load, const Knees& knees, Vector& features) {
  const Tokens n = load.new_tokens + load.decodes;
  features[0] += 1;
  if (load.chunks > 0) features[1] += 1;
  if (load.decodes > 0) features[2] += 1;
  features[3] += static_cast<double>(n);
  for (std::size_t i = 0; i < 3; ++i) features[4 + i] += static_cast<double>(std::max<Tokens>(0, n - knees.tokens[i]));
  if (n > knees.wave) features[7] += 1;
  features[8] += static_cast<double>(load.decode_context);
  features[9] += static_cast<double>(std::min(load.decode_context, knees.kv));
  features[10] += static_cast<double>(load.twice_pairs) / 2;
}

double median(std::vector<double> values) {
  INFBENCH_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double dot(const Vector& a, const Vector& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

// What is minimised: the fourth power of relative errors, or their absolute values, which a wild row hardly bends.
enum class Loss : std::uint8_t { fourth_power, absolute };

// The rows of one fit, and what it leans on.
class Fitter {
 public:
  Fitter(std::span<const Observation> rows, const Prior& prior) : rows_(rows), kept_(rows.size(), true), prior_(&prior) {
    count_kinds();
    for (const Observation& row : rows) shortest_ns_ = std::min(shortest_ns_, row.ns);
    if (rows.size() < kRowsToStandAlone) choose_shape();
  }

  Fit run() {
    leave_out([this](const Knees& knees) { return solve(knees, 20, Loss::absolute); }, first_knees());
    Knees knees = search();
    // Seen from a good fit, what looked wild before may be right, and the other way round.
    const std::vector<bool> before = kept_;
    leave_out([this](const Knees& k) { return solve(k, 60, Loss::fourth_power); }, knees);
    if (kept_ != before) knees = search();
    Fit fit{.coefficients = coefficients_of(solve(knees, 60, Loss::fourth_power), knees),
            .left_out = {},
            .leaned = shape_.has_value()};
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (!kept_[i]) fit.left_out.push_back(i);
    }
    return fit;
  }

 private:
  void count_kinds() {
    by_kind_ = {};
    for (std::size_t i = 0; i < rows_.size(); ++i) by_kind_[static_cast<std::size_t>(rows_[i].kind)] += kept_[i] ? 1 : 0;
  }

  // That of `known` which, times one factor, comes nearest to the rows.
  void choose_shape() {
    double least = std::numeric_limits<double>::infinity();
    for (const Coefficients& candidate : prior_->known) {
      const cost::StepTime step_time(candidate);
      std::vector<double> factors;
      for (const Observation& row : rows_) factors.push_back(row.ns / estimate_ns(step_time, row));
      const double factor = median(factors);
      for (double& f : factors) f = std::abs(factor / f - 1);
      const double off = median(std::move(factors));
      if (off >= least) continue;
      least = off;
      shape_ = unknowns_of(candidate);
      for (double& x : *shape_) x *= factor;
      shape_knees_ = knees_of(candidate);
    }
  }

  Knees first_knees() const { return shape_ ? shape_knees_ : Knees{}; }

  std::vector<Vector> relative_features(const Knees& knees) const {
    std::vector<Vector> all(rows_.size(), Vector{});
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      for (const StepLoad& load : rows_[i].steps) add_features(load, knees, all[i]);
      for (double& feature : all[i]) feature /= rows_[i].ns;
    }
    return all;
  }

  void pull(const std::vector<Vector>& relative, NormalEquations& equations) const {
    if (prior_->prompt_excess_ns) {
      Vector difference{};
      difference[1] = 1 / shortest_ns_;
      difference[2] = -1 / shortest_ns_;
      equations.add(difference, *prior_->prompt_excess_ns / shortest_ns_, kExcessPull * kExcessPull);
    }
    if (!shape_) return;
    const auto n = static_cast<double>(rows_.size());
    for (std::size_t i = 0; i < kUnknowns; ++i) {
      double most = 0;  // of a row's time that a unit of the coefficient makes
      for (std::size_t row = 0; row < rows_.size(); ++row) most = std::max(most, relative[row][i]);
      Vector only{};
      only[i] = most > 0 ? most : 1;
      equations.add(only, only[i] * (*shape_)[i], kShapePull / (n * n));
    }
  }

  Vector solve(const Knees& knees, int rounds, Loss loss) const {
    const std::vector<Vector> relative = relative_features(knees);
    NormalEquations pulls;
    pull(relative, pulls);
    std::vector<double> even(rows_.size(), 0);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (kept_[i]) even[i] = 1.0 / by_kind_[static_cast<std::size_t>(rows_[i].kind)];
    }
    std::vector<double> weights = even;
    Vector x{};
    for (int round = 0; round < rounds; ++round) {
      NormalEquations equations = pulls;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (weights[i] > 0) equations.add(relative[i], 1, weights[i]);
      }
      x = equations.solve();
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        const double error = std::max(std::abs(dot(relative[i], x) - 1), kSmallError);
        const double factor = loss == Loss::absolute ? kSmallError / error : error * error / (0.03 * 0.03);
        weights[i] = loss == Loss::absolute ? even[i] * factor : (weights[i] + even[i] * factor) / 2;
      }
    }
    return x;
  }

  std::vector<double> relative_errors(const Knees& knees, const Vector& x) const {
    std::vector<double> errors;
    for (const Vector& relative : relative_features(knees)) errors.push_back(std::abs(dot(relative, x) - 1));
    return errors;
  }

  // Rows far off all the others of their kind.
  template <typename Solve>
  void leave_out(const Solve& solve_at, const Knees& knees) {
    const std::vector<double> errors = relative_errors(knees, solve_at(knees));
    std::fill(kept_.begin(), kept_.end(), true);
    for (std::size_t kind = 0; kind < kKindCount; ++kind) {
      std::vector<double> of_kind;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (static_cast<std::size_t>(rows_[i].kind) == kind) of_kind.push_back(errors[i]);
      }
      if (of_kind.empty()) continue;
      const double limit = std::max(kWild, kWildMedians * median(of_kind));
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (static_cast<std::size_t>(rows_[i].kind) == kind && errors[i] > limit) kept_[i] = false;
      }
    }
    count_kinds();
  }

  // What the search for knees lowers: squares of the errors in units of what we would put up with.
  double badness(const Knees& knees) const {
    const std::vector<double> errors = relative_errors(knees, solve(knees, 10, Loss::fourth_power));
    double sum = 0;
    for (std::size_t kind = 0; kind < kKindCount; ++kind) {
      std::vector<double> of_kind;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (kept_[i] && static_cast<std::size_t>(rows_[i].kind) == kind) of_kind.push_back(100 * errors[i]);
      }
      const cost::KindErrors e = summarise(std::move(of_kind));
      sum += e.mape * e.mape / 9 + e.p95 * e.p95 / 64 + e.worst * e.worst / 144;
    }
    return sum;
  }

  // Knees one step of coordinate descent away.
  static std::vector<Knees> neighbours(const Knees& knees) {
    std::vector<Knees> list;
    for (std::size_t place = 0; place < 3; ++place) {
      for (const Tokens knee : kTokenKnees) {
        Knees other = knees;
        other.tokens[place] = knee;
        if (other.tokens[0] < other.tokens[1] && other.tokens[1] < other.tokens[2]) list.push_back(other);
      }
    }
    for (const Tokens knee : kWaveKnees) {
      list.push_back(knees);
      list.back().wave = knee;
    }
    for (const Tokens knee : kKvKnees) {
      list.push_back(knees);
      list.back().kv = knee;
    }
    return list;
  }

  Knees search() const {
    Knees best = first_knees();
    double least = badness(best);
    for (;;) {
      const Knees from = best;
      const double before = least;
      for (const Knees& knees : neighbours(from)) {
        if (const double now = badness(knees); now < least - 1e-9) {
          least = now;
          best = knees;
        }
      }
      if (least == before) return best;
    }
  }

  static constexpr double kShapePull = 12;
  static constexpr double kWild = 0.25;
  static constexpr double kWildMedians = 8;

  std::span<const Observation> rows_;
  std::vector<bool> kept_;
  const Prior* prior_;
  std::array<int, kKindCount> by_kind_{};
  double shortest_ns_ = std::numeric_limits<double>::infinity();
  std::optional<Vector> shape_;
  Knees shape_knees_;
};

bool is_short_prompt(const Observation& row) {
  return row.kind == Kind::prefill && row.steps.size() == 1 && row.steps.front().new_tokens <= kShortPrompt;
}

}  // namespace

Fit fit(std::span<const Observation> rows, const Prior& prior) {
  INFBENCH_CHECK(!rows.empty());
  return Fitter(rows, prior).run();
}

double estimate_ns(const cost::StepTime& step_time, const Observation& row) {
  double ns = 0;
  for (const StepLoad& load : row.steps) ns += static_cast<double>(step_time.of(load)) / cost::kTicksPerNs;
  return ns;
}

std::array<cost::KindErrors, kKindCount> errors_by_kind(std::span<const Observation> rows, std::span<const double> estimates) {
  INFBENCH_CHECK(rows.size() == estimates.size());
  std::array<cost::KindErrors, kKindCount> all{};
  for (std::size_t kind = 0; kind < kKindCount; ++kind) {
    std::vector<double> errors;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (static_cast<std::size_t>(rows[i].kind) == kind) errors.push_back(100 * std::abs(estimates[i] / rows[i].ns - 1));
    }
    all[kind] = summarise(std::move(errors));
  }
  return all;
}

std::array<cost::KindErrors, kKindCount> cross_validate(std::span<const Observation> rows, const Prior& prior, int folds) {
  INFBENCH_CHECK(folds >= 2);
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(1);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::vector<double> estimates(rows.size());
  for (int fold = 0; fold < folds; ++fold) {
    const auto is_unseen = [&](std::size_t place) {
      return place % static_cast<std::size_t>(folds) == static_cast<std::size_t>(fold);
    };
    std::vector<Observation> seen;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (!is_unseen(i)) seen.push_back(rows[order[i]]);
    }
    const cost::StepTime step_time(fit(seen, prior).coefficients);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (is_unseen(i)) estimates[order[i]] = estimate_ns(step_time, rows[order[i]]);
    }
  }
  return errors_by_kind(rows, estimates);
}

std::optional<double> prompt_excess_ns(std::span<const Observation> rows) {
  if (std::none_of(rows.begin(), rows.end(), is_short_prompt)) return std::nullopt;
  const Vector x = unknowns_of(fit(rows, {}).coefficients);
  return x[1] - x[2];
}

}  // namespace infbench::calibrate
