#include "recipe/findings.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/check.h"
#include "recipe/secrets.h"

namespace infbench::recipe {
namespace {

constexpr std::size_t kMostErrors = 50;  // nobody reads more

}  // namespace

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

int Findings::add_edit(std::string_view option, const std::string& text) {
  INFBENCH_CHECK(!sources_.empty());
  sources_.push_back({fmt::format("{}: {}", sources_.front().name, option), {fmt::format("{} {}", option, text)}});
  return static_cast<int>(sources_.size()) - 1;
}

void Findings::add(const Place& place, std::string what, std::string hint) {
  add_hidden(place, std::move(what), std::move(hint));
  found_.back().shown = true;
}

void Findings::show_line(Finding& finding) const {
  const Source& source = sources_[static_cast<std::size_t>(finding.place.source)];
  const auto row = finding.place.source == 0 ? static_cast<std::size_t>(finding.place.line) : 1;
  if (row < 1 || row > source.lines.size()) return;
  const std::string& line = source.lines[row - 1];
  // yaml-cpp counts on behind the end of a line: carriage returns there, and what it still expects at the end of the file.
  finding.error.column = std::min(finding.error.column, static_cast<int>(line.size()) + 1);
  if (finding.shown && !continues_a_secret(source.lines, row - 1)) finding.error.source_line = line_without_secrets(line);
}

void Findings::add_hidden(const Place& place, std::string what, std::string hint) {
  const Source& source = sources_[static_cast<std::size_t>(place.source)];
  found_.push_back({place,
                    Error{.what = std::move(what),
                          .hint = std::move(hint),
                          .file = source.name,
                          .line = place.line,
                          .column = place.column,
                          .source_line = {}},
                    false});
}

std::vector<Finding> Findings::cut(std::size_t from) {
  INFBENCH_CHECK(from <= found_.size());
  const auto first = found_.begin() + static_cast<std::ptrdiff_t>(from);
  std::vector<Finding> out(std::make_move_iterator(first), std::make_move_iterator(found_.end()));
  found_.erase(first, found_.end());
  return out;
}

Errors Findings::take() {
  std::ranges::stable_sort(found_, {}, &Finding::place);
  Errors errors;
  std::size_t here = 0;  // the first error of this place
  Place place;
  for (Finding& finding : found_) {
    if (finding.place != place) here = errors.size();
    place = finding.place;
    const auto same = [&](const Error& seen) { return seen.what == finding.error.what; };
    if (std::none_of(errors.begin() + static_cast<std::ptrdiff_t>(here), errors.end(), same)) {
      if (errors.size() < kMostErrors) show_line(finding);  // of a long line it takes long
      errors.push_back(std::move(finding.error));
    }
  }
  found_.clear();
  if (errors.size() > kMostErrors) {
    const std::size_t more = errors.size() - kMostErrors;
    Error rest{.what = fmt::format("... and {} more error{}", more, more == 1 ? "" : "s"),
               .hint = {},
               .file = errors.back().file,
               .source_line = {}};
    errors.resize(kMostErrors);
    errors.push_back(std::move(rest));
  }
  return errors;
}

}  // namespace infbench::recipe
