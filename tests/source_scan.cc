#include "source_scan.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace infbench::tests {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) && (text.size() == word.size() || !is_word(text[word.size()]));
}

std::string_view last_word(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return text.substr(begin);
}

// The end of what starts at `at` (a comment or a literal), or `at` when nothing of that kind starts there.
std::size_t end_of_literal_or_comment(std::string_view text, std::size_t at) {
  const auto or_end = [&](std::size_t found, std::size_t more) {
    return found == std::string_view::npos ? text.size() : found + more;
  };
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("//")) return or_end(text.find('\n', at), 0);
  if (rest.starts_with("/*")) return or_end(text.find("*/", at + 2), 2);
  const char quote = text[at];
  if (quote != '"' && quote != '\'') return at;

  std::size_t word = at;
  while (word > 0 && (is_word(text[word - 1]) || text[word - 1] == '\'')) --word;
  const std::string_view prefix = text.substr(word, at - word);
  if (quote == '\'' && !prefix.empty() && std::isdigit(static_cast<unsigned char>(prefix.front())) != 0) return at;  // 1'000
  if (quote == '"' && prefix.ends_with('R')) {
    const std::size_t open = text.find('(', at);
    if (open == std::string_view::npos) return text.size();
    const std::string close = ")" + std::string(text.substr(at + 1, open - at - 1)) + "\"";
    return or_end(text.find(close, open), close.size());
  }
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote || text[i] == '\n') {
      return i + 1;
    }
  }
  return text.size();
}

void blank(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

void blank_directives(std::string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    if (trimmed(std::string_view(text).substr(begin, end - begin)).starts_with('#')) {
      while (end < text.size() && end > begin && text[end - 1] == '\\') end = std::min(text.find('\n', end + 1), text.size());
      blank(text, begin, end);
    }
    begin = end + 1;
  }
}

std::string_view without_template_header(std::string_view head) {
  head = trimmed(head);
  while (starts_with_word(head, "template")) {
    int depth = 0;
    std::size_t i = head.find('<');
    for (; i < head.size(); ++i) {
      if (head[i] == '<') ++depth;
      if (head[i] == '>' && --depth == 0) break;
    }
    head = i >= head.size() ? std::string_view{} : trimmed(head.substr(i + 1));
  }
  return head;
}

// What a `{` opens, told from the text between the previous `;`, `{` or `}` and it.
enum class Opens { scope, function, lambda, value };

bool is_lambda(std::string_view head) {
  const std::size_t open = head.rfind(']');
  return open != std::string_view::npos && trimmed(head.substr(open + 1)).starts_with('(');
}

// An `=` outside of parentheses: the initial value of a variable (operators are told apart by their name).
std::optional<std::size_t> assignment(std::string_view head) {
  int depth = 0;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '(') ++depth;
    if (head[i] == ')') --depth;
    if (head[i] == '=' && depth == 0) return i;
  }
  return std::nullopt;
}

// Behind `)`, a colon of its own begins a constructor's initializers: there `member{` opens a value.
bool opens_member_initializer(std::string_view head) {
  for (std::size_t i = head.find(')'); i < head.size(); ++i) {
    if (head[i] != ':') continue;
    if (i + 1 < head.size() && head[i + 1] == ':') {
      ++i;
      continue;
    }
    return is_word(head.back()) || head.back() == '>';
  }
  return false;
}

Opens what_opens(std::string_view whole_head, bool within_value) {
  static constexpr std::array<std::string_view, 4> kScopes = {"namespace", "inline namespace", "extern", "enum"};
  static constexpr std::array<std::string_view, 3> kClasses = {"class", "struct", "union"};
  static constexpr std::array<std::string_view, 5> kAfterParameters = {"const", "noexcept", "override", "final", "mutable"};
  const std::string_view head = without_template_header(whole_head);
  const auto starts_head = [&](std::string_view word) { return starts_with_word(head, word); };

  if (is_lambda(head) && (within_value || assignment(head))) return Opens::lambda;
  if (head.empty() || within_value) return Opens::value;
  if (head.find(')') == std::string_view::npos) {
    if (std::any_of(kScopes.begin(), kScopes.end(), starts_head)) return Opens::scope;
    if (std::any_of(kClasses.begin(), kClasses.end(), starts_head)) return Opens::scope;
    return Opens::value;
  }
  if (std::any_of(kClasses.begin(), kClasses.end(), starts_head) && !head.ends_with(')')) return Opens::scope;
  const bool is_operator = !find_word(head, "operator").empty();
  if (!is_operator && assignment(head)) return Opens::value;
  if (opens_member_initializer(head)) return Opens::value;
  const std::string_view word = last_word(head);
  const bool plain_end = head.ends_with(')') || head.ends_with('}') || head.ends_with('&') ||
                         std::find(kAfterParameters.begin(), kAfterParameters.end(), word) != kAfterParameters.end();
  const std::string_view behind = head.substr(head.find(')'));
  const bool more = behind.find("->") != std::string_view::npos || !find_word(behind, "requires").empty();
  return plain_end || more ? Opens::function : Opens::value;
}

