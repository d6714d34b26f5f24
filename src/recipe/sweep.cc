#include "recipe/sweep.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "recipe/overrides.h"
#include "recipe/scalar.h"
#include "recipe/variants.h"

namespace infbench::recipe {
namespace {

constexpr std::size_t kMostSuffix = 64;  // bytes added to a recipe's name

// Placeholders that are filled in when a run starts, not by a sweep.
constexpr auto kOfTheRun =
    std::to_array<std::string_view>({"job_id", "run_name", "node", "node_id", "host", "port", "index", "head_node_ip",
                                     "log_dir", "model_path", "frontend_url", "nginx_url"});

// Scripts may have words in braces of their own.
bool is_script(std::string_view path) { return path == "benchmark.command"; }

struct Parameter {
  std::string_view name;
  const Entry* entry = nullptr;
  bool used = false;

  const std::vector<Node>& values() const { return entry->value.items; }
};

struct Sweep {
  std::vector<Parameter> parameters;
  bool zip = false;

  Parameter* find(std::string_view name) {
    const auto found = std::ranges::find(parameters, name, &Parameter::name);
    return found != parameters.end() ? &*found : nullptr;
  }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> out;
    for (const Parameter& parameter : parameters) out.push_back(parameter.name);
    return out;
  }
};

bool is_name_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && ((c >= '0' && c <= '9') || c == '-'));
}

bool is_name(std::string_view text) {
  return !text.empty() && is_name_char(text[0], true) &&
         std::ranges::all_of(text, [](char c) { return is_name_char(c, false); });
}

// A "{name}" in a text: [begin, end) with the braces.
struct Placeholder {
  std::size_t begin = 0, end = 0;
  std::string_view name;
};

// The next one at or after `from`. "${x}" is the shell's, "{{x}}" that of other templates.
std::optional<Placeholder> next_placeholder(std::string_view text, std::size_t from) {
  for (std::size_t open = text.find('{', from); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find_first_of("{}", open + 1);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view name = text.substr(open + 1, close - open - 1);
    const bool foreign = open > 0 && (text[open - 1] == '$' || text[open - 1] == '{');
    if (text[close] == '}' && !foreign && is_name(name)) return Placeholder{open, close + 1, name};
  }
  return std::nullopt;
}

// ---- reading the section

void read_parameters(const Node& map, Sweep& sweep, Findings& findings) {
  if (map.kind != Node::Kind::map || map.entries.empty()) {
    findings.add(map.place,
                 fmt::format("sweep: expected a mapping of parameters, found {}",
                             map.kind == Node::Kind::map ? "an empty one" : describe(map)),
                 "write sweep: {parameter: [value, value]}");
    return;
  }
  for (const Entry& entry : map.entries) {
    if (!is_name(entry.key)) {
      findings.add(entry.place, fmt::format("sweep: expected the name of a parameter, found '{}'", entry.key),
                   "use letters, digits, '_' and '-'");
    } else if (std::ranges::find(kOfTheRun, entry.key) != kOfTheRun.end()) {
      findings.add(entry.place, fmt::format("sweep: '{}' is filled in when a run starts", entry.key),
                   "give the parameter another name");
    } else if (entry.value.kind != Node::Kind::list) {
      findings.add(entry.value.place,
                   fmt::format("sweep.{}: expected a list of values, found {}", entry.key, describe(entry.value)),
                   fmt::format("write {}: [value, value]", entry.key));
    } else if (entry.value.items.empty()) {
      findings.add(entry.value.place, fmt::format("sweep.{}: expected at least one value, found an empty list", entry.key));
    } else if (map.find(entry.key) == &entry) {
      sweep.parameters.push_back({entry.key, &entry, false});
    }
  }
}

void read_mode(const Node& mode, Sweep& sweep, Findings& findings) {
  sweep.zip = mode.kind == Node::Kind::scalar && mode.text == "zip";
  if (sweep.zip || (mode.kind == Node::Kind::scalar && mode.text == "grid")) return;
  const std::vector<std::string_view> modes{"grid", "zip"};
  const bool text = mode.kind == Node::Kind::scalar;
  findings.add(mode.place,
               text ? fmt::format("sweep.mode: expected one of grid, zip, found '{}'", mode.text)
                    : fmt::format("sweep.mode: expected one of grid, zip, found {}", describe(mode)),
               text ? did_you_mean(mode.text, modes) : "");
}

