#include "recipe/document.h"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipe/known_flags.h"
#include "recipe/schema.h"

namespace infbench::recipe {
namespace {

std::string code(std::string_view text) { return fmt::format("`{}`", text); }

std::string codes(Names names) {
  std::vector<std::string> all;
  for (const std::string_view name : names) all.push_back(code(name));
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string capitalized(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

// A cell of a table: '|' would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

// What a field is before anything is read into it.
struct DefaultText {
  std::string operator()(const std::string* text) const { return text->empty() ? "empty" : code(*text); }
  std::string operator()(const std::int64_t* number) const { return fmt::format("{}", *number); }
  std::string operator()(const double* number) const { return fmt::format("{}", *number); }
  std::string operator()(const bool* truth) const { return *truth ? "true" : "false"; }
  std::string operator()(KvEventsSlot) const { return "false"; }
  template <typename T>
  std::string operator()(const T*) const {
    return "-";
  }
};

std::string range_text(const Range& range) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  if (range.least == -kNone && range.most == kNone) return {};
  return fmt::format("{} {} to {}", range.above ? "above" : "from", range.least, range.most);
}

// The rule of a text in words: what it says of a text that breaks every rule.
std::string check_text(TextCheck check) {
  if (check == nullptr) return {};
  std::string_view expected = check("\n");
  constexpr std::string_view kExpected = "expected ";
  if (expected.starts_with(kExpected)) expected.remove_prefix(kExpected.size());
  return std::string(expected);
}

std::string values_of(const BoundField& field) {
  const Rule& rule = field.rule;
  if (!rule.choices.empty()) return codes(rule.choices);
  if (std::string range = range_text(rule.range); !range.empty()) return range;
  const bool variables = std::holds_alternative<StringMap*>(field.slot) && rule.key_check == nullptr;
  if (variables) return "keys: letters, digits and '_'";
  std::string text = check_text(rule.check);
  if (rule.key_check != nullptr && rule.key_check != rule.check) {
    text = fmt::format("keys: {}; values: {}", check_text(rule.key_check), text);
  }
  return text;
}

std::string meaning_of(const Rule& rule) {
  std::string text(rule.doc);
  if (!rule.types.empty()) text += fmt::format(". Of {}", codes(rule.types));
  if (!rule.needed_by.empty()) text += fmt::format(". Required by {}", codes(rule.needed_by));
  if (!rule.client.empty()) text += fmt::format(". Of client {}", code(rule.client));
  if (rule.expand) text += ". `$NAME` and `${NAME}` are taken from the environment";
  if (!rule.owned_keys.empty()) {
    std::vector<std::string> owned;
    for (const Refused& key : rule.owned_keys) owned.push_back(code(key.name));
    text += fmt::format(". Set by srtctl itself: {}", fmt::join(owned, ", "));
  }
  return text;
}

// Those of one reason in one line, in the order of the table.
void write_reasons(std::span<const Refused> refused, std::string& out) {
  std::vector<std::string_view> written;
  for (const Refused& key : refused) {
    if (std::ranges::find(written, key.why) != written.end()) continue;
    written.push_back(key.why);
    std::vector<std::string> names;
    for (const Refused& other : refused) {
      if (other.why == key.why) names.push_back(code(other.name));
    }
    out += fmt::format("- {}: {}\n", fmt::join(names, ", "), key.why);
  }
}

void write_refused(const BoundSection& section, std::string_view path, std::string& out) {
  if (!section.refused.empty()) {
    out += fmt::format("\nNot supported{}:\n\n", path.empty() ? "" : fmt::format(" in {}", code(path)));
    write_reasons(section.refused, out);
  }
  for (const BoundField& field : section.fields) {
    if (field.rule.refused.empty()) continue;
    out += fmt::format("\nNot supported as {}:\n\n", code(fmt::format("{}.{}", path, field.key)));
    write_reasons(field.rule.refused, out);
  }
}

void write_section(const BoundSection& section, const std::string& path, std::string_view title, std::string& out) {
  out += fmt::format("\n### {}\n\n{}{}.\n\n", path.empty() ? std::string(title) : code(path), capitalized(section.doc),
                     section.required && !path.empty() ? "; required" : "");
  out += "| key | type | default | values | meaning |\n|---|---|---|---|---|\n";
  for (const BoundField& field : section.fields) {
    const std::string fallback = field.rule.required ? "required" : std::visit(DefaultText{}, field.slot);
    out += fmt::format("| {} | {} | {} | {} | {} |\n", code(field.key), type_name(field.slot), fallback, cell(values_of(field)),
                       cell(meaning_of(field.rule)));
  }
  if (!section.ignored.empty()) out += fmt::format("\nMay stand there and mean nothing: {}.\n", codes(section.ignored));
  write_refused(section, path, out);
  for (const BoundSection& inner : section.sections) {
    write_section(inner, path.empty() ? std::string(inner.key) : fmt::format("{}.{}", path, inner.key), title, out);
  }
}

void write_flags(const FlagTable& table, std::string_view where, std::string& out) {
  out += fmt::format("| {} | {} | {} | {} |\n", where, table.program, table.flags.size(), codes(table.planned));
}

}  // namespace

std::string key_reference() {
  std::string out = "\n## Keys of a recipe\n";
  Recipe recipe;
  write_section(bind_schema(recipe), "", "The recipe itself", out);
  out += "\n## Keys of srtslurm.yaml\n";
  Cluster cluster;
  HealthCheck health_check;
  write_section(bind_cluster_schema(cluster, health_check), "", "The file itself", out);
  out +=
      "\n## Flags\n\nMappings of flags are checked against the flags that the program has, with its types; `_` in a name is "
      "`-`, "
      "`true` gives the bare flag, `false` and null leave it out, a list gives several words, a mapping its JSON.\n\n"
      "| where | program | flags known | set by srtctl itself |\n|---|---|---|---|\n";
  write_flags(sglang_server_flags(), "`backend.sglang_config.*`", out);
  write_flags(vllm_server_flags(), "`backend.vllm_config.aggregated`", out);
  write_flags(sglang_router_flags(), "`frontend.args`, type sglang", out);
  write_flags(srtctl_route_flags(), "`frontend.args`, type srtctl", out);
  write_flags(aiperf_flags(), "`benchmark.aiperf_args`", out);
  return out;
}

}  // namespace infbench::recipe
