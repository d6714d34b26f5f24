#include "live/replay_chunk.h"

#include <algorithm>
#include <cstring>

#include <simdjson.h>

#include "trace/build.h"

namespace infbench::live {
namespace {

namespace json = simdjson::ondemand;

constexpr std::size_t kLongestMessage = 400;  // bytes of an error message that are kept

// Where the string that begins at `text` ends: the place of the first quote that is not escaped, or npos.
std::size_t end_of_string(std::string_view text) {
  for (std::size_t at = 0;;) {
    at = text.find('"', at);
    if (at == std::string_view::npos) return at;
    std::size_t slashes = 0;
    while (slashes < at && text[at - slashes - 1] == '\\') ++slashes;
    if (slashes % 2 == 0) return at;
    ++at;
  }
}

// One line, cut at a character's border.
std::string tidy_message(std::string_view text) {
  std::string out(text.substr(0, kLongestMessage));
  if (text.size() > kLongestMessage) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) out.pop_back();
    out += "...";
  }
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20U; }, ' ');
  return out;
}

// A count that no answer can have is as none: sums over all answers have to fit.
Tokens count_of(std::int64_t count) { return count >= 0 && count <= trace::kMostTokens ? count : -1; }

}  // namespace

struct JsonParser::State {
  json::parser parser;
  std::string padded;          // simdjson reads beyond the end
  const char* data = nullptr;  // the caller's, of the same bytes

  // Throws simdjson_error; only read() and read_error_body() call these.
  void read_document(json::object document, Chunk& chunk, ServerError& error);
  void read_choice(json::object choice, Chunk& chunk);
  void read_delta(json::object delta, Chunk& chunk);
  void read_text(json::value value, bool reasoning, Chunk& chunk);
  void read_tool_call(json::object call, Chunk& chunk);
  static void read_usage(json::object usage, Chunk& chunk);
  static void read_error(json::value value, ServerError& error);
  json::document parse(std::string_view text);
};

json::document JsonParser::State::parse(std::string_view text) {
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded.assign(text);
  data = text.data();
  return parser.iterate(padded.data(), padded.size(), padded.capacity());
}

void JsonParser::State::read_text(json::value value, bool reasoning, Chunk& chunk) {
  if (value.type() != json::json_type::string) return;
  const std::string_view raw = value.raw_json_token();
  const auto at = static_cast<std::size_t>(raw.data() - padded.data()) + 1;
  const std::size_t length = end_of_string(std::string_view(padded).substr(at));
  static_cast<void>(value.get_string().value());  // checks it
  if (length == 0 || chunk.kind != Chunk::Kind::nothing) return;
  chunk.kind = Chunk::Kind::text;
  chunk.reasoning = reasoning;
  chunk.text = {data + at, length};
}

// Its name and arguments are tokens of the answer like any others, but no text for a next turn.
void JsonParser::State::read_tool_call(json::object call, Chunk& chunk) {
  for (auto field : call) {
    if (field.unescaped_key().value() != "function") continue;
    json::value function = field.value();
    if (function.type() != json::json_type::object) continue;
    for (auto part : function.get_object()) {
      const std::string_view key = part.unescaped_key();
      if (key == "name" || key == "arguments") read_text(part.value(), true, chunk);
    }
  }
}

void JsonParser::State::read_delta(json::object delta, Chunk& chunk) {
  for (auto field : delta) {
    const std::string_view key = field.unescaped_key();
    if (key == "content") {
      read_text(field.value(), false, chunk);
    } else if (key == "reasoning_content" || key == "reasoning") {
      read_text(field.value(), true, chunk);
    } else if (key == "tool_calls") {
      json::value calls = field.value();
      if (calls.type() != json::json_type::array) continue;
      for (auto call : calls.get_array()) read_tool_call(call.get_object(), chunk);
    }
  }
}

void JsonParser::State::read_choice(json::object choice, Chunk& chunk) {
  for (auto field : choice) {
    const std::string_view key = field.unescaped_key();
    json::value value = field.value();
    if ((key == "delta" || key == "message") && value.type() == json::json_type::object) {
      read_delta(value.get_object(), chunk);
    } else if (key == "text") {
      read_text(value, false, chunk);
    } else if (key == "finish_reason") {
      chunk.finished = chunk.finished || !value.is_null();
    }
  }
}