// In a zip all parameters have as many values; told at those that differ from what most have.
void check_lengths(const Sweep& sweep, Findings& findings) {
  const auto alike = [&](const Parameter& of) {
    return std::ranges::count_if(sweep.parameters, [&](const Parameter& p) { return p.values().size() == of.values().size(); });
  };
  const auto most = std::ranges::max_element(sweep.parameters, {}, alike);
  for (const Parameter& parameter : sweep.parameters) {
    if (parameter.values().size() == most->values().size()) continue;
    findings.add(parameter.entry->value.place,
                 fmt::format("sweep.{}: expected {} values, as {} on line {} has, found {}", parameter.name,
                             most->values().size(), most->name, most->entry->place.line, parameter.values().size()),
                 "give all parameters as many values, or use mode: grid");
  }
}

// None: something is wrong with it.
std::optional<Sweep> read_sweep(const Node& section, Findings& findings) {
  const std::size_t before = findings.size();
  Sweep sweep;
  const Entry* mode = section.find("mode");
  const Entry* parameters = section.find("parameters");
  const bool long_form = (mode != nullptr && mode->value.kind != Node::Kind::list) ||
                         (parameters != nullptr && parameters->value.kind == Node::Kind::map);
  if (!long_form) {
    read_parameters(section, sweep, findings);
  } else {
    for (const Entry& entry : section.entries) {
      if (entry.key == "mode" || entry.key == "parameters") continue;
      const std::vector<std::string_view> known{"mode", "parameters"};
      std::string hint = did_you_mean(entry.key, known);
      findings.add(entry.place, fmt::format("unknown key '{}' in sweep", entry.key),
                   hint.empty() ? "move it into parameters" : std::move(hint));
    }
    if (mode != nullptr) read_mode(mode->value, sweep, findings);
    if (parameters != nullptr) read_parameters(parameters->value, sweep, findings);
    if (parameters == nullptr)
      findings.add(section.place, "missing key 'parameters' in sweep", "write parameters: {name: [value]}");
  }
  if (findings.size() == before && sweep.zip) check_lengths(sweep, findings);
  if (findings.size() != before) return std::nullopt;
  return sweep;
}

// ---- checking the places where parameters are used

class UseCheck {
 public:
  UseCheck(Sweep& sweep, Findings& findings) : sweep_(sweep), findings_(findings) {}

  void check(const Node& node, const std::string& path) {
    if (node.kind == Node::Kind::scalar) return check_text(node, path);
    for (const Node& item : node.items) check(item, path);
    if (node.kind != Node::Kind::map || is_bare_placeholder(node)) return;
    for (const Entry& entry : node.entries) check(entry.value, join_path(path, entry.key));
  }

 private:
  // {mem} without quotes, which is a mapping with one key.
  bool is_bare_placeholder(const Node& node) {
    if (!node.flow || node.entries.size() != 1 || node.entries[0].value.kind != Node::Kind::null) return false;
    const std::string& key = node.entries[0].key;
    Parameter* parameter = sweep_.find(key);
    const std::string_view meant = parameter != nullptr ? parameter->name : nearest(key, sweep_.names());
    if (meant.empty()) return false;
    sweep_.find(meant)->used = true;
    findings_.add(node.place, fmt::format("expected the placeholder \"{{{}}}\", found a mapping with the key '{}'", meant, key),
                  fmt::format("write \"{{{}}}\" in quotes, without blanks", meant));
    return true;
  }

  void check_text(const Node& node, const std::string& path) {
    std::size_t from = 0;
    while (const auto placeholder = next_placeholder(node.text, from)) {
      from = placeholder->end;
      const bool whole = placeholder->begin == 0 && placeholder->end == node.text.size();
      if (Parameter* parameter = sweep_.find(placeholder->name)) {
        parameter->used = true;
        if (!whole) check_fits_text(*parameter, node);
        continue;
      }
      if (std::ranges::find(kOfTheRun, placeholder->name) != kOfTheRun.end()) continue;
      const std::string_view meant = nearest(placeholder->name, sweep_.names());
      if (meant.empty() && is_script(path)) continue;
      if (!meant.empty()) sweep_.find(meant)->used = true;
      findings_.add(node.place, fmt::format("{}: '{{{}}}' is no parameter of the sweep", path, placeholder->name),
                    meant.empty() ? "add it to sweep" : fmt::format("did you mean '{{{}}}'?", meant));
    }
  }

