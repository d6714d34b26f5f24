#include "report/draws.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"
#include "report/comparison.h"
#include "report/terminal.h"
#include "report/text.h"

namespace infbench::report {
namespace {

struct Spread {
  double mean = 0;
  double sd = 0;
  double min = 0;
  double max = 0;
};

Spread spread_of(std::span<const double> values) {
  Spread s;
  if (values.empty()) return s;
  for (const double value : values) s.mean += value;
  s.mean /= static_cast<double>(values.size());
  for (const double value : values) s.sd += (value - s.mean) * (value - s.mean);
  s.sd = std::sqrt(s.sd / static_cast<double>(values.size()));
  s.min = *std::min_element(values.begin(), values.end());
  s.max = *std::max_element(values.begin(), values.end());
  return s;
}

Order order_of(const Draws& draws, std::size_t a, std::size_t b) {
  Order order{.a = a, .b = b};
  const std::vector<double>& left = draws.goodput[a];
  const std::vector<double>& right = draws.goodput[b];
  order.draws = static_cast<std::int64_t>(left.size());
  for (std::size_t k = 0; k < left.size(); ++k) {
    order.a_better += left[k] > right[k] ? 1 : 0;
    order.b_better += right[k] > left[k] ? 1 : 0;
    order.mean_points += 100 * (left[k] - right[k]) / static_cast<double>(left.size());
  }
  return order;
}

std::string line_of(const Order& order) {
  const bool first = order.a_better >= order.b_better;
  return fmt::format("{:>4} above {:<4} in {} of {} draws, by {:.1f} points in the mean: {}\n", (first ? order.a : order.b) + 1,
                     (first ? order.b : order.a) + 1, std::max(order.a_better, order.b_better), order.draws,
                     first ? order.mean_points : -order.mean_points, order.decided() ? "decided" : "not decided");
}

std::size_t best_of(const Draws& draws) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < draws.goodput.size(); ++i) {
    if (spread_of(draws.goodput[i]).mean > spread_of(draws.goodput[best]).mean) best = i;
  }
  return best;
}

// All pairs of a few runs; of many each with the best.
std::vector<Order> told_orders(const Draws& draws) {
  if (draws.labels.size() <= kMostColumns) return orders_of(draws);
  const std::size_t best = best_of(draws);
  std::vector<Order> orders;
  for (std::size_t i = 0; i < draws.labels.size(); ++i) {
    if (i != best) orders.push_back(order_of(draws, best, i));
  }
  return orders;
}

}  // namespace

bool Order::decided() const {
  return draws >= kFewestDraws && static_cast<double>(std::max(a_better, b_better)) >= kDecided * static_cast<double>(draws);
}

std::vector<Order> orders_of(const Draws& draws) {
  std::vector<Order> orders;
  for (std::size_t a = 0; a < draws.labels.size(); ++a) {
    for (std::size_t b = a + 1; b < draws.labels.size(); ++b) orders.push_back(order_of(draws, a, b));
  }
  return orders;
}

std::string certainty(std::span<const measure::RunResult> runs, std::span<const std::string> labels) {
  Draws draws{.labels = {labels.begin(), labels.end()}, .goodput = {}};
  for (const measure::RunResult& run : runs) draws.goodput.push_back(run.summary.drawn_goodput);
  const bool same_worlds = std::all_of(runs.begin(), runs.end(), [&](const measure::RunResult& run) {
    return run.summary.drawn_goodput.size() == draws.goodput[0].size() && run.info.seed == runs[0].info.seed;
  });
  if (runs.size() < 2 || !same_worlds || draws.goodput[0].empty()) return "";
  const std::size_t best = best_of(draws);
  std::string open;
  Order least{.draws = INT64_MAX};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i == best) continue;
    const Order order = order_of(draws, best, i);
    if (!order.decided()) open += (open.empty() ? "" : ", ") + labels[i];
    if (least.draws == INT64_MAX || order.a_better < least.a_better) least = order;
  }
  const std::string worlds = fmt::format("{} worlds drawn from the uncertainty of the step times", least.draws);
  if (!open.empty()) return fmt::format("Not decided: in {}, {} is not surely above {}.", worlds, labels[best], open);
  return fmt::format("Decided: in {}, {} is above {} in {}, by {:.1f} points in the mean.", worlds, labels[best],
                     runs.size() == 2 ? labels[1 - best] : "each other run",
                     least.a_better == least.draws ? "all" : fmt::format("{} or more", least.a_better), least.mean_points);
}

std::string draws_block(const Draws& draws) {
  INFBENCH_CHECK(!draws.goodput.empty() && draws.goodput.size() == draws.labels.size());
  constexpr std::size_t kCell = 10;
  constexpr std::size_t kLabel = kColumns - 4 * kCell;
  std::string out = '\n' + pad_right(fmt::format("Goodput (%) over {} draws of step times", draws.goodput[0].size()), kLabel);
  for (const char* head : {"mean", "sd", "min", "max"}) out += pad_left(head, kCell);
  out += '\n';
  for (std::size_t i = 0; i < draws.labels.size(); ++i) {
    const Spread s = spread_of(draws.goodput[i]);
    out += pad_right(cut(fmt::format("{:>4}  {}", i + 1, draws.labels[i]), kLabel - 1), kLabel);
    for (const double value : {s.mean, s.sd, s.min, s.max}) out += pad_left(grouped(100 * value, 1), kCell);
    out += '\n';
  }
  for (const Order& order : told_orders(draws)) out += line_of(order);
  return out;
}

void write_draws(JsonWriter& json, const Draws& draws) {
  json.begin_object();
  json.member("draws", draws.goodput.empty() ? 0 : draws.goodput[0].size());
  json.member("decided_share", kDecided);
  json.key("runs");
  json.begin_array();
  for (std::size_t i = 0; i < draws.labels.size(); ++i) {
    const Spread s = spread_of(draws.goodput[i]);
    json.begin_object();
    json.member("label", draws.labels[i]);
    json.key("goodput_fraction");
    json.begin_object();
    json.member("mean", s.mean);
    json.member("sd", s.sd);
    json.member("min", s.min);
    json.member("max", s.max);
    json.end_object();
    json.end_object();
  }
  json.end_array();
  json.key("pairs");
  json.begin_array();
  for (const Order& order : orders_of(draws)) {
    json.begin_object();
    json.member("a", draws.labels[order.a]);
    json.member("b", draws.labels[order.b]);
    json.member("a_better", order.a_better);
    json.member("b_better", order.b_better);
    json.member("mean_points", order.mean_points);
    json.member("decided", order.decided());
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace infbench::report
