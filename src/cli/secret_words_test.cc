#include "cli/secret_words.h"

#include <gtest/gtest.h>

namespace infbench::cli {
namespace {

struct Case {
  std::vector<std::string> words;
  std::string shown;
};

TEST(SecretWords, AreLeftOutOfWhatIsWrittenAndOverwrittenWhereTheyStand) {
  for (const Case& one : std::vector<Case>{
           {{"replay", "--api-key", "kept", "-m", "x"}, "srtctl replay --api-key <redacted> -m x"},
           {{"replay", "--api-key=kept"}, "srtctl replay --api-key=<redacted>"},
           {{"replay", "-H", "A: kept", "B: kept", "--url", "u"}, "srtctl replay -H <redacted> <redacted> --url u"},
           {{"replay", "-HA: kept"}, "srtctl replay -H<redacted>"},
           {{"replay", "-H=A: kept"}, "srtctl replay -H=<redacted>"},
           {{"replay", "--header=A: kept"}, "srtctl replay --header=<redacted>"},
           {{"submit", "--set", "environment.HF_TOKEN=kept"}, "srtctl submit --set environment.HF_TOKEN=<redacted>"},
           {{"submit", "--set=environment={A: b, MY_SECRET: kept}"},
            "srtctl submit --set=environment={A: b, MY_SECRET: <redacted>"},
           {{"submit", "--set", "name=x y"}, "srtctl submit --set 'name=x y'"},
           {{"replay", "--tokenizer", "t", "--use-server-token-count", "u"},
            "srtctl replay --tokenizer t --use-server-token-count u"},
           {{"route", "--tls-key-path", "k.pem", "-"}, "srtctl route --tls-key-path k.pem -"}}) {
    std::vector<std::string> words = one.words;
    words.insert(words.begin(), "srtctl");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    const auto argc = static_cast<int>(argv.size());
    EXPECT_EQ(command_line_of(argc, argv.data()), one.shown);
    const std::vector<std::string> before = words;
    hide_secrets(argc, argv.data());
    for (std::size_t i = 0; i < words.size(); ++i) {
      EXPECT_EQ(words[i].find("kept"), std::string::npos) << words[i];
      EXPECT_EQ(words[i].size(), before[i].size());
      const bool harmless = before[i].find("kept") == std::string::npos;
      EXPECT_EQ(words[i] == before[i], harmless) << words[i];
    }
  }
}

}  // namespace
}  // namespace infbench::cli