  void check_fits_text(const Parameter& parameter, const Node& where) {
    for (const Node& value : parameter.values()) {
      const bool list = value.kind == Node::Kind::list;
      const bool words = list && std::ranges::all_of(value.items, [](const Node& n) { return n.kind == Node::Kind::scalar; });
      if (value.kind == Node::Kind::scalar || words) continue;
      findings_.add(value.place,
                    fmt::format("sweep.{}: expected a value that can stand within a text (line {}), found {}", parameter.name,
                                where.place.line, describe(value)),
                    fmt::format("let the text be \"{{{}}}\" and nothing more", parameter.name));
    }
  }

  Sweep& sweep_;
  Findings& findings_;
};

// ---- points

using Point = std::vector<std::size_t>;  // of each parameter which of its values

// "0.8"; in quotes where two different values could look the same otherwise.
std::string shown(const Node& value) {
  if (value.kind == Node::Kind::null) return "null";
  std::string out;
  if (value.kind == Node::Kind::list) {
    for (const Node& item : value.items) out += (out.empty() ? "" : ",") + shown(item);
    return fmt::format("[{}]", out);
  }
  if (value.kind == Node::Kind::map) {
    for (const Entry& entry : value.entries)
      out += fmt::format("{}{}:{}", out.empty() ? "" : ",", entry.key, shown(entry.value));
    return fmt::format("{{{}}}", out);
  }
  Node bare = value;
  bare.plain = true;
  const bool same = value.plain || std::holds_alternative<std::string>(classify(bare).value.data);
  const bool words = !value.text.empty() && value.text.find_first_of(",=\"[]{}") == std::string::npos;
  return same && words && value.text != "null" ? value.text : fmt::format("\"{}\"", value.text);
}

std::string text_of(const Node& value) {
  if (value.kind != Node::Kind::list) return value.text;
  std::string out;
  for (const Node& item : value.items) out += (out.empty() ? "" : ",") + item.text;
  return out;
}

class Filler {
 public:
  Filler(const Sweep& sweep, const Point& point) : sweep_(sweep), point_(point) {}

  void fill(Node& node) const {
    for (Node& item : node.items) fill(item);
    for (Entry& entry : node.entries) fill(entry.value);
    if (node.kind != Node::Kind::scalar) return;
    std::string out;
    std::size_t from = 0;
    std::size_t copied = 0;
    while (const auto placeholder = next_placeholder(node.text, from)) {
      from = placeholder->end;
      const Node* value = value_of(placeholder->name);
      if (value == nullptr) continue;
      if (placeholder->begin == 0 && placeholder->end == node.text.size()) {
        node = Node(*value);
        return;
      }
      out.append(node.text, copied, placeholder->begin - copied).append(text_of(*value));
      copied = from;
    }
    if (copied == 0) return;
    node.text = out.append(node.text, copied);
    node.plain = false;  // "80{x}" is a text whatever x is
  }

  std::string name() const {
    std::string out;
    for (std::size_t i = 0; i < point_.size(); ++i) {
      const Parameter& parameter = sweep_.parameters[i];
      out += fmt::format("{}{}={}", i == 0 ? "" : ",", parameter.name, shown(parameter.values()[point_[i]]));
    }
    return out;
  }

  // What the reference adds to the recipe's name.
  std::string suffix() const {
    std::string out;
    for (std::size_t i = 0; i < point_.size(); ++i) {
      const Parameter& parameter = sweep_.parameters[i];
      out += fmt::format("_{}{}", parameter.name, text_of(parameter.values()[point_[i]]));
    }
    return fit_name(out, "._-", kMostSuffix);
  }

 private:
  const Node* value_of(std::string_view name) const {
    for (std::size_t i = 0; i < point_.size(); ++i) {
      if (sweep_.parameters[i].name == name) return &sweep_.parameters[i].values()[point_[i]];
    }
    return nullptr;
  }