void JsonParser::State::read_usage(json::object usage, Chunk& chunk) {
  chunk.has_usage = true;
  for (auto field : usage) {
    const std::string_view key = field.unescaped_key();
    json::value value = field.value();
    if (key == "prompt_tokens") {
      chunk.usage.prompt = count_of(value.get_int64());
    } else if (key == "completion_tokens") {
      chunk.usage.completion = count_of(value.get_int64());
    } else if (key == "total_tokens") {
      chunk.usage.total = count_of(value.get_int64());
    } else if (key == "prompt_tokens_details" && value.type() == json::json_type::object) {
      std::int64_t cached = 0;
      if (value.get_object()["cached_tokens"].get(cached) == simdjson::SUCCESS) chunk.usage.cached = count_of(cached);
    }
  }
}

void JsonParser::State::read_error(json::value value, ServerError& error) {
  if (value.type() == json::json_type::string) {
    error.message = tidy_message(value.get_string().value());
    return;
  }
  if (value.type() != json::json_type::object) return;
  for (auto field : value.get_object()) {
    const std::string_view key = field.unescaped_key();
    json::value part = field.value();
    if (key == "message" && part.type() == json::json_type::string) error.message = tidy_message(part.get_string().value());
    std::int64_t code = 0;
    if (key == "code" && part.type() == json::json_type::number && part.get(code) == simdjson::SUCCESS && code > 0 &&
        code < 1000) {
      error.code = static_cast<int>(code);
    }
  }
}

void JsonParser::State::read_document(json::object document, Chunk& chunk, ServerError& error) {
  for (auto field : document) {
    const std::string_view key = field.unescaped_key();
    json::value value = field.value();
    const json::json_type type = value.type();
    if (key == "choices" && type == json::json_type::array) {
      for (auto choice : value.get_array()) read_choice(choice.get_object(), chunk);
    } else if (key == "usage" && type == json::json_type::object) {
      read_usage(value.get_object(), chunk);
    } else if (key == "error" && type != json::json_type::null) {
      chunk.kind = Chunk::Kind::error;
      read_error(value, error);
    } else if (key == "object" && type == json::json_type::string && value.get_string().value() == "error") {
      chunk.kind = Chunk::Kind::error;
    } else if (key == "message" && type == json::json_type::string) {
      error.message = tidy_message(value.get_string().value());  // of {"object":"error","message":...}
    }
  }
}

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;

Chunk JsonParser::read(std::string_view data, ServerError& error) {
  Chunk chunk;
  try {
    json::document document = state_->parse(data);
    state_->read_document(document.get_object(), chunk, error);
    if (document.current_location().error() == simdjson::SUCCESS) return {.kind = Chunk::Kind::broken, .text = {}, .usage = {}};
  } catch (const simdjson::simdjson_error&) {
    return {.kind = Chunk::Kind::broken, .text = {}, .usage = {}};
  }
  return chunk;
}

std::string JsonParser::unescaped(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string quoted;
  quoted.append("\"").append(text).append("\"");
  std::string_view plain;
  json::document document;
  state_->padded.reserve(quoted.size() + simdjson::SIMDJSON_PADDING);
  state_->padded.assign(quoted);
  if (state_->parser.iterate(state_->padded.data(), state_->padded.size(), state_->padded.capacity()).get(document) !=
          simdjson::SUCCESS ||
      document.get_string().get(plain) != simdjson::SUCCESS) {
    return std::string(text);
  }
  return std::string(plain);
}

ServerError JsonParser::read_error_body(std::string_view body) {
  ServerError error;
  Chunk chunk;
  try {
    json::document document = state_->parse(body);
    state_->read_document(document.get_object(), chunk, error);
  } catch (const simdjson::simdjson_error&) {
    error.message.clear();
  }
  if (error.message.empty()) error.message = tidy_message(body);
  return error;
}

Chunk StreamReader::read(std::string_view data) {
  if (!before_.empty() && data.size() > before_.size() + after_.size() && data.starts_with(before_) && data.ends_with(after_)) {
    const std::string_view text = data.substr(before_.size(), data.size() - before_.size() - after_.size());
    // after_ begins with the closing quote; it closes the text if no other does and no backslash stands before it.
    if (end_of_string(data.substr(before_.size())) == text.size()) {
      return {.kind = Chunk::Kind::text, .reasoning = reasoning_, .text = text, .usage = {}};
    }
  }
  if (data == "[DONE]") return {.kind = Chunk::Kind::done, .text = {}, .usage = {}};
  const Chunk chunk = parser_->read(data, error_);
  if (chunk.kind == Chunk::Kind::text && !chunk.finished && !chunk.has_usage) learn(data, chunk);
  return chunk;
}

void StreamReader::learn(std::string_view data, const Chunk& chunk) {
  const auto at = static_cast<std::size_t>(chunk.text.data() - data.data());
  before_ = data.substr(0, at);
  after_ = data.substr(at + chunk.text.size());
  reasoning_ = chunk.reasoning;
}

}  // namespace infbench::live
