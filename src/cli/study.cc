#include "cli/study.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "cli/parallel.h"
#include "cli/progress.h"

namespace infbench::cli {
namespace {

constexpr double kSlowest = 1e-3;
constexpr double kFastest = 1e5;
constexpr double kCloseEnough = 1.01;  // ratio of the two speeds between which the goal is lost

// The first error of several results, in their order.
template <typename T>
Result<std::vector<T>> all_of(std::vector<std::optional<Result<T>>> results) {
  std::vector<T> values;
  values.reserve(results.size());
  for (auto& result : results) {
    if (!*result) return fail(std::move(result->error()));
    values.push_back(*std::move(*result));
  }
  return values;
}

template <typename T>
Result<std::vector<T>> in_parallel(std::size_t count, unsigned jobs, const std::function<Result<T>(std::size_t)>& task) {
  std::vector<std::optional<Result<T>>> results(count);
  Progress progress("in virtual time", {.name = "runs"});
  parallel_for(
      count, jobs, [&](std::size_t i) { results[i] = task(i); }, [&](std::size_t ended) { progress(ended, count); });
  return all_of(std::move(results));
}

// Three digits, so that speeds are fit to be read and given again.
double rounded(double speed) {
  double unit = 1;
  while (speed / unit >= 1000) unit *= 10;
  while (speed / unit < 100) unit /= 10;
  return unit < 1 ? std::floor(speed / unit + 0.5) / std::floor(1 / unit + 0.5) : std::floor(speed / unit + 0.5) * unit;
}

// The search of one case.
class Search {
 public:
  Search(const Case& one, const Traffic& traffic, std::span<const Requirement> goals)
      : case_(one), traffic_(traffic), goals_(goals) {}

  Result<report::Found> run() {
    double speed = case_.settings.speed;
    auto tried = holds_at(speed);
    while (tried && !(holds_ && fails_)) {
      if (holds_ ? speed >= kFastest : speed <= kSlowest) break;
      speed = holds_ ? speed * 2 : speed / 2;
      tried = holds_at(speed);
    }
    while (tried && holds_ && fails_ && *fails_ > *holds_ * kCloseEnough) {
      const double middle = rounded(std::sqrt(*holds_ * *fails_));
      if (middle <= *holds_ || middle >= *fails_) break;
      tried = holds_at(middle);
    }
    if (!tried) return fail(std::move(tried.error()));
    found_.speed = holds_;
    found_.fails_at = fails_;
    const Duration span = last_time();
    if (holds_ && span.ns > 0) found_.requests_per_s = static_cast<double>(traffic_.trace.size()) / to_s(span) * *holds_;
    return std::move(found_);
  }

 private:
  Result<void> holds_at(double speed) {
    RunSettings settings = case_.settings;
    settings.speed = speed;
    auto run = simulate_run(*case_.deployment, traffic_, settings);
    if (!run) return fail(std::move(run.error()));
    ++found_.runs;
    std::vector<std::optional<double>> figures;
    bool holds = true;
    for (const Requirement& goal : goals_) {
      figures.push_back(value_of(goal, run->result));
      holds = holds && missed(goal, run->result).empty();
    }
    (holds ? found_.figures : found_.failed_figures) = std::move(figures);
    if (holds || !holds_) found_.run = std::move(run->result);
    (holds ? holds_ : fails_) = speed;
    return {};
  }

  Duration last_time() const {
    if (traffic_.trace.size() == 0) return {};
    return traffic_.trace.request({static_cast<std::uint32_t>(traffic_.trace.size() - 1)}).at - Time{};
  }

  const Case& case_;
  const Traffic& traffic_;
  std::span<const Requirement> goals_;
  std::optional<double> holds_;
  std::optional<double> fails_;
  report::Found found_;
};

}  // namespace

Result<std::vector<SimulatedRun>> run_cases(std::span<const Case> cases, const Traffic& traffic, unsigned jobs,
                                            const std::function<void(SimulatedRun&)>& keep) {
  if (cases.size() == 1) {  // its own progress, by request
    const Deployment& deployment = *cases[0].deployment;
    Progress progress(deployment.recipe.name);
    auto run =
        simulate_run(deployment, traffic, cases[0].settings, [&](std::size_t ended, std::size_t all) { progress(ended, all); });
    if (!run) return fail(std::move(run.error()));
    std::vector<SimulatedRun> runs;
    runs.push_back(*std::move(run));
    return runs;
  }
  return in_parallel<SimulatedRun>(cases.size(), jobs, [&](std::size_t i) {
    auto run = simulate_run(*cases[i].deployment, traffic, cases[i].settings);
    if (run && keep) keep(*run);
    return run;
  });
}

Result<report::Draws> run_draws(std::span<const Case> cases, const Traffic& traffic, std::uint32_t draws, unsigned jobs,
                                std::vector<std::string> labels) {
  const auto goodput = in_parallel<double>(cases.size() * draws, jobs, [&](std::size_t i) -> Result<double> {
    const Case& one = cases[i / draws];
    RunSettings settings = one.settings;
    settings.explain = false;
    settings.with_timeline = false;
    settings.draw = i % draws;
    settings.seed += 1 + i % draws;
    const auto run = simulate_run(*one.deployment, traffic, settings);
    if (!run) return fail(run.error());
    return run->result.summary.goodput_fraction().value_or(0);
  });
  if (!goodput) return fail(goodput.error());
  report::Draws told{.labels = std::move(labels), .goodput = {}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto from = goodput->begin() + static_cast<std::ptrdiff_t>(i * draws);
    told.goodput.emplace_back(from, from + draws);
  }
  return told;
}

Result<std::vector<report::Found>> find_speeds(std::span<const Case> cases, const Traffic& traffic,
                                               std::span<const Requirement> goals, unsigned jobs) {
  return in_parallel<report::Found>(cases.size(), jobs, [&](std::size_t i) { return Search(cases[i], traffic, goals).run(); });
}

}  // namespace infbench::cli
