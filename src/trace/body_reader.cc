#include "trace/body_reader.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/number.h"
#include "trace/build.h"

namespace infbench::trace {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::size_t kMostMembers = 1000;  // of extra: each is looked for among those before it

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::object: return "an object";
    case Kind::array: return "an array";
    case Kind::string: return "a string";
    case Kind::number: return "a number";
    case Kind::literal: break;
  }
  return "true, false or null";
}

// The name of a member, with its quotes, and the ':' behind it.
std::optional<JsonCursor::Value> member_name(JsonCursor& cursor) {
  cursor.skip_space();
  if (cursor.peek() != '"') {
    cursor.expect('"', "a field name in quotes");
    return {};
  }
  auto name = cursor.value();
  if (!name || !cursor.expect(':', "':'")) return {};
  return name;
}

bool has_role(std::string_view message) {
  JsonCursor cursor(message);
  bool found = false;
  if (!cursor.take('{') || cursor.take('}')) return false;
  do {
    const auto name = member_name(cursor);
    if (!name || !cursor.value()) return false;
    found = found || name->text == "\"role\"";
  } while (cursor.take(','));
  return found;
}

}  // namespace

void BodyReader::start(std::string_view line, std::vector<Fault>& faults) {
  line_ = line;
  faults_ = &faults;
  body_ = Body{};
  pieces_.clear();
  literal_ = {};
  output_asked_ = 0;
  payload_has_prompt_ = false;
}

void BodyReader::wrong(std::size_t at, std::string what) {
  if (faults_->size() < kMostFaults) faults_->push_back({.at = at, .what = std::move(what), .at_end = false});
}

bool BodyReader::read(Field field, JsonCursor& cursor) {
  cursor.skip_space();
  if (cursor.peek() == 'n') {
    cursor.value();  // null, or a fault
    return false;
  }
  if (field != Field::tools && field != Field::extra) {
    pieces_.clear();
    cut_at_ = cursor.at();
  }
  const std::size_t begin = cursor.at();
  switch (field) {
    case Field::text_input: read_text(cursor); break;
    case Field::messages: read_messages(cursor); break;
    case Field::tools: read_tools(cursor); break;
    case Field::payload: read_payload(cursor); break;
    case Field::extra: read_extra(cursor); break;
  }
  if (cursor.fault()) return false;
  const std::string_view text = line_.substr(begin, cursor.at() - begin);
  switch (field) {
    case Field::tools: body_.tools = text; break;
    case Field::extra: body_.extra = text; break;
    default:
      cut(cursor);
      literal_ = text;
      body_.kind = field == Field::text_input ? PromptKind::text_input
                   : field == Field::messages ? PromptKind::messages
                                              : PromptKind::payload;
  }
  return true;
}

// What lies between the last cut and the cursor is a piece.
void BodyReader::cut(const JsonCursor& cursor) {
  if (cursor.at() > cut_at_) pieces_.push_back(line_.substr(cut_at_, cursor.at() - cut_at_));
  cut_at_ = cursor.at();
}

// Takes the opening byte of an array or object; false if the value is something else or empty, which is wrong.
bool BodyReader::enter(JsonCursor& cursor, char open, std::string_view kind, std::string_view name) {
  cursor.skip_space();
  const std::size_t at = cursor.at();
  if (cursor.take(open)) {
    if (!cursor.take(open == '[' ? ']' : '}')) return true;
    wrong(at, fmt::format("expected {} for '{}', found an empty one", kind, name));
  } else if (const auto value = cursor.value(kind)) {
    wrong(at, fmt::format("expected {} for '{}', found {}", kind, name, kind_name(value->kind)));
  }
  return false;
}

void BodyReader::read_text(JsonCursor& cursor) {
  const auto value = cursor.value("a text");
  if (!value) return;
  if (value->kind != Kind::string) {
    wrong(value->at, fmt::format("expected a text for 'text_input', found {}", kind_name(value->kind)));
  } else if (value->text.size() == 2) {
    wrong(value->at, "expected a text for 'text_input', found an empty one");
  }
}

