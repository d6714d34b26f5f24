#include "recipe/text_rules.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "base/number.h"

namespace infbench::recipe {
namespace {

constexpr std::size_t kLongestName = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }
bool is_blank_or_control(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

// n numbers with n - 1 colons between them; n.
std::size_t numbers_with_colons(std::string_view text) {
  std::size_t count = 0;
  while (true) {
    const std::size_t end = text.find(':');
    if (!all_digits(text.substr(0, end))) return 0;
    ++count;
    if (end == std::string_view::npos) return count;
    text.remove_prefix(end + 1);
  }
}

bool is_name_character(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; }

// An absolute path that can stand in a list of mounts, where ',' and ':' separate, and that names what it seems to name.
bool is_mountable(std::string_view text) {
  const auto breaks = [](char c) { return c == ',' || c == ':' || c == '{' || c == '}' || is_control(c); };
  if (!text.starts_with('/') || std::ranges::any_of(text, breaks)) return false;
  return text.find("/../") == std::string_view::npos && !text.ends_with("/..");
}

// hf:org/name
bool is_repository(std::string_view text) {
  constexpr std::string_view kPrefix = "hf:";
  if (!text.starts_with(kPrefix)) return false;
  text.remove_prefix(kPrefix.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const auto part = [](std::string_view name) {
    return !name.empty() && (is_letter(name.front()) || is_digit(name.front())) && std::ranges::all_of(name, is_name_character);
  };
  return part(text.substr(0, slash)) && part(text.substr(slash + 1));
}

// The variable's name at the beginning of what follows a '$', and how long that is with its braces; 0: it is none.
std::pair<std::string_view, std::size_t> variable_at(std::string_view text) {
  const bool braces = text.starts_with('{');
  std::string_view name = text.substr(braces ? 1 : 0);
  const auto end = std::ranges::find_if_not(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  name = name.substr(0, static_cast<std::size_t>(end - name.begin()));
  if (!check_variable(name).empty()) return {{}, 0};
  if (!braces) return {name, name.size()};
  return text.substr(name.size() + 1).starts_with('}') ? std::pair{name, name.size() + 2}
                                                       : std::pair{std::string_view{}, std::size_t{0}};
}

}  // namespace

std::string_view check_name(std::string_view text) {
  constexpr std::string_view kExpected =
      "expected a name of at most 128 letters, digits, '.', '_' and '-' that begins with a letter or digit";
  if (text.empty() || text.size() > kLongestName || !std::ranges::all_of(text, is_name_character)) return kExpected;
  return is_letter(text.front()) || is_digit(text.front()) ? std::string_view{} : kExpected;
}

std::string_view check_word(std::string_view text) {
  if (text.empty() || text.starts_with('-') || std::ranges::any_of(text, is_blank_or_control)) {
    return "expected one word without blanks that does not begin with '-'";
  }
  return {};
}

std::string_view check_line(std::string_view text) {
  return std::ranges::none_of(text, is_control) ? std::string_view{} : "expected text on one line without control characters";
}

std::string_view check_not_empty(std::string_view text) {
  return std::ranges::all_of(text, is_blank_or_control) ? "expected text" : std::string_view{};
}

std::string_view check_absolute_path(std::string_view text) {
  return is_mountable(text) ? std::string_view{} : "expected an absolute path without ',', ':', '{' or '..'";
}

bool is_own_mount(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path == "/model" || path == "/logs" || path == "/configs";
}

std::string_view check_mount_target(std::string_view text) {
  if (is_own_mount(text)) return "expected another place than /model, /logs and /configs, which srtctl mounts itself";
  return check_absolute_path(text);
}

std::string_view check_model_path(std::string_view text) {
  if (is_mountable(text) || is_repository(text)) return {};
  return "expected an absolute path without ',', ':', '{' or '..', hf:org/name, or an alias of model_paths in srtslurm.yaml";
}

std::string_view check_image(std::string_view text) { return text.empty() ? std::string_view{} : check_word(text); }

std::string_view check_mount(std::string_view text) {
  const std::size_t first = text.find(':');
  if (first != std::string_view::npos && is_mountable(text.substr(0, first))) {
    const std::string_view rest = text.substr(first + 1);
    const std::size_t second = rest.find(':');
    const std::string_view mode = second == std::string_view::npos ? "rw" : rest.substr(second + 1);
    if (is_mountable(rest.substr(0, second)) && (mode == "ro" || mode == "rw")) return {};
  }
  return "expected /node-folder:/container-folder, with :ro behind it for reading only";
}

std::string_view check_file_name(std::string_view text) {
  const bool plain = std::ranges::all_of(text, is_name_character) && !text.starts_with('.') && !text.starts_with('-');
  return plain ? std::string_view{} : "expected the plain name of a file: letters, digits, '.', '_' and '-', without folders";
}

std::string_view check_log_dir(std::string_view text) {
  constexpr std::string_view kExpected =
      "expected an absolute path, or one below the output folder without '..', and no braces but {job_id}";
  constexpr std::string_view kJob = "{job_id}";
  std::string path(text);
  for (std::size_t at = path.find(kJob); at != std::string::npos; at = path.find(kJob, at)) path.replace(at, kJob.size(), "0");
  if (!path.starts_with('/')) path.insert(0, "/");
  return !text.empty() && is_mountable(path) ? std::string_view{} : kExpected;
}

std::string_view check_option(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; };
  const bool option = !text.empty() && text.front() >= 'a' && text.front() <= 'z' && std::ranges::all_of(text, fits);
  return option ? std::string_view{} : "expected a long option without its --: small letters, digits and '-'";
}

std::string_view check_interface(std::string_view text) {
  constexpr std::size_t kLongest = 15;  // IFNAMSIZ - 1
  const bool fits = text.size() <= kLongest && std::ranges::all_of(text, is_name_character) && !text.starts_with('-');
  return fits ? std::string_view{} : "expected the name of a network interface, like eth0";
}

std::string_view check_address(std::string_view text) {
  const auto fits = [](char c) { return is_name_character(c) || c == ':'; };
  const bool address = !text.empty() && !text.starts_with('-') && std::ranges::all_of(text, fits);
  return address ? std::string_view{} : "expected an IP address, like 0.0.0.0";
}

std::string_view check_time_limit(std::string_view text) {
  constexpr std::string_view kExpected = "expected a time as Slurm writes it: hours:minutes:seconds, days-hours or minutes";
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos && !all_digits(text.substr(0, dash))) return kExpected;
  const std::size_t numbers = numbers_with_colons(dash == std::string_view::npos ? text : text.substr(dash + 1));
  return numbers >= 1 && numbers <= 3 ? std::string_view{} : kExpected;
}

std::string_view check_key(std::string_view text) {
  const bool visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  return visible && !text.empty() ? std::string_view{} : "expected a key of visible ASCII characters";
}

std::string_view check_requirement(std::string_view text) {
  constexpr std::string_view kExpected = "expected FIGURE>=NUMBER or FIGURE<=NUMBER, like goodput_fraction>=0.9";
  const std::size_t at = text.find_first_of("<>");
  if (at == 0 || at == std::string_view::npos || text.substr(at + 1, 1) != "=") return kExpected;
  const bool named = std::ranges::all_of(text.substr(0, at), is_name_character);
  const std::string_view number = text.substr(at + 2);
  return named && number_in<double>(number) ? std::string_view{} : kExpected;
}

std::string_view check_variable(std::string_view text) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  if (text.empty() || is_digit(text.front()) || !std::ranges::all_of(text, fits)) {
    return "expected the name of an environment variable: letters, digits and '_'";
  }
  return {};
}

std::string expand_variables(std::string_view text, std::vector<std::string>& unset) {
  std::string out;
  while (true) {
    const std::size_t dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) return out;
    const auto [name, length] = variable_at(text.substr(dollar + 1));
    const char* value = length > 0 ? std::getenv(std::string(name).c_str()) : nullptr;
    if (length > 0 && value == nullptr) unset.emplace_back(name);
    out += value != nullptr ? std::string_view(value) : text.substr(dollar, length + 1);
    text.remove_prefix(dollar + 1 + length);
  }
}

}  // namespace infbench::recipe
