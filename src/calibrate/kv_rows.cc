#include "calibrate/kv_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "calibrate/csv.h"

namespace infbench::calibrate {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kMostGiB = 1e6;
constexpr double kRounding = 0.0051;  // of GiB with two places

struct Row {
  double fraction = 0;
  double chunk = 0;  // tokens
  double memory_gib = 0;
  double weights_gib = 0;
  double runtime_gib = 0;
  Bytes per_token = 0;
  Tokens tokens = 0;
  std::size_t place = 0;
};

// below: communication + activation x chunk <= limit; or >= limit.
struct Bound {
  double chunk = 0;
  double limit = 0;
  bool below = true;

  bool holds(double communication, double activation) const {
    const double value = communication + activation * chunk;
    constexpr double kSlack = 1;  // byte
    return below ? value <= limit + kSlack : value >= limit - kSlack;
  }
};

struct Open {
  double communication = 0;
  double activation = 0;
};

// The middle of what the bounds allow, from its corners.
std::optional<Open> middle(const std::vector<Bound>& bounds, bool alone) {
  std::vector<Open> corners;
  const auto consider = [&](double communication, double activation) {
    const bool allowed =
        communication >= -1 && activation >= -1e-3 &&
        std::all_of(bounds.begin(), bounds.end(), [&](const Bound& b) { return b.holds(communication, activation); });
    if (allowed) corners.push_back({communication, activation});
  };
  for (const Bound& a : bounds) {
    if (alone) consider(0, a.limit / a.chunk);
    if (alone) continue;
    consider(0, a.limit / a.chunk);
    consider(a.limit, 0);
    for (const Bound& b : bounds) {
      if (a.chunk == b.chunk) continue;
      const double activation = (a.limit - b.limit) / (a.chunk - b.chunk);
      consider(a.limit - activation * a.chunk, activation);
    }
  }
  if (corners.empty()) return std::nullopt;
  const auto centre = [&](double Open::*part) {
    const auto [least, most] =
        std::minmax_element(corners.begin(), corners.end(), [&](const Open& a, const Open& b) { return a.*part < b.*part; });
    return ((*least).*part + (*most).*part) / 2;
  };
  return Open{centre(&Open::communication), centre(&Open::activation)};
}

std::optional<cost::KvCapacity> capacity_of(const std::vector<Row>& rows, int tp, Bytes weights) {
  const Row& first = rows.front();
  cost::KvCapacity kv{.memory = std::llround(first.memory_gib * kGiB),
                      .weights = weights,
                      .runtime = std::llround(first.runtime_gib * kGiB),
                      .kv_per_token_per_gpu = first.per_token};
  std::vector<Bound> bounds;
  for (const Row& row : rows) {
    const double free = row.fraction * row.memory_gib * kGiB - static_cast<double>(kv.weights + kv.runtime);
    const auto size = static_cast<double>(row.per_token);
    bounds.push_back({row.chunk, free - static_cast<double>(row.tokens) * size, true});
    bounds.push_back({row.chunk, free - static_cast<double>(row.tokens + 1) * size, false});
  }
  const auto open = middle(bounds, tp == 1);
  if (!open) return std::nullopt;
  kv.communication = std::max<Bytes>(0, std::llround(open->communication));
  kv.activation_per_chunk_token = std::max<Bytes>(0, std::llround(open->activation));
  return kv;
}

std::map<Deployment, std::vector<Row>> read_rows(Csv& csv) {
  std::map<Deployment, std::vector<Row>> groups;
  for (std::size_t i = 0; i < csv.rows(); ++i) {
    const auto number = [&](const char* column, double most) {
      const double value = csv.number_above_0(i, column).value_or(1);
      if (value > most) csv.note(i, column, fmt::format("expected '{}' to be at most {}, found {}", column, most, value));
      return value;
    };
    const auto whole = [&](const char* column, std::int64_t most) { return csv.integer(i, column, 1, most).value_or(1); };
    const Deployment deployment{csv.text(i, "system"), static_cast<int>(whole("tp", 1024)), csv.text(i, "backend")};
    groups[deployment].push_back({.fraction = number("mem_fraction", 1),
                                  .chunk = static_cast<double>(whole("max_num_tokens", 10'000'000)),
                                  .memory_gib = number("capacity_GiB", kMostGiB),
                                  .weights_gib = number("weights_GiB", kMostGiB),
                                  .runtime_gib = number("runtime_GiB", kMostGiB),
                                  .per_token = whole("kv_bytes_per_token_per_gpu", std::int64_t{1} << 40),
                                  .tokens = whole("kv_tokens", std::int64_t{1} << 40),
                                  .place = i});
  }
  return groups;
}

void check_against_row(const cost::KvCapacity& kv, const Row& row, Csv& csv) {
  const double weights_gib = static_cast<double>(kv.weights) / kGiB;
  if (std::abs(weights_gib - row.weights_gib) > kRounding) {
    csv.note(row.place, "weights_GiB",
             fmt::format("expected the model's {:.2f} GiB of weights, found {}", weights_gib, row.weights_gib),
             "rows of another model? give its name with --model");
  } else if (const Tokens tokens = kv.tokens(row.fraction, static_cast<Tokens>(row.chunk)); tokens != row.tokens) {
    csv.note(row.place, "kv_tokens",
             fmt::format("the other rows of this deployment make it {} tokens, found {}", tokens, row.tokens));
  }
}

}  // namespace

Result<std::map<Deployment, cost::KvCapacity>> read_kv_capacities(const std::string& path,
                                                                  const cost::Architecture& architecture) {
  auto csv = Csv::read(path, {"system", "tp", "backend", "mem_fraction", "max_num_tokens", "capacity_GiB", "weights_GiB",
                              "runtime_GiB", "kv_bytes_per_token_per_gpu", "kv_tokens"});
  if (!csv) return fail(std::move(csv.error()));
  const auto groups = read_rows(*csv);
  if (Errors errors = csv->take_errors(); !errors.empty()) return fail(std::move(errors));
  std::map<Deployment, cost::KvCapacity> capacities;
  for (const auto& [deployment, rows] : groups) {
    const int tp = std::get<int>(deployment);
    const auto kv = capacity_of(rows, tp, architecture.weight_bytes(tp));
    if (!kv) {
      csv->note(rows.front().place, "kv_tokens",
                "no bytes of communication and activation give the tokens of all rows of this deployment");
      continue;
    }
    for (const Row& row : rows) check_against_row(*kv, row, *csv);
    capacities[deployment] = *kv;
  }
  if (Errors errors = csv->take_errors(); !errors.empty()) return fail(std::move(errors));
  return capacities;
}

}  // namespace infbench::calibrate
