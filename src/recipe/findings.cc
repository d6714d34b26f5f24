#include "recipe/findings.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace infbench::recipe {

void Findings::add_file(std::string name, std::string_view text) {
  INFBENCH_CHECK(sources_.empty());
  Source source{std::move(name), {}};
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    source.lines.emplace_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  sources_.push_back(std::move(source));
}

int Findings::add_set(const std::string& text) {
  INFBENCH_CHECK(!sources_.empty());
  sources_.push_back({sources_.front().name + ": --set", {"--set " + text}});
  return static_cast<int>(sources_.size()) - 1;
}

void Findings::add(const Place& place, std::string what, std::string hint) {
  add_hidden(place, std::move(what), std::move(hint));
  const Source& source = sources_[static_cast<std::size_t>(place.source)];
  const auto row = place.source == 0 ? static_cast<std::size_t>(place.line) : 1;
  if (row >= 1 && row <= source.lines.size()) found_.back().error.source_line = source.lines[row - 1];
}

void Findings::add_hidden(const Place& place, std::string what, std::string hint) {
  const Source& source = sources_[static_cast<std::size_t>(place.source)];
  found_.push_back({place, Error{.what = std::move(what),
                                 .hint = std::move(hint),
                                 .file = source.name,
                                 .line = place.line,
                                 .column = place.column,
                                 .source_line = {}}});
}

Errors Findings::take() {
  std::ranges::stable_sort(found_, {}, &Finding::place);
  Errors errors;
  for (Finding& finding : found_) {
    const auto same = [&](const Error& seen) {
      return std::tie(seen.what, seen.file, seen.line, seen.column) ==
             std::tie(finding.error.what, finding.error.file, finding.error.line, finding.error.column);
    };
    if (std::ranges::none_of(errors, same)) errors.push_back(std::move(finding.error));
  }
  found_.clear();
  return errors;
}

}  // namespace infbench::recipe