void BodyReader::read_messages(JsonCursor& cursor) {
  if (!enter(cursor, '[', "an array of messages", "messages")) return;
  do {
    read_message(cursor);
    if (!cursor.fault()) cut(cursor);
  } while (cursor.take(','));
  cursor.expect(']', "',' or ']'");
}

void BodyReader::read_message(JsonCursor& cursor) {
  const auto value = cursor.value("a message");
  if (!value) return;
  if (value->kind != Kind::object) {
    wrong(value->at, fmt::format("expected an object with a role for each message, found {}", kind_name(value->kind)));
  } else if (!has_role(value->text)) {
    wrong(value->at, "expected an object with a role for each message, found one without");
  }
}

void BodyReader::read_tools(JsonCursor& cursor) {
  if (!enter(cursor, '[', "an array of tools", "tools")) return;
  do {
    const auto value = cursor.value("a tool");
    if (value && value->kind != Kind::object) {
      wrong(value->at, fmt::format("expected an object for each tool, found {}", kind_name(value->kind)));
    }
  } while (cursor.take(','));
  cursor.expect(']', "',' or ']'");
}

void BodyReader::read_payload(JsonCursor& cursor) {
  const std::size_t at = cursor.at();
  if (!enter(cursor, '{', "the object of a request's body", "payload")) return;
  do {
    const auto name = member_name(cursor);
    if (!name) return;
    read_payload_member(name->text, cursor);
    if (!cursor.fault()) cut(cursor);
  } while (cursor.take(','));
  if (!cursor.expect('}', "',' or '}'")) return;
  if (!payload_has_prompt_) wrong(at, "expected 'messages' or 'prompt' in 'payload', found neither");
}

void BodyReader::read_payload_member(std::string_view quoted_name, JsonCursor& cursor) {
  cursor.skip_space();
  payload_has_prompt_ = payload_has_prompt_ || quoted_name == "\"messages\"" || quoted_name == "\"prompt\"";
  if (quoted_name == "\"messages\"" && cursor.peek() == '[') return read_messages(cursor);
  const auto value = cursor.value();
  if (!value) return;
  if (quoted_name == "\"stream\"") body_.streams = value->text == "true";
  if (quoted_name == "\"ignore_eos\"") body_.ignores_eos = value->text == "true";
  if (quoted_name != "\"max_tokens\"" && quoted_name != "\"max_completion_tokens\"") return;
  const Tokens tokens = number_in<Tokens>(value->text).value_or(0);
  if (tokens > 0 && tokens <= kMostTokens) output_asked_ = std::max(output_asked_, tokens);
}

// A prompt in there would take the place of the row's own, whose length is known.
void BodyReader::read_extra(JsonCursor& cursor) {
  cursor.skip_space();
  if (cursor.peek() != '{') {
    if (const auto value = cursor.value("an object")) {
      wrong(value->at, fmt::format("expected an object for 'extra', found {}", kind_name(value->kind)));
    }
    return;
  }
  cursor.take('{');
  if (cursor.take('}')) return;
  std::vector<std::string_view> names;
  do {
    const auto name = member_name(cursor);
    if (!name || !cursor.value()) return;
    if (name->text == "\"messages\"" || name->text == "\"prompt\"") {
      wrong(name->at, fmt::format("expected no prompt in 'extra', found the field {}", name->text));
    }
    if (names.size() == kMostMembers) {
      wrong(name->at, fmt::format("expected at most {} members in 'extra', found more", kMostMembers));
    } else if (names.size() < kMostMembers && std::ranges::find(names, name->text) != names.end()) {
      wrong(name->at, fmt::format("the field {} is given twice in 'extra'", name->text));
    }
    if (names.size() <= kMostMembers) names.push_back(name->text);
  } while (cursor.take(','));
  cursor.expect('}', "',' or '}'");
}

}  // namespace infbench::trace