  const Sweep& sweep_;
  const Point& point_;
};

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += count_nodes(item);
  for (const Entry& entry : node.entries) count += count_nodes(entry.value);
  return count;
}

// How many points; more than `most`: at least one more than that.
std::size_t count_points(const Sweep& sweep, std::size_t most) {
  if (sweep.zip) return sweep.parameters.front().values().size();
  std::size_t points = 1;
  for (const Parameter& parameter : sweep.parameters) {
    if (parameter.values().size() > most) return most + 1;
    points *= parameter.values().size();
    if (points > most) return most + 1;
  }
  return points;
}

Point point_at(const Sweep& sweep, std::size_t index) {
  if (sweep.zip) return Point(sweep.parameters.size(), index);
  Point point(sweep.parameters.size());
  for (std::size_t i = point.size(); i-- > 0;) {
    const std::size_t values = sweep.parameters[i].values().size();
    point[i] = index % values;
    index /= values;
  }
  return point;
}

// `name` is the recipe's; one with a placeholder in it is the user's own choice of names.
void name_recipe(const Entry* given, const std::string& suffix, Node& root) {
  Entry* name = root.find("name");
  if (name == nullptr || name->value.kind != Node::Kind::scalar || next_placeholder(given->value.text, 0).has_value()) return;
  name->value.text += suffix;
}

bool within(ExpansionLimit& left, std::size_t recipes, std::size_t nodes, const Place& place, Findings& findings) {
  if (recipes > left.recipes) {
    findings.add(place, fmt::format("more than {} recipes in one file", ExpansionLimit::kMostRecipes), "give fewer values");
    return false;
  }
  if (recipes * nodes > left.nodes) {
    findings.add(place, "the recipes of this file are too large together", "give fewer values, or use fewer aliases");
    return false;
  }
  left.recipes -= recipes;
  left.nodes -= recipes * nodes;
  return true;
}

std::vector<SweepPoint> points_of(const Sweep& sweep, const Node& root, std::size_t count, Findings& findings) {
  std::vector<SweepPoint> out;
  std::set<std::string> taken;
  const Entry* name = root.find("name");
  for (std::size_t i = 0; i < count; ++i) {
    const Point point = point_at(sweep, i);
    const Filler filler(sweep, point);
    if (!taken.insert(filler.name()).second) {
      // What differs from the point before, in a grid, is the value written twice.
      std::size_t which = point.size() - 1;
      while (which > 0 && point[which] == 0) --which;
      findings.add(sweep.parameters[which].values()[point[which]].place,
                   fmt::format("sweep: the values {} stand here twice", filler.name()), "remove one of them");
      continue;
    }
    SweepPoint& made = out.emplace_back(SweepPoint{filler.name(), root});
    filler.fill(made.root);
    name_recipe(name, filler.suffix(), made.root);
  }
  return out;
}

}  // namespace

std::vector<SweepPoint> expand_sweep(Node&& root, bool complete, ExpansionLimit& left, Findings& findings) {
  const auto section = std::ranges::find(root.entries, "sweep", &Entry::key);
  if (section == root.entries.end()) {
    if (!within(left, 1, count_nodes(root), root.place, findings)) return {};
    std::vector<SweepPoint> out;
    out.push_back({{}, std::move(root)});
    return out;
  }
  const Entry swept = *section;
  std::erase_if(root.entries, [](const Entry& entry) { return entry.key == "sweep"; });
  std::optional<Sweep> sweep = read_sweep(swept.value, findings);
  if (!sweep.has_value()) return {};
  const std::size_t before = findings.size();
  UseCheck(*sweep, findings).check(root, "");
  const std::size_t count = count_points(*sweep, left.recipes);
  const bool usable = within(left, count, count_nodes(root), swept.place, findings) && findings.size() == before;
  for (const Parameter& parameter : sweep->parameters) {
    if (parameter.used || !complete) continue;
    findings.add(parameter.entry->place, fmt::format("sweep: the parameter '{}' is used nowhere", parameter.name),
                 fmt::format("write \"{{{}}}\" where its values belong", parameter.name));
  }
  return usable ? points_of(*sweep, root, count, findings) : std::vector<SweepPoint>{};
}

}  // namespace infbench::recipe
