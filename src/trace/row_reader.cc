#include "trace/row_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/result.h"

namespace infbench::trace {
namespace {

constexpr std::array<std::string_view, 11> kNames{"timestamp",  "input_length", "output_length", "hash_ids",
                                                  "session_id", "delay",        "text_input",    "messages",
                                                  "tools",      "payload",      "extra"};
constexpr std::size_t kMostUnknown = 1000;           // fields of a row: each is looked for among those before it
constexpr std::int64_t kMostMs = 4'000'000'000'000;  // the year 2096, in milliseconds since 1970
constexpr std::int64_t kNsPerMs = 1'000'000;

// A value in an error message: short, and an array or object by its kind only.
std::string shown(const JsonCursor::Value& value) {
  constexpr std::size_t kLongest = 40;
  if (value.kind == JsonCursor::Kind::object) return "an object";
  if (value.kind == JsonCursor::Kind::array) return "an array";
  if (value.text.size() <= kLongest) return std::string(value.text);
  return value.kind == JsonCursor::Kind::string ? "a long string" : fmt::format("{}...", value.text.substr(0, kLongest));
}

// Decimal milliseconds without an exponent to whole nanoseconds, exactly (digits below a nanosecond are rounded); with an
// exponent through double. Empty if negative or above kMostMs.
std::optional<Duration> parse_ms(std::string_view text) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (text.find_first_of("eE") != std::string_view::npos) {
    double ms = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (parsed.ec != std::errc{} || !(ms >= 0) || ms > static_cast<double>(kMostMs)) return {};
    return Duration{std::llround(ms * 1e6)};
  }
  if (error != std::errc{} || whole > kMostMs) return {};
  std::int64_t ns = 0;
  const std::string_view fraction = end == text.data() + text.size() ? std::string_view{} : text.substr(text.find('.') + 1);
  for (std::size_t i = 0; i < 6; ++i) ns = ns * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  if (fraction.size() > 6 && fraction[6] >= '5') ++ns;
  if (text.front() == '-' && text.find_first_of("123456789") != std::string_view::npos) return {};
  return Duration{whole * kNsPerMs + ns};
}

// "\\u0074imestamp" is a timestamp too. Escapes of other than ASCII stay: no name that is known has any.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    unsigned code = 0;
    const std::string_view hex = text.substr(i).starts_with("\\u") ? text.substr(i + 2, 4) : std::string_view{};
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    const bool ascii = hex.size() == 4 && error == std::errc{} && end == hex.data() + 4 && code < 0x80;
    out += ascii ? static_cast<char>(code) : text[i];
    i += ascii ? 6 : 1;
  }
  return out;
}

std::string_view unquoted(std::string_view text) { return text.substr(1, text.size() - 2); }

}  // namespace

const RowValues* RowReader::read(std::string_view line) {
  start();
  body_.start(line, faults_);
  JsonCursor cursor(line);
  if (cursor.expect('{', "a JSON object")) read_fields(cursor);
  if (cursor.fault()) faults_.push_back(*cursor.fault());
  if (!faults_.empty()) return nullptr;
  row_.blocks = prompt_field() == input_length ? blocks_ : counted_.blocks;
  row_.extra = extra_;
  return &row_;
}

void RowReader::start() {
  row_ = RowValues{};
  faults_.clear();
  blocks_.clear();
  extra_.clear();
  unknown_names_.clear();
  seen_ = 0;
  null_ = 0;
  counted_ = CountedPrompt{};
  blocks_good_ = false;
}

void RowReader::wrong(std::size_t at, std::string what) {
  if (faults_.size() < BodyReader::kMostFaults) faults_.push_back({.at = at, .what = std::move(what), .at_end = false});
}

void RowReader::read_fields(JsonCursor& cursor) {
  if (!cursor.take('}')) {
    do {
      if (!read_field(cursor)) return;
    } while (cursor.take(','));
    if (!cursor.expect('}', "',' or '}'")) return;
  }
  const std::size_t end_of_object = cursor.at() - 1;
  cursor.expect_end();
  if (!cursor.fault()) check_complete(end_of_object);
}

bool RowReader::read_field(JsonCursor& cursor) {
  cursor.skip_space();
  if (cursor.peek() != '"') return cursor.expect('"', "a field name in quotes");
  const auto name = cursor.value();
  if (!name || !cursor.expect(':', "':'")) return false;
  const std::string plain = name->text.find('\\') == std::string_view::npos ? std::string() : unescaped(unquoted(name->text));
  const auto known = std::ranges::find(kNames, plain.empty() ? unquoted(name->text) : std::string_view(plain));
  if (known == kNames.end()) {
    read_unknown(name->text, name->at, cursor);
  } else {
    const auto field = static_cast<Field>(known - kNames.begin());
    const bool again = (seen_ >> field & 1U) != 0;
    if (again) wrong(name->at, fmt::format("the field '{}' is given twice", *known));
    seen_ |= 1U << field;
    at_[field] = name->at;
    read_known(field, cursor);
    if (again) null_ &= ~(1U << field);  // one error is enough
  }
  return !cursor.fault();
}

