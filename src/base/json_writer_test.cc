// The JSON writer: shapes, escapes, numbers.
#include "base/json_writer.h"

#include <cstdlib>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "base/utf8.h"

namespace infbench {
namespace {

std::string string_of(std::string_view text) {
  std::string out;
  JsonWriter(out).value(text);
  return out;
}

std::string number_of(double number) {
  std::string out;
  JsonWriter(out).value(number);
  return out;
}

void write_sample(JsonWriter& json) {
  json.begin_object();
  json.member("a", 1);
  json.key("b");
  json.begin_array();
  json.value(true);
  json.null();
  json.begin_object();
  json.end_object();
  json.begin_array();
  json.end_array();
  json.end_array();
  json.member("c", std::optional<double>{});
  json.member("d", std::optional<double>{2.5});
  json.member("e", std::uint64_t{18446744073709551615U});
  json.member("f", std::int64_t{INT64_MIN});
  json.member("g", "text");
  json.end_object();
}

TEST(JsonWriter, WritesCompact) {
  std::string out;
  JsonWriter json(out);
  write_sample(json);
  EXPECT_TRUE(json.complete());
  EXPECT_EQ(out,
            R"({"a":1,"b":[true,null,{},[]],"c":null,"d":2.5,"e":18446744073709551615,"f":-9223372036854775808,"g":"text"})");
}

TEST(JsonWriter, WritesPretty) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  write_sample(json);
  EXPECT_EQ(out, R"({
  "a": 1,
  "b": [
    true,
    null,
    {},
    []
  ],
  "c": null,
  "d": 2.5,
  "e": 18446744073709551615,
  "f": -9223372036854775808,
  "g": "text"
})");
}

TEST(JsonWriter, LetsTheCallerEmptyTheStringBetweenDocuments) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  json.value(1);
  out.clear();
  json.value(2);
  json.end_array();
  EXPECT_EQ(out, ",2]");
  out.clear();
  json.value(3);
  EXPECT_EQ(out, "3");
}

TEST(JsonWriter, EscapesStrings) {
  struct Case {
    std::string_view text;
    std::string_view json;
  };
  const Case cases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"\"\\/", R"("\"\\/")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {std::string_view("\0\x1f\x7f", 3), R"("\u0000\u001f\u007f")"},
      {"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80", "\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80\""},
      {"a\xFF"
       "b",
       "\"a\xEF\xBF\xBD"
       "b\""},
      {"\xC3", "\"\xEF\xBF\xBD\""},                                                  // truncated
      {"\xE2\x82", "\"\xEF\xBF\xBD\""},                                              // truncated: one maximal part
      {"\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                                  // overlong
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // surrogate
      {"\xF4\x90\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // above U+10FFFF
      {"\xE2\x82x", "\"\xEF\xBF\xBDx\""},
  };
  for (const Case& c : cases) EXPECT_EQ(string_of(c.text), c.json);
}

TEST(JsonWriter, WritesNumbersShortestAndAsFloats) {
  struct Case {
    double number;
    std::string_view json;
  };
  const Case cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {29.0, "29.0"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1.0 / 3, "0.3333333333333333"},
      {100000.0, "100000.0"},
      {-2.5, "-2.5"},
      {1e-5, "0.00001"},
      {9e-6, "9e-06"},
      {1e15, "1000000000000000.0"},
      {1e22, "1e+22"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "null"},
      {-std::numeric_limits<double>::infinity(), "null"},
      {std::numeric_limits<double>::quiet_NaN(), "null"},
  };
  for (const Case& c : cases) EXPECT_EQ(number_of(c.number), c.json) << c.number;
}

RC_GTEST_PROP(JsonWriterProperty, NumbersReadBackTheSame, (std::uint64_t seed)) {
  Random random(seed);
  for (int i = 0; i < 100; ++i) {
    const auto bits = random.next();
    const auto number = std::bit_cast<double>(bits);
    if (number - number != 0) continue;
    RC_ASSERT(std::bit_cast<std::uint64_t>(std::strtod(number_of(number).c_str(), nullptr)) == bits);
    RC_ASSERT(std::bit_cast<std::uint64_t>(std::strtod(shortest(number).c_str(), nullptr)) == bits);
    const double everyday = static_cast<double>(bits % 1'000'000'007U) / 1e6;
    RC_ASSERT(std::strtod(number_of(everyday).c_str(), nullptr) == everyday);
  }
}

RC_GTEST_PROP(JsonWriterProperty, StringsAreAlwaysValidUtf8OnOneLine, (const std::string& text)) {
  const std::string json = string_of(text);
  for (std::size_t at = 0; at < json.size();) {
    const Utf8Char c = decode_utf8(json, at);
    RC_ASSERT(c.valid);
    RC_ASSERT(c.code >= 0x20);
    at += c.bytes;
  }
}

}  // namespace
}  // namespace infbench
