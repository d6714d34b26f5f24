#include "recipe/secrets.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/number.h"
#include "base/utf8.h"

namespace infbench::recipe {
namespace {

bool part_is_secret(std::string_view part) {
  constexpr std::array<std::string_view, 5> kEnds{"key", "token", "secret", "password", "passwd"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return part.ends_with(end); });
}

// Each returns whether there was something to hide.
bool hide(StringMap& variables) {
  bool any = false;
  for (auto& [name, value] : variables) {
    if (!is_secret(name)) continue;
    value = kHidden;
    any = true;
  }
  return any;
}

enum class Which : std::uint8_t { every_text, credentials };

bool hide(Value& value, Which which) {
  bool any = false;
  for (Value& item : value.items) any |= hide(item, which);
  auto* text = std::get_if<std::string>(&value.data);
  if (value.kind != Value::Kind::scalar || text == nullptr) return any;
  if (which == Which::credentials && !has_credentials(*text)) return any;
  *text = kHidden;
  return true;
}

bool hide(Flags& flags) {
  std::vector<Flag> all(flags.begin(), flags.end());
  bool any = false;
  for (Flag& flag : all) any |= hide(flag.value, is_secret(flag.name) ? Which::every_text : Which::credentials);
  if (any) flags = Flags(std::move(all));
  return any;
}

bool hide(std::optional<Flags>& flags) { return flags.has_value() && hide(*flags); }

bool hide(Recipe& recipe) {
  Backend& backend = recipe.backend;
  bool any = false;
  for (StringMap* variables : {&recipe.environment, &recipe.frontend.env, &recipe.benchmark.env, &backend.prefill_environment,
                               &backend.decode_environment, &backend.aggregated_environment}) {
    any |= hide(*variables);
  }
  for (Flags* flags : {&recipe.frontend.args, &recipe.benchmark.aiperf_args}) any |= hide(*flags);
  for (EngineConfig* config : {&backend.sglang_config, &backend.vllm_config}) {
    for (std::optional<Flags>* flags : {&config->prefill, &config->decode, &config->aggregated}) any |= hide(*flags);
  }
  return any;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// The name that ends before `end`, in quotes or not; there may be blanks behind it.
std::string_view name_before(std::string_view line, std::size_t end) {
  while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
  if (end > 0 && (line[end - 1] == '"' || line[end - 1] == '\'')) --end;
  std::size_t begin = end;
  while (begin > 0 && is_name_character(line[begin - 1])) --begin;
  return line.substr(begin, end - begin);
}

std::string_view without_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

// Whether what follows a name may be shown: nothing, a number, true or false. Between braces a comma ends it.
bool keeps_nothing(std::string_view rest, bool in_braces) {
  rest = without_blanks(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t,}]#"));
  if (!word.empty() && word != "true" && word != "false" && !number_in<double>(word)) return false;
  const std::string_view behind = without_blanks(rest.substr(word.size()));
  if (behind.empty() || behind.front() == '#') return true;
  return in_braces && (behind.front() == ',' || behind.front() == '}' || behind.front() == ']');
}

bool names_a_secret(std::string_view name) { return is_secret(name) || has_credentials(std::string(name) + ":"); }

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

}  // namespace

bool is_secret(std::string_view name) {
  std::string lower = lower_case(name);
  std::ranges::replace(lower, '-', '_');
  std::string_view rest = lower;
  while (!rest.empty()) {
    const std::size_t end = rest.find('_');
    if (part_is_secret(rest.substr(0, end))) return true;
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return false;
}

bool has_credentials(std::string_view value) {
  constexpr std::string_view kHeader = "authorization:";
  return lower_case(value.substr(0, kHeader.size())) == kHeader;
}

std::string line_without_secrets(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != ':' && line[at] != '=') continue;
    if (!names_a_secret(name_before(line, at))) continue;
    const bool in_braces = line.substr(0, at).find_first_of("{[") != std::string_view::npos;
    if (keeps_nothing(line.substr(at + 1), in_braces)) continue;
    return std::string(line.substr(0, at + 1)) + (line[at] == ':' ? " " : "") + std::string(kHidden);
  }
  return std::string(line);
}

bool continues_a_secret(std::span<const std::string> lines, std::size_t row) {
  const auto has_secret = [](std::string_view line) {
    for (std::size_t at = line.find(':'); at != std::string_view::npos; at = line.find(':', at + 1)) {
      if (names_a_secret(name_before(line, at))) return true;
    }
    return false;
  };
  // An item of a list may stand as far to the left as the name of the list.
  const std::size_t own = indentation(lines[row]);
  std::size_t inner = own + (lines[row].substr(own).starts_with('-') ? 1 : 0);
  bool next = true;  // to the line that is asked for: between braces the indentation says nothing
  for (std::size_t above = row; above-- > 0;) {
    const std::string& line = lines[above];
    const std::size_t outer = indentation(line);
    if (outer == line.size()) continue;
    const bool opens = next && line.find_last_not_of(" \t") == line.rfind(':');
    if ((outer < inner || opens) && has_secret(line)) return true;
    inner = std::min(inner, outer);
    next = false;
  }
  return false;
}

bool has_secrets(const Recipe& recipe) {
  Recipe copy = recipe;
  return hide(copy);
}

Recipe without_secrets(Recipe recipe) {
  hide(recipe);
  return recipe;
}

}  // namespace infbench::recipe
