#include "cli/grid.h"

#include <string_view>

#include <fmt/format.h>

#include "base/number.h"

namespace infbench::cli {
namespace {

constexpr std::size_t kMostPoints = 1'000'000;

struct Axis {
  std::string key;
  std::vector<std::string> values;
};

std::vector<std::string> cut_at_commas(std::string_view text) {
  std::vector<std::string> values(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth <= 0) {
      values.emplace_back();
      continue;
    }
    values.back() += c;
  }
  return values;
}

Result<Axis> axis_of(const std::string& text) {
  const std::size_t at = text.find('=');
  const auto wrong = [&](std::string_view why) {
    return fail(fmt::format("expected KEY=VALUE,VALUE,... for --grid, found '{}'{}", text, why));
  };
  if (at == std::string::npos || at == 0) return wrong("");
  Axis axis{.key = text.substr(0, at), .values = cut_at_commas(std::string_view(text).substr(at + 1))};
  for (const std::string& value : axis.values) {
    if (value.empty()) return wrong(": a value is empty");
    if (axis.key == "speed") {
      const auto speed = number_in<double>(value);
      if (!speed || !(*speed >= 1e-3 && *speed <= 1e6)) return wrong(": a speed is a number from 0.001 to 1000000");
    }
    if (axis.key == "seed" && !number_in<std::uint64_t>(value)) return wrong(": a seed is a whole number from 0");
  }
  return axis;
}

void set(GridPoint& point, const std::string& key, const std::string& value) {
  point.values.emplace_back(key, value);
  if (key == "speed") {
    point.speed = number_in<double>(value);
  } else if (key == "seed") {
    point.seed = number_in<std::uint64_t>(value);
  } else if (key == "policy") {
    point.edits.push_back({.text = "frontend.type=srtctl"});
    point.edits.push_back({.text = "frontend.args.policy=" + value});
  } else {
    point.edits.push_back({.text = key + "=" + value});
  }
}

}  // namespace

Result<std::vector<GridPoint>> grid_points(std::span<const std::string> axes) {
  Errors errors;
  std::vector<GridPoint> points(1);
  for (const std::string& text : axes) {
    const auto axis = axis_of(text);
    if (!axis) {
      errors.insert(errors.end(), axis.error().begin(), axis.error().end());
      continue;
    }
    for (const auto& [key, value] : points.front().values) {
      if (key == axis->key)
        errors.push_back(
            {.what = fmt::format("--grid has the key '{}' twice", key), .hint = {}, .file = {}, .source_line = {}});
    }
    if (points.size() * axis->values.size() > kMostPoints)
      return fail("--grid has more than a million points", "leave values out");
    std::vector<GridPoint> more;
    more.reserve(points.size() * axis->values.size());
    for (const GridPoint& point : points) {
      for (const std::string& value : axis->values) set(more.emplace_back(point), axis->key, value);
    }
    points = std::move(more);
  }
  if (!errors.empty()) return fail(std::move(errors));
  return points;
}

}  // namespace infbench::cli
