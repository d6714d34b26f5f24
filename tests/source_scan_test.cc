#include "source_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace infbench::tests {
namespace {

TEST(SourceScan, BlanksCommentsAndTheInsidesOfLiterals) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  const std::vector<Case> table = {
      {"a // b\nc", "a     \nc"},
      {"a /* { \n } */ b", "a      \n      b"},
      {"f(\"{\\\"{\", x)", "f(\"    \", x)"},
      {"c = '{';", "c = ' ';"},
      {"c = '\\'';", "c = '  ';"},
      {"n = 1'000'000; d = '{';", "n = 1'000'000; d = ' ';"},
      {"h = 0xab'cd; s = \"x\";", "h = 0xab'cd; s = \" \";"},
      {"c = u8'{';", "c = u8' ';"},
      {"s = R\"(\"{\\)\";", "s = R\"     \";"},
      {"s = R\"x(a)\"{\n)x\"; {", "s = R\"      \n  \"; {"},
      {"\"// no comment\" {", "\"             \" {"},
      {"a / b", "a / b"},
  };
  for (const Case& c : table) EXPECT_EQ(without_comments_and_strings(c.text), c.expected) << c.text;
}

std::string found_in(std::string_view text) {
  std::string out;
  for (const Function& f : functions_in(text)) {
    if (!out.empty()) out += ' ';
    out += f.name + ":" + std::to_string(f.first_line) + "-" + std::to_string(f.last_line);
  }
  return out;
}

TEST(SourceScan, FindsFunctions) {
  struct Case {
    std::string_view text;
    std::string_view expected;  // name:first-last
  };
  const std::vector<Case> table = {
      {"int f();", ""},
      {"int f() { return 1; }", "f:1-1"},
      {"int f(int a,\n      int b) {\n  if (a) { g(); }\n}\nint g() {}", "f:1-4 g:5-5"},
      {"namespace a {\nnamespace {\nvoid f() {\n}\n}\n}", "f:3-4"},
      {"namespace a::b {\ninline void f() noexcept {\n}\n}", "f:2-3"},
      {"class A final : public B<int> {\n public:\n  A() : a_{1}, b_(2) {\n  }\n  int g() const { return a_; }\n  int a_ = "
       "{3};\n};",
       "A:3-4 g:5-5"},
      {"struct S { int x = 0; friend auto operator<=>(S, S) = default; };", ""},
      {"bool operator==(A a, A b) { return a.x == b.x; }", "operator==:1-1"},
      {"bool A::operator()(int x) const {\n}", "A::operator:1-2"},
      {"template <typename T = int>\nauto f(T t) -> std::vector<T> {\n}", "f:1-3"},
      {"template <class T> struct A { void f() & {} };", "f:1-1"},
      {"enum class E { a, b };\nvoid f() {}", "f:2-2"},
      {"const std::vector<int> k = {1, 2, f(3)};\nvoid g() {}", "g:2-2"},
      {"const std::array<X, f(3)> k{{1, {2}}};\nvoid g() {}", "g:2-2"},
      {"const auto f = [](int x) {\n  return x;\n};", "f:1-3"},
      {"const std::vector<Row> k = {\n  {1, [](int x) {\n    return x;\n  }},\n  {2, {}}};", "lambda:2-4"},
      {"void f(X x = {}, std::vector<int> y = {1}) {\n}", "f:1-2"},
      {"void f() {\n  const auto g = [&](int x) { return x; };\n  struct L { int h() { return 1; } };\n}", "f:1-4"},
      {"TEST(A, B) {\n  EXPECT_EQ(\"}\", R\"(}})\");\n}", "TEST:1-3"},
      {"extern \"C\" {\nvoid f() {\n}\n}", "f:2-3"},
      {"#define M(x) \\\n  do { \\\n  } while (0)\nvoid f() {}", "f:4-4"},
      {"// void f() {\nvoid g() {}\n/* } */", "g:2-2"},
      {"struct A {\n  // says what f is\n  [[nodiscard]] int f() override { return 1; }\n};", "f:3-3"},
      {"template <typename T> concept C = requires(T t) { t.x(); };\nvoid f() {}", "f:2-2"},
      {"char c = '{';\nint n = 1'000;\nvoid f() {}", "f:3-3"},
      {"template <typename T>\nvoid f(T t) requires C<T> {\n}", "f:1-3"},
      {"A::A(int x) : A(x, {}) {\n}", "A::A:1-2"},
      {"A::A(int x)\n    : Base<int>{x},\n      b_(x) {}", "A::A:1-3"},
  };
  for (const Case& c : table) EXPECT_EQ(found_in(c.text), c.expected) << c.text;
}

TEST(SourceScan, CountsTheLinesOfAFunction) {
  for (const int lines : {70, 71}) {
    std::string body = "namespace a {\nint f(int x) {\n";
    for (int i = 0; i < lines - 2; ++i) body += i % 3 == 0 ? "\n" : "  { x += '}'; }  // }\n";
    const std::vector<Function> found = functions_in(body + "}\n}\n");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].lines(), lines);
  }
}

TEST(SourceScan, FindsIncludes) {
  const std::vector<Include> found =
      includes_in("#include \"base/time.h\"\n#  include <vector>\nint x;\n#pragma once\n// #include <no>\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "base/time.h");
  EXPECT_TRUE(found[0].quoted);
  EXPECT_EQ(found[1].path, "vector");
  EXPECT_FALSE(found[1].quoted);
  EXPECT_EQ(found[1].line, 2);
}

TEST(SourceScan, FindsWords) {
  EXPECT_EQ(find_word("new renew new_x (new)", "new"), (std::vector<std::size_t>{0, 17}));
  EXPECT_EQ(find_word("std::exp(x) std::expected(x)", "std::exp"), (std::vector<std::size_t>{0}));
  EXPECT_EQ(find_word("-march=native", "-march"), (std::vector<std::size_t>{0}));
  EXPECT_TRUE(find_word("", "x").empty());
}

TEST(SourceScan, FindsRelativeLinks) {
  const std::string_view markdown =
      "[a](x.md) and [b](../y/z.cc#L3), [w](https://example.org), ![p](p.png)\n```\n[no](no.md)\n```\n[here](#there)\n";
  EXPECT_EQ(relative_links_in(markdown), (std::vector<std::string>{"x.md", "../y/z.cc", "p.png"}));
}

}  // namespace
}  // namespace infbench::tests
