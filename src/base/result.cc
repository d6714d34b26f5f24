#include "base/result.h"

#include <algorithm>
#include <numeric>

#include "base/utf8.h"

namespace infbench {
namespace {

constexpr std::size_t kWidestExcerpt = 100;  // bytes of a source line shown around the caret

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Text of a user's that goes to a terminal: control characters, which could drive it, and bytes that are no UTF-8 are '?', one
// for each byte. A tab stays, and a line feed where there may be several lines.
std::string printable(std::string_view text, bool lines) {
  std::string out(text);
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char character = decode_utf8(text, i);
    const bool kept = text[i] == '\t' || (lines && text[i] == '\n');
    if (!character.valid || (is_control(character.code) && !kept)) out.replace(i, character.bytes, character.bytes, '?');
    i += character.bytes;
  }
  return out;
}

// The part of the source line around byte `at`, or at its end where it is shorter, and the spaces (tabs kept) that put a caret
// below.
std::string excerpt_with_caret(std::string_view line, std::size_t at) {
  at = std::min(at, line.size());
  std::size_t begin = 0;
  if (line.size() > kWidestExcerpt && at > kWidestExcerpt / 2) begin = at - kWidestExcerpt / 2;
  while (begin < line.size() && continues_a_character(line[begin])) ++begin;
  std::size_t end = std::min(line.size(), begin + kWidestExcerpt);
  while (end < line.size() && continues_a_character(line[end])) ++end;

  std::string text = "  ";
  std::string caret = "  ";
  if (begin > 0) {
    text += "...";
    caret += "   ";
  }
  text += line.substr(begin, end - begin);
  if (end < line.size()) text += "...";
  for (std::size_t i = begin; i < at; ++i) {
    if (!continues_a_character(line[i])) caret += line[i] == '\t' ? '\t' : ' ';
  }
  return text + "\n" + caret + "^\n";
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string format_error(const Error& error) {
  std::string out;
  if (!error.file.empty()) {
    out += printable(error.file, false) + ":";
    if (error.line > 0) out += std::to_string(error.line) + ":";
    if (error.line > 0 && error.column > 0) out += std::to_string(error.column) + ":";
    out += " ";
  }
  out += printable(error.what, true);
  if (!error.hint.empty()) out += ": " + printable(error.hint, true);
  out += "\n";
  if (error.line > 0 && error.column > 0 && !error.source_line.empty()) {
    out += excerpt_with_caret(printable(error.source_line, false), static_cast<std::size_t>(error.column) - 1);
  }
  return out;
}

std::string format_errors(const Errors& errors) {
  std::string out;
  for (const Error& error : errors) out += format_error(error);
  return out;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t best_distance = SIZE_MAX;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    const std::size_t allowed = std::max<std::size_t>(1, std::max(word.size(), candidate.size()) / 3);
    if (distance <= allowed && distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view best = nearest(word, candidates);
  return best.empty() ? std::string{} : "did you mean '" + std::string(best) + "'?";
}

}  // namespace infbench
