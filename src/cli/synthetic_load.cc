#include "cli/synthetic_load.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/number.h"

namespace infbench::cli {
namespace {

constexpr std::int64_t kMost = 10'000'000;
constexpr std::int64_t kRequestsEach = 10;  // what aiconfigurator's and many others' clients send for each at a time

struct Field {
  std::string_view name;
  std::optional<std::int64_t> value = {};
  bool given = false;
};
using Fields = std::array<Field, 4>;

void add_error(Errors& errors, std::string what, std::string hint = {}) {
  errors.push_back({.what = "--synthetic: " + std::move(what), .hint = std::move(hint), .file = {}, .source_line = {}});
}

void read_field(std::string_view part, Fields& fields, Errors& errors) {
  const std::size_t equals = part.find('=');
  const std::string_view name = part.substr(0, equals);
  const auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  if (equals == std::string_view::npos || field == fields.end()) {
    std::vector<std::string_view> names;
    for (const Field& known : fields) names.push_back(known.name);
    add_error(errors, fmt::format("expected KEY=NUMBER with a key of {}, found '{}'", fmt::join(names, ", "), part),
              did_you_mean(name, names));
    return;
  }
  if (field->given) return add_error(errors, fmt::format("{} is given twice", name));
  field->given = true;
  const std::string_view text = part.substr(equals + 1);
  const std::int64_t value = number_in<std::int64_t>(text).value_or(0);
  if (value < 1 || value > kMost) {
    return add_error(errors, fmt::format("{}: expected a whole number from 1 to {}, found '{}'", name, kMost, text));
  }
  field->value = value;
}

}  // namespace

Result<simulate::ClosedLoop> closed_loop_of(std::string_view text) {
  Fields fields{{{.name = "isl"}, {.name = "osl"}, {.name = "concurrency"}, {.name = "requests"}}};
  Errors errors;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    read_field(text.substr(begin, end - begin), fields, errors);
    begin = end + 1;
  }
  for (const Field& field : fields) {
    if (!field.given && field.name != "requests") {
      add_error(errors, fmt::format("{} is missing", field.name),
                "a whole load is isl=1024,osl=256,concurrency=64,requests=512");
    }
  }
  if (!errors.empty()) return fail(std::move(errors));
  const auto& [input, output, concurrency, requests] = fields;
  return simulate::ClosedLoop{.input = *input.value,
                              .output = *output.value,
                              .concurrency = static_cast<int>(*concurrency.value),
                              .requests = requests.value.value_or(std::min(kMost, kRequestsEach * *concurrency.value))};
}

}  // namespace infbench::cli