void RowReader::read_known(Field field, JsonCursor& cursor) {
  switch (field) {
    case timestamp: row_.at = read_ms("timestamp", cursor); break;
    case input_length: row_.input = read_tokens("input_length", cursor); break;
    case output_length: row_.output = read_tokens("output_length", cursor); break;
    case hash_ids: read_blocks(cursor); break;
    case session_id: read_session(cursor); break;
    case delay: row_.delay = read_ms("delay", cursor); break;
    case text_input: read_body(field, BodyReader::Field::text_input, cursor); break;
    case messages: read_body(field, BodyReader::Field::messages, cursor); break;
    case tools: read_body(field, BodyReader::Field::tools, cursor); break;
    case payload: read_body(field, BodyReader::Field::payload, cursor); break;
    case extra: read_body(field, BodyReader::Field::extra, cursor); break;
    case kFields: break;
  }
}

void RowReader::read_unknown(std::string_view quoted_name, std::size_t name_at, JsonCursor& cursor) {
  if (unknown_names_.size() == kMostUnknown) {
    wrong(name_at, fmt::format("expected at most {} fields that infbench does not know, found more", kMostUnknown));
  } else if (unknown_names_.size() < kMostUnknown && std::ranges::find(unknown_names_, quoted_name) != unknown_names_.end()) {
    wrong(name_at, fmt::format("the field '{}' is given twice", unquoted(quoted_name)));
  }
  if (unknown_names_.size() <= kMostUnknown) unknown_names_.push_back(quoted_name);
  const auto value = cursor.value();
  if (!value) return;
  if (!extra_.empty()) extra_ += ", ";
  extra_.append(quoted_name).append(": ").append(value->text);
  if (quoted_name == "\"stand_in\"" && value->kind == JsonCursor::Kind::string) row_.stand_in = unquoted(value->text);
}

Tokens RowReader::read_tokens(std::string_view name, JsonCursor& cursor) {
  cursor.skip_space();
  const std::size_t at = cursor.at();
  const auto number = cursor.whole_number();
  if (number && *number > 0 && *number <= static_cast<std::uint64_t>(kMostTokens)) return static_cast<Tokens>(*number);
  std::string found;
  if (number) {
    found = std::to_string(*number);
  } else if (const auto value = cursor.value("a number")) {
    found = shown(*value);
  } else {
    return 0;
  }
  wrong(at, fmt::format("expected a whole number from 1 to {} for '{}', found {}", kMostTokens, name, found));
  return 0;
}

std::optional<Duration> RowReader::read_ms(std::string_view name, JsonCursor& cursor) {
  const auto value = cursor.value("a number");
  if (!value) return {};
  if (value->kind == JsonCursor::Kind::number) {
    if (const auto duration = parse_ms(value->text)) return duration;
  }
  wrong(value->at, fmt::format("expected milliseconds from 0 to {} for '{}', found {}", kMostMs, name, shown(*value)));
  return {};
}

void RowReader::read_session(JsonCursor& cursor) {
  const auto value = cursor.value("a string or a whole number");
  if (!value) return;
  const bool whole = value->kind == JsonCursor::Kind::number && value->text.find_first_of(".eE") == std::string_view::npos;
  if (whole || value->kind == JsonCursor::Kind::string) {
    row_.session = value->text;
    return;
  }
  wrong(value->at, fmt::format("expected a string or a whole number for 'session_id', found {}", shown(*value)));
}

void RowReader::read_body(Field field, BodyReader::Field part, JsonCursor& cursor) {
  if (!body_.read(part, cursor)) null_ |= 1U << field;
}

void RowReader::read_blocks(JsonCursor& cursor) {
  cursor.skip_space();
  blocks_at_ = cursor.at();
  blocks_.clear();
  if (cursor.peek() != '[') {
    if (const auto value = cursor.value("an array of block ids")) {
      wrong(value->at, fmt::format("expected an array of block ids for 'hash_ids', found {}", shown(*value)));
    }
    return;
  }
  cursor.take('[');
  blocks_good_ = true;
  if (cursor.take(']')) return;
  do {
    if (!read_block(cursor)) return;
  } while (cursor.take(','));
  cursor.expect(']', "',' or ']'");
}

