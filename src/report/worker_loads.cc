// The block of each worker's load: see comparison.h.
#include <algorithm>

#include <fmt/format.h>

#include "report/comparison.h"
#include "report/terminal.h"
#include "report/text.h"

namespace infbench::report {
namespace {

using measure::RoleLoad;
using measure::Summary;
using measure::WorkerLoad;

constexpr std::size_t kMostListed = 16;  // more workers than this are told by least, mean and most
constexpr std::size_t kNameWidth = 36;
constexpr std::size_t kRatioWidth = 10;
constexpr std::size_t kListAt = kNameWidth + kRatioWidth + 2;

std::string list_of(const std::vector<double>& values, int decimals) {
  if (values.size() > kMostListed) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    double sum = 0;
    for (const double value : values) sum += value;
    return fmt::format("least {}, mean {}, most {}", grouped(*least, decimals),
                       grouped(sum / static_cast<double>(values.size()), decimals), grouped(*most, decimals));
  }
  std::string out;
  for (const double value : values) out += (out.empty() ? "" : " ") + grouped(value, decimals);
  return out;
}

std::string line_of(std::string_view role, std::string_view what, std::optional<double> ratio,
                    const std::vector<double>& values, int decimals) {
  const std::string name = fmt::format("  {:<8}{}", role, what);
  const std::string head = pad_right(name, kNameWidth) + pad_left(ratio ? grouped(*ratio, 2) : "", kRatioWidth) + "  ";
  const std::string list = wrap(list_of(values, decimals), kColumns - kListAt, 0);
  std::string out;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = list.find('\n', at) + 1;
    out += (at == 0 ? head : std::string(kListAt, ' ')) + list.substr(at, end - at);
    at = end;
  }
  return out;
}

template <typename ValueOf>
std::vector<double> values_of(const Summary& summary, Role role, ValueOf value_of) {
  std::vector<double> values;
  for (const WorkerLoad& load : summary.workers) {
    if (load.info.role == role) values.push_back(value_of(load));
  }
  return values;
}

std::string lines_of_role(const Summary& summary, const RoleLoad& role) {
  const auto requests = [](const WorkerLoad& load) { return static_cast<double>(load.requests); };
  const auto uncomputed = [](const WorkerLoad& load) { return static_cast<double>(load.uncomputed_tokens) / 1000; };
  const auto peak = [](const WorkerLoad& load) { return 100 * load.kv_peak_fraction().value_or(0); };
  const std::string name(infbench::name_of(role.role));
  std::string out = line_of(name, "requests", role.requests_max_over_mean, values_of(summary, role.role, requests), 0);
  if (role.role != Role::decode) {
    out +=
        line_of("", "uncomputed tokens (1000s)", role.uncomputed_max_over_mean, values_of(summary, role.role, uncomputed), 0);
  }
  if (summary.kv_peak_fraction()) {
    out += line_of("", "peak KV (%)", std::nullopt, values_of(summary, role.role, peak), 0);
  }
  return out;
}

}  // namespace

std::string worker_loads(const RunResult& run) {
  std::string out;
  for (const RoleLoad& role : run.summary.roles) out += lines_of_role(run.summary, role);
  return out;
}

}  // namespace infbench::report
