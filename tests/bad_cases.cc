#include "bad_cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>

#include "base/utf8.h"
#include "plan/words.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

constexpr std::string_view kBegin = "== ";
constexpr std::string_view kAnswer = "--";

struct CaseFile {
  std::string head;
  std::vector<BadCase> cases;
};

void drop_empty_lines(std::vector<std::string>& lines) {
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::vector<std::string> files_of(const std::string& kind) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(SOURCE_DIR) + "/tests/bad_input")) {
    if (entry.path().filename().string().starts_with(kind + "_")) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

CaseFile read_cases(const std::string& path) {
  CaseFile file;
  std::istringstream in(read_text(path));
  std::vector<std::string> answer;
  bool answering = false;
  int number = 0;
  const auto end_case = [&] {
    drop_empty_lines(answer);
    if (!file.cases.empty()) file.cases.back().expected = joined(answer);
    answer.clear();
    answering = false;
  };
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with(kBegin)) {
      end_case();
      file.cases.push_back({.name = line.substr(kBegin.size()), .input = {}, .expected = {}, .line = number});
    } else if (file.cases.empty()) {
      file.head += line + "\n";
    } else if (!answering && line == kAnswer) {
      answering = true;
    } else {
      (answering ? answer : file.cases.back().input).push_back(line);
    }
  }
  end_case();
  for (BadCase& each : file.cases) drop_empty_lines(each.input);
  return file;
}

void write_cases(const std::string& path, const CaseFile& file) {
  std::string text = file.head;
  for (const BadCase& each : file.cases) {
    text += std::string(kBegin) + each.name + "\n" + joined(each.input) + std::string(kAnswer) + "\n" + each.expected + "\n";
  }
  text.pop_back();
  write_text(path, text);
}

// "\x41": the byte, and how many characters it took; none: a backslash that means itself.
std::optional<std::pair<char, std::size_t>> escape_at(std::string_view text) {
  constexpr std::string_view kLetters = "nrt0\\";
  constexpr std::string_view kMeant("\n\r\t\0\\", 5);
  if (text.size() < 2) return std::nullopt;
  if (const std::size_t known = kLetters.find(text[1]); known != std::string_view::npos) return std::pair{kMeant[known], 2U};
  std::uint8_t byte = 0;
  if (text[1] != 'x' || text.size() < 4) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + 4, byte, 16);
  if (error != std::errc{} || end != text.data() + 4) return std::nullopt;
  return std::pair{static_cast<char>(byte), 4U};
}

// What stands between two '@'; none: they mean themselves.
std::optional<std::string> meant_by(std::string_view name, const std::map<std::string, std::string>& names) {
  if (const auto found = names.find(std::string(name)); found != names.end()) return found->second;
  std::size_t times = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), times);
  if (error != std::errc{} || end == name.data() + name.size() || *end != '*') return std::nullopt;
  const std::string once = expand(name.substr(static_cast<std::size_t>(end - name.data()) + 1), names);
  std::string all;
  all.reserve(times * once.size());
  for (std::size_t i = 0; i < times; ++i) all += once;
  return all;
}

}  // namespace

void check_bad_cases(const std::string& kind, std::size_t least, const std::function<std::string(const BadCase&)>& answer_to) {
  const char* write = std::getenv("INFBENCH_WRITE_BAD_INPUT");
  std::size_t count = 0;
  for (const std::string& path : files_of(kind)) {
    CaseFile file = read_cases(path);
    count += file.cases.size();
    for (BadCase& each : file.cases) {
      std::string found = answer_to(each);
      while (found.ends_with("\n\n")) found.pop_back();
      EXPECT_EQ(found, each.expected) << path << ":" << each.line << ": " << each.name;
      each.expected = std::move(found);
    }
    if (write != nullptr && *write == '1') write_cases(path, file);
  }
  EXPECT_GE(count, least) << kind;
}

std::string expand(std::string_view line, const std::map<std::string, std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    const std::string_view rest = line.substr(i);
    if (const auto escape = rest[0] == '\\' ? escape_at(rest) : std::nullopt) {
      out += escape->first;
      i += escape->second;
      continue;
    }
    const std::size_t close = rest[0] == '@' ? rest.find('@', 1) : std::string_view::npos;
    if (const auto meant = close != std::string_view::npos ? meant_by(rest.substr(1, close - 1), names) : std::nullopt) {
      out += *meant;
      i += close + 1;
      continue;
    }
    out += rest[0];
    ++i;
  }
  return out;
}

std::string shown(std::string_view answer, const std::map<std::string, std::string>& places) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(answer);
  for (const auto& [name, place] : places) plan::replace_all(text, place, "@" + name + "@");
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char character = decode_utf8(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (!character.valid || (byte < 0x20 && byte != '\n') || byte == 0x7f) {
      out.append("\\x").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
      ++i;
      continue;
    }
    out.append(text, i, character.bytes);
    i += character.bytes;
  }
  return out;
}

std::string in_sections(const std::vector<std::pair<std::string, std::string>>& answers) {
  std::string out;
  for (auto at = answers.begin(); at != answers.end(); ++at) {
    const auto same = [&](const auto& other) { return other.second == at->second; };
    if (std::any_of(answers.begin(), at, same)) continue;
    out += "[" + at->first;
    for (auto later = std::next(at); later != answers.end(); ++later) {
      if (same(*later)) out += ", " + later->first;
    }
    out += "] " + at->second;
  }
  return out;
}

}  // namespace infbench::tests
