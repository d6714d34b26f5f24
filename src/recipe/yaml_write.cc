#include "recipe/yaml_write.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/utf8.h"
#include "recipe/scalar.h"

namespace infbench::recipe {
namespace {

constexpr std::size_t kStep = 2;             // spaces per level
constexpr std::size_t kMostInLine = 100;     // bytes of a list on one line
constexpr std::size_t kMostSimpleKey = 900;  // bytes; readers of YAML give up on "key: value" above 1024

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What some reader of YAML takes for null, a truth value or a number though it begins with a letter.
bool is_word_of_yaml(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords{"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  return std::ranges::find(kWords, lower_case(text)) != kWords.end();
}

// Text that is itself without quotes, in a block and in brackets: words such as lmsysorg/sglang:v0.5.6.
bool is_bare_text(std::string_view text) {
  if (text.empty() || text.ends_with(':') || text.ends_with(' ') || is_word_of_yaml(text)) return false;
  if (!is_letter(text.front()) && text.front() != '/' && text.front() != '_') return false;
  constexpr std::string_view kMarks = "_./+-@=: ";
  const auto fits = [&](char c) { return is_letter(c) || is_digit(c) || kMarks.find(c) != std::string_view::npos; };
  return std::ranges::all_of(text, fits) && text.find(": ") == std::string_view::npos;
}

// Characters that readers of YAML take for line ends or drop, though they are printable text in UTF-8.
bool needs_escape(std::string_view character) {
  constexpr std::array<std::string_view, 4> kThem{"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF"};
  return std::ranges::find(kThem, character) != kThem.end();
}

std::string escaped(std::string_view character) {
  if (character == "\xC2\x85") return "\\x85";
  if (character == "\xE2\x80\xA8") return "\\u2028";
  if (character == "\xE2\x80\xA9") return "\\u2029";
  return "\\ufeff";
}

void append_byte(char c, std::string& out) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '\r') {
    out += "\\r";
  } else if (byte < 0x20U || byte == 0x7FU) {
    out += fmt::format("\\x{:02x}", byte);
  } else {
    out += c;
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = std::max<std::size_t>(1, decode_utf8(text, i).bytes);
    const std::string_view character = text.substr(i, bytes);
    if (bytes == 1) {
      append_byte(character.front(), out);
    } else {
      out += needs_escape(character) ? escaped(character) : std::string(character);
    }
    i += bytes;
  }
  return out + '"';
}

// Several lines that a literal block ('|') gives back as they are: scripts, mostly.
bool fits_literal(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == '\n' || text.front() == ' ') return false;
  if (text.ends_with("\n\n")) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if ((byte < 0x20U && text[at] != '\n') || byte >= 0x7FU) return false;
    const bool line_of_spaces = text[at] == ' ' && text[at - 1] == '\n';
    if (line_of_spaces && text.find_first_not_of(' ', at) == std::string_view::npos) return false;
    if (line_of_spaces && text[text.find_first_not_of(' ', at)] == '\n') return false;
  }
  return true;
}

std::string literal(std::string_view text, std::size_t indent) {
  std::string out = text.ends_with('\n') ? "|" : "|-";
  if (text.ends_with('\n')) text.remove_suffix(1);
  while (true) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    out += line.empty() ? "\n" : fmt::format("\n{:{}}{}", "", indent, line);
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::string in_line(const Node& node) {
  if (node.kind == Node::Kind::null) return "null";
  const bool is_text = std::holds_alternative<std::string>(classify(node).value.data);
  if (!is_text || is_bare_text(node.text)) return node.text;
  return quoted(node.text);
}

bool is_single(const Node& node) { return node.kind == Node::Kind::null || node.kind == Node::Kind::scalar; }

// A list on one line; empty when it does not fit.
std::string bracketed(const Node& list) {
  std::string out = "[";
  for (const Node& item : list.items) {
    if (!is_single(item)) return {};
    if (out.size() > 1) out += ", ";
    out += in_line(item);
    if (out.size() > kMostInLine) return {};
  }
  return out + "]";
}

void write_block(const Node& node, std::size_t indent, std::string& out);

// What follows "key:" or "-", with the blank or line end before it and the line end after it.
void write_value(const Node& node, std::size_t indent, std::string& out) {
  if (node.kind == Node::Kind::map && node.entries.empty()) {
    out += " {}\n";
  } else if (node.kind == Node::Kind::scalar && fits_literal(node.text)) {
    out += " " + literal(node.text, indent) + "\n";
  } else if (is_single(node)) {
    out += " " + in_line(node) + "\n";
  } else if (const std::string line = node.kind == Node::Kind::list ? bracketed(node) : ""; !line.empty()) {
    out += " " + line + "\n";
  } else {
    out += "\n";
    write_block(node, indent, out);
  }
}

// A list or map of at least one element, at the beginning of a line.
void write_block(const Node& node, std::size_t indent, std::string& out) {
  for (const Entry& entry : node.entries) {
    const std::string key = is_bare_text(entry.key) ? entry.key : quoted(entry.key);
    if (key.size() > kMostSimpleKey) {
      out += fmt::format("{0:{1}}? {2}\n{0:{1}}:", "", indent, key);
    } else {
      out += fmt::format("{:{}}{}:", "", indent, key);
    }
    write_value(entry.value, indent + kStep, out);
  }
  for (const Node& item : node.items) {
    const std::size_t begin = out.size();
    const bool block = !item.entries.empty() || (!item.items.empty() && bracketed(item).empty());
    if (block) {
      write_block(item, indent + kStep, out);
      out[begin + indent] = '-';  // its first line begins with blanks enough
    } else {
      out += fmt::format("{:{}}-", "", indent);
      write_value(item, indent + kStep, out);
    }
  }
}

}  // namespace

std::string write_yaml(const Node& root) {
  std::string out;
  if (root.kind == Node::Kind::map && !root.entries.empty()) {
    write_block(root, 0, out);
    return out;
  }
  if (root.kind == Node::Kind::list && !root.items.empty() && bracketed(root).empty()) {
    write_block(root, 0, out);
    return out;
  }
  write_value(root, kStep, out);
  return out.substr(1);  // the blank
}

}  // namespace infbench::recipe