// Access labels and what stands before a declaration on its way to its first character.
std::size_t start_of_declaration(std::string_view text, std::size_t begin, std::size_t end) {
  static constexpr std::array<std::string_view, 3> kLabels = {"public", "private", "protected"};
  for (;;) {
    while (begin < end && is_space(text[begin])) ++begin;
    const std::string_view head = text.substr(begin, end - begin);
    const auto* label =
        std::find_if(kLabels.begin(), kLabels.end(), [&](std::string_view l) { return starts_with_word(head, l); });
    const std::size_t colon = label == kLabels.end() ? std::string_view::npos : head.find(':');
    if (colon == std::string_view::npos) return begin;
    begin += colon + 1;
  }
}

std::string name_in(std::string_view head, bool lambda) {
  head = without_template_header(head);
  if (lambda) {
    const std::string_view before = trimmed(head.substr(0, assignment(head).value_or(0)));
    return before.empty() ? "lambda" : std::string(last_word(before));
  }
  std::string_view before = trimmed(head.substr(0, head.find('(')));
  std::size_t begin = before.size();
  while (begin > 0 && !is_space(before[begin - 1])) --begin;
  return std::string(before.substr(begin));
}

class FunctionFinder {
 public:
  explicit FunctionFinder(std::string_view text) : text_(text) {}

  std::vector<Function> find() {
    for (at_ = 0; at_ < text_.size(); ++at_) {
      switch (text_[at_]) {
        case '(': ++parentheses_; break;
        case ')': --parentheses_; break;
        case '{': open(); break;
        case '}': close(); break;
        case ',':
          if (within_value()) head_ = at_ + 1;
          break;
        case ';':
          if (parentheses_ == 0) head_ = at_ + 1;
          break;
        default: break;
      }
    }
    return std::move(found_);
  }

 private:
  struct Block {
    Opens kind;
    std::size_t head;
    int parentheses;
  };

  bool within_value() const { return !blocks_.empty() && blocks_.back().kind == Opens::value; }

  void open() {
    const std::size_t begin = start_of_declaration(text_, head_, at_);
    const std::string_view head = text_.substr(begin, at_ - begin);
    const Opens kind = what_opens(trimmed(head), parentheses_ > 0 || within_value());
    if (kind == Opens::function || kind == Opens::lambda) {
      const std::size_t end = end_of_body();
      found_.push_back({name_in(head, kind == Opens::lambda), line_of(text_, begin), line_of(text_, end)});
      at_ = end;
      if (kind == Opens::function) head_ = end + 1;
      return;
    }
    blocks_.push_back({kind, head_, parentheses_});
    parentheses_ = 0;
    head_ = at_ + 1;
  }

  void close() {
    if (blocks_.empty()) return;
    const Block block = blocks_.back();
    blocks_.pop_back();
    parentheses_ = block.parentheses;
    head_ = block.kind == Opens::value ? block.head : at_ + 1;  // a value does not end the declaration it stands in
  }

  std::size_t end_of_body() const {
    int depth = 0;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      if (text_[i] == '{') ++depth;
      if (text_[i] == '}' && --depth == 0) return i;
    }
    return text_.size() - 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t head_ = 0;
  int parentheses_ = 0;
  std::vector<Block> blocks_;
  std::vector<Function> found_;
};

}  // namespace

std::string without_comments_and_strings(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = end_of_literal_or_comment(text, i);
    const bool literal = end > i && text[i] != '/';
    if (end > i) blank(out, literal ? i + 1 : i, literal ? end - 1 : end);
    i = std::max(end, i + 1);
  }
  return out;
}

std::vector<Function> functions_in(std::string_view text) {
  std::string plain = without_comments_and_strings(text);
  blank_directives(plain);
  return FunctionFinder(plain).find();
}

std::vector<Include> includes_in(std::string_view text) {
  std::vector<Include> found;
  int number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    ++number;
    if (!line.starts_with('#')) continue;
    line = trimmed(line.substr(1));
    if (!line.starts_with("include")) continue;
    line = trimmed(line.substr(7));
    if (line.empty() || (line.front() != '"' && line.front() != '<')) continue;
    const bool quoted = line.front() == '"';
    const std::size_t close = line.find(quoted ? '"' : '>', 1);
    if (close != std::string_view::npos) found.push_back({std::string(line.substr(1, close - 1)), quoted, number});
  }
  return found;
}

std::vector<std::size_t> find_word(std::string_view text, std::string_view word) {
  std::vector<std::size_t> found;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_word(word.front()) || !is_word(text[at - 1]);
    const std::size_t end = at + word.size();
    const bool ends = end >= text.size() || !is_word(word.back()) || !is_word(text[end]);
    if (begins && ends) found.push_back(at);
  }
  return found;
}

int line_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

std::vector<std::string> relative_links_in(std::string_view markdown) {
  std::vector<std::string> found;
  bool in_code = false;
  for (std::size_t begin = 0; begin < markdown.size();) {
    const std::size_t end = std::min(markdown.find('\n', begin), markdown.size());
    const std::string_view line = markdown.substr(begin, end - begin);
    begin = end + 1;
    if (trimmed(line).starts_with("```")) in_code = !in_code;
    if (in_code) continue;
    for (std::size_t at = line.find("]("); at != std::string_view::npos; at = line.find("](", at + 1)) {
      std::string_view target = line.substr(at + 2);
      target = target.substr(0, target.find(')'));
      target = target.substr(0, target.find('#'));
      const bool web = target.find("://") != std::string_view::npos || target.starts_with("mailto:");
      if (!target.empty() && !web) found.emplace_back(target);
    }
  }
  return found;
}

}  // namespace infbench::tests
