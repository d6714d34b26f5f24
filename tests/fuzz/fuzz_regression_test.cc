// Every fuzz target on what fuzzing begins with (seeds/TARGET) and on what it found (found/TARGET), and on a few hundred
// deterministic mutants of each. The input that is being tried lies in TempDir()/fuzz_TARGET, should the program end there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "base/random.h"

// INFBENCH_FUZZ_TARGETS(X) is X(name) for each target, made by CMake; each is compiled with its function named after it.
#include "fuzz_targets.inc"

#define DECLARE(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
INFBENCH_FUZZ_TARGETS(DECLARE)
#undef DECLARE

namespace infbench::fuzz {
namespace {

namespace fs = std::filesystem;

struct Target {
  std::string name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};

const std::vector<Target>& targets() {
#define ENTRY(name) {#name, &fuzz_##name},
  static const std::vector<Target> table = {INFBENCH_FUZZ_TARGETS(ENTRY)};
#undef ENTRY
  return table;
}

struct Case {
  std::string path;
  std::string text;
};

std::vector<Case> cases_in(const fs::path& folder) {
  std::vector<Case> cases;
  if (!fs::is_directory(folder)) return cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::stringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    cases.push_back({entry.path().string(), text.str()});
  }
  std::ranges::sort(cases, {}, &Case::path);
  return cases;
}

// What parsers are sensitive to.
constexpr auto kPieces = std::to_array<std::string_view>({"\n",     "\r\n",
                                                          "\r",     "\n\n",
                                                          "\"",     "\\",
                                                          "{",      "}",
                                                          "[",      "]",
                                                          ",",      ":",
                                                          ": ",     "- ",
                                                          " ",      "\t",
                                                          "#",      "null",
                                                          "true",   "0",
                                                          "-1",     "1e400",
                                                          "0.5",    "9223372036854775807",
                                                          "1e308",  "\\u",
                                                          "&a",     "*a",
                                                          "data",   "data: ",
                                                          "[DONE]", "é",
                                                          "\xff",   "\xc1\xc1",
                                                          "\xdd",   "18446744073709551615",
                                                          "<<",     "?",
                                                          "|",      "---",
                                                          "...",    "!!",
                                                          "'",      "%",
                                                          "=== ",   "-9223372036854775808"});

// One to four small changes.
std::string mutant_of(std::string text, const std::vector<Case>& others, Random& random) {
  const auto place = [&] { return static_cast<std::size_t>(random.below(text.size() + 1)); };
  for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
    const std::size_t at = place();
    const std::size_t size = std::min<std::size_t>(1 + random.below(16), text.size() - at);
    const std::string piece = text.substr(at, size);
    const std::string& other = others[random.below(others.size())].text;
    switch (random.below(7)) {
      case 0: text.erase(at, size); break;
      case 1: text.insert(place(), piece); break;
      case 2: text.insert(at, kPieces[random.below(kPieces.size())]); break;
      case 3: text.replace(at, size, kPieces[random.below(kPieces.size())]); break;
      case 4: text.resize(at); break;
      case 5: text = text.substr(0, at) + other.substr(random.below(other.size() + 1)); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
    }
  }
  return text;
}

std::string failure_of(const Target& target, const std::string& text) {
  std::ofstream(testing::TempDir() + "/fuzz_" + target.name, std::ios::binary) << text;
  try {
    target.run(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  } catch (const std::exception& fault) {
    return fault.what();
  }
  return {};
}

class FuzzRegression : public testing::TestWithParam<Target> {};

TEST_P(FuzzRegression, HoldsForSeedsFoundCasesAndTheirMutants) {
  constexpr int kMutants = 300;
  const Target& target = GetParam();
  const fs::path folder = fs::path(SOURCE_DIR) / "tests" / "fuzz";
  std::vector<Case> cases = cases_in(folder / "seeds" / target.name);
  ASSERT_GE(cases.size(), 2U) << "seeds/" << target.name;
  for (Case& found : cases_in(folder / "found" / target.name)) cases.push_back(std::move(found));
  cases.push_back({"nothing", ""});
  for (const Case& one : cases) EXPECT_EQ(failure_of(target, one.text), "") << one.path;
  for (const Case& one : cases) {
    Random random(hash_bytes(one.text));
    for (int i = 0; i < kMutants; ++i) {
      const std::string text = mutant_of(one.text, cases, random);
      const std::string failure = failure_of(target, text);
      ASSERT_EQ(failure, "") << "mutant " << i << " of " << one.path << ":\n" << testing::PrintToString(text);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzRegression, testing::ValuesIn(targets()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace infbench::fuzz