bool RowReader::read_block(JsonCursor& cursor) {
  if (const auto id = cursor.whole_number()) {
    blocks_.push_back(*id);
    return true;
  }
  const auto value = cursor.value("a block id");
  if (!value) return false;
  if (blocks_good_) {
    wrong(value->at, fmt::format("expected a block id (a whole number from 0 to {}), found {}", UINT64_MAX, shown(*value)));
  }
  blocks_good_ = false;
  return true;
}

// Where the prompt of this row is; of several (an error) the first of the table.
RowReader::Field RowReader::prompt_field() const {
  for (const Field field : {input_length, text_input, messages, payload}) {
    if (has(field)) return field;
  }
  return input_length;
}

void RowReader::check_complete(std::size_t end_of_object) {
  const bool later_turn = check_session();
  check_fields(end_of_object, later_turn);
  check_prompt_fields();
  check_refused(later_turn);
  if (has(hash_ids) && blocks_good_ && row_.input > 0) check_block_count();
  row_.body = body_.body();
  row_.literal = body_.pieces();
  if (prompt_field() != input_length && faults_.empty()) count_prompt();
}

// Whether the row is a later turn of a session.
bool RowReader::check_session() {
  if (row_.session.empty()) return false;
  const Field field = prompt_field();
  const auto [place, is_first] = sessions_.emplace(row_.session, field);
  const auto alone = [](Field prompt) { return prompt == messages || prompt == payload; };
  if (!is_first && place->second != field && (alone(field) || alone(place->second))) {
    wrong(at_[field],
          fmt::format("expected '{}' as in the first row of this session, found '{}'", kNames[place->second], kNames[field]));
  }
  return !is_first;
}

void RowReader::check_fields(std::size_t end_of_object, bool later_turn) {
  const bool literal = prompt_field() != input_length;
  if (literal && !has(output_length)) row_.output = body_.output_asked();
  for (const Field field : {timestamp, input_length, output_length, hash_ids}) {
    if (has(field) || (field == timestamp && later_turn)) continue;
    if (literal && (field == input_length || field == hash_ids)) continue;
    if (literal && field == output_length && (row_.output > 0 || options_.needs_output.empty())) continue;
    std::string_view why;
    if (field == timestamp && !row_.session.empty()) why = " in the first row of its session";
    wrong(end_of_object,
          fmt::format("the field '{}' is missing{}{}{}", kNames[field], why, literal && field == output_length ? ": " : "",
                      literal && field == output_length ? options_.needs_output : ""));
  }
}

void RowReader::check_prompt_fields() {
  const Field first = prompt_field();
  for (const Field field : {text_input, messages, payload}) {
    if (!has(field) || field == first) continue;
    wrong(std::max(at_[first], at_[field]),
          fmt::format("expected one of 'input_length', 'text_input', 'messages' and 'payload', found '{}' and '{}'",
                      kNames[first], kNames[field]));
  }
  if (has(hash_ids) && first != input_length) {
    wrong(at_[hash_ids], fmt::format("'hash_ids' goes with 'input_length' only, found it beside '{}'", kNames[first]));
  }
  if (has(tools) && !has(messages)) wrong(at_[tools], "'tools' goes with 'messages' only, found it without");
}

void RowReader::check_refused(bool later_turn) {
  const Field field = prompt_field();
  const PromptKind kind = field == input_length ? PromptKind::blocks : body_.body().kind;
  if (!has(field)) return;
  const std::string& refused = options_.refused[static_cast<std::size_t>(kind)];
  if (!refused.empty()) wrong(at_[field], fmt::format("the field '{}' cannot be used: {}", kNames[field], refused));
  if (later_turn && !self_contained(kind) && !options_.no_history.empty()) {
    wrong(at_[session_id], fmt::format("a later turn of a session cannot be used: {}", options_.no_history));
  }
}

void RowReader::count_prompt() {
  const Field field = prompt_field();
  if (!options_.count) return wrong(at_[field], fmt::format("the field '{}' cannot be used here", kNames[field]));
  auto counted = options_.count(body_.body().kind, body_.literal());
  if (!counted) {
    return wrong(at_[field], fmt::format("the field '{}' cannot be counted: {}", kNames[field], counted.error().front().what));
  }
  counted_ = *std::move(counted);
  row_.input = counted_.tokens;
  row_.body.has_output_length = has(output_length);
  row_.body.output_known = row_.output > 0;
  row_.output = std::max<Tokens>(row_.output, 1);
}

void RowReader::check_block_count() {
  const auto expected = static_cast<std::size_t>(blocks_of(row_.input));
  if (blocks_.size() == expected) return;
  wrong(blocks_at_,
        fmt::format("expected {} block id{} in 'hash_ids' for input_length {} (one per {} tokens, rounded up), found {}",
                    expected, expected == 1 ? "" : "s", row_.input, kBlockTokens, blocks_.size()));
}

}  // namespace infbench::trace
