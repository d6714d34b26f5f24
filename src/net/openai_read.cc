#include <algorithm>
#include <limits>

#include <simdjson.h>

#include "net/openai.h"

namespace infbench::net {
namespace {

namespace dom = simdjson::dom;

constexpr Tokens kMostTokens = Tokens{1} << 40U;
constexpr std::size_t kMostStops = 64;

std::string_view type_name(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY: return "an array";
    case dom::element_type::OBJECT: return "an object";
    case dom::element_type::STRING: return "a string";
    case dom::element_type::BOOL: return "a boolean";
    case dom::element_type::NULL_VALUE: return "null";
    default: return "a number";
  }
}

// Reads the fields of one body; the first mistake ends it.
class Fields {
 public:
  Fields(Api api, InferenceRequest& out) : api_(api), out_(out) { out_.api = api; }

  std::optional<ApiError> read(dom::object body) {
    for (const auto [key, value] : body) {
      field(key, value);
      if (error_) return error_;
    }
    finish();
    return error_;
  }

 private:
  void refuse(std::string_view param, std::string message) {
    if (!error_) error_ = ApiError{.status = 400, .message = std::move(message), .param = std::string(param)};
  }

  void expected(std::string_view param, std::string_view what, dom::element found) {
    refuse(param, std::string(param) + ": expected " + std::string(what) + ", found " + std::string(type_name(found)));
  }

  void field(std::string_view key, dom::element value) {
    if (value.is_null()) return;
    if (key == "stream") return flag(key, value, out_.stream);
    if (key == "bootstrap_room") return room(value);
    if (key == "bootstrap_host") return bootstrap_host(value);
    if (key == "bootstrap_port") return bootstrap_port(value);
    if (api_ == Api::generate) return generate_field(key, value);
    openai_field(key, value);
  }

  void openai_field(std::string_view key, dom::element value) {
    if (key == "model") return string(key, value, out_.model);
    if (key == "messages" && api_ == Api::chat) return messages(value);
    if (key == "prompt" && api_ == Api::completions) return prompt(key, value);
    if (key == "stream_options") return stream_options(value);
    if (key == "max_tokens" || key == "max_completion_tokens") return most_tokens(key, value);
    if (key == "logprobs" || key == "echo" || key == "top_logprobs") return unsupported(key, value);
    if (key == "best_of") return only_one(key, value);
    sampling_field(key, value);
  }

  // Fields that sglang's /generate has in sampling_params, and OpenAI at the top.
  void sampling_field(std::string_view key, dom::element value) {
    if (key == "n") return only_one(key, value);
    if (key == "min_tokens" || key == "min_new_tokens") return count(key, value, 0, out_.min_tokens);
    if (key == "ignore_eos") return flag(key, value, out_.ignore_eos);
    if (key == "stop") return stop(value);
    if (key == "seed" || key == "sampling_seed") return seed(key, value);
    if (key == "temperature") return real(key, value, 0, 1e9);
    if (key == "top_p") return real(key, value, 1e-9, 1);
    if (key == "presence_penalty" || key == "frequency_penalty") return real(key, value, -2, 2);
  }

  void generate_field(std::string_view key, dom::element value) {
    if (key == "text") return prompt(key, value);
    if (key == "input_ids") return ids(key, value);
    if (key == "rid") return string(key, value, out_.rid);
    if (key == "return_logprob") return unsupported(key, value);
    if (key != "sampling_params") return;
    dom::object params;
    if (value.get(params) != simdjson::SUCCESS) return expected(key, "an object", value);
    for (const auto [name, param] : params) {
      if (param.is_null()) continue;
      if (name == "max_new_tokens") {
        most_tokens(name, param);
      } else {
        sampling_field(name, param);
      }
    }
  }

  void string(std::string_view key, dom::element value, std::string& out) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return expected(key, "a string", value);
    out = text;
  }

  void flag(std::string_view key, dom::element value, bool& out) {
    if (value.get(out) != simdjson::SUCCESS) expected(key, "a boolean", value);
  }

  // A whole number; 5.0 is one too, as it is for pydantic.
  std::optional<std::int64_t> integer(std::string_view key, dom::element value) {
    std::int64_t number = 0;
    if (value.get(number) == simdjson::SUCCESS) return number;
    double real = 0;
    if (value.is_double() && value.get(real) == simdjson::SUCCESS && real >= -9e15 && real <= 9e15) {
      number = static_cast<std::int64_t>(real);
      if (static_cast<double>(number) == real) return number;
    }
    if (value.is_number()) {
      refuse(key, std::string(key) + ": expected a whole number");
    } else {
      expected(key, "a whole number", value);
    }
    return std::nullopt;
  }

  void count(std::string_view key, dom::element value, Tokens least, Tokens& out) {
    const auto number = integer(key, value);
    if (!number) return;
    if (*number < least || *number > kMostTokens) {
      return refuse(key,
                    std::string(key) + " must be at least " + std::to_string(least) + ", got " + std::to_string(*number) + ".");
    }
    out = *number;
  }

  void most_tokens(std::string_view key, dom::element value) {
    Tokens tokens = 0;
    count(key, value, 1, tokens);
    if (!error_) out_.max_tokens = std::max(tokens, out_.max_tokens.value_or(0));
  }

  void real(std::string_view key, dom::element value, double least, double most) {
    double number = 0;
    if (value.get(number) != simdjson::SUCCESS) return expected(key, "a number", value);
    if (number < least) return refuse(key, std::string(key) + (least == 0 ? " must not be negative." : " is too small."));
    if (number > most) return refuse(key, std::string(key) + " is too large.");
  }

  void seed(std::string_view key, dom::element value) {
    std::uint64_t large = 0;
    if (value.get(large) == simdjson::SUCCESS) {
      out_.seed = static_cast<std::int64_t>(large);
    } else {
      out_.seed = integer(key, value);
    }
  }

  void only_one(std::string_view key, dom::element value) {
    const auto number = integer(key, value);
    if (number && *number != 1) refuse(key, std::string(key) + " must be 1: this server gives one answer to a request.");
  }

  // Switched off it is fine; the engine model has no probabilities to give.
  void unsupported(std::string_view key, dom::element value) {
    bool on = true;
    if (value.get(on) == simdjson::SUCCESS ? on : integer(key, value).value_or(1) != 0) {
      refuse(key, std::string(key) + " is not supported: the engine model computes no probabilities.");
    }
  }

  void stop(dom::element value) {
    if (value.is_string()) return;
    dom::array several;
    if (value.get(several) != simdjson::SUCCESS) return expected("stop", "a string or an array of strings", value);
    if (several.size() > kMostStops) return refuse("stop", "stop: too many sequences");
    for (const dom::element one : several) {
      if (!one.is_string()) return expected("stop", "a string or an array of strings", one);
    }
  }

  void stream_options(dom::element value) {
    dom::object options;
    if (value.get(options) != simdjson::SUCCESS) return expected("stream_options", "an object", value);
    for (const auto [key, option] : options) {
      if (key == "include_usage" && !option.is_null()) flag("stream_options.include_usage", option, out_.include_usage);
    }
  }

  void messages(dom::element value) {
    dom::array all;
    if (value.get(all) != simdjson::SUCCESS) return expected("messages", "an array", value);
    if (all.size() == 0) return refuse("messages", "messages: expected at least one message");
    out_.text.clear();
    have_prompt_ = true;
    for (const dom::element each : all) {
      message(each);
      if (error_) return;
    }
  }

  void message(dom::element value) {
    dom::object fields;
    if (value.get(fields) != simdjson::SUCCESS) return expected("messages", "an object for each message", value);
    bool has_role = false;
    for (const auto [key, field] : fields) {
      if (key == "role") {
        if (!field.is_string()) return expected("messages.role", "a string", field);
        has_role = true;
      } else if (key == "content" && !field.is_null()) {
        content(field);
      }
    }
    if (!has_role) refuse("messages.role", "messages: a message without a role");
  }

  // A text, or parts of which those of type text count.
  void content(dom::element value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return join_message(out_.text, text);
    dom::array parts;
    if (value.get(parts) != simdjson::SUCCESS) return expected("messages.content", "a string or an array of parts", value);
    for (const dom::element part : parts) {
      if (part["type"].get(text) != simdjson::SUCCESS)
        return expected("messages.content", "an object with a type for each part", part);
      if (text != "text") return refuse("messages.content", "messages.content: only parts of type text are supported");
      if (part["text"].get(text) != simdjson::SUCCESS)
        return refuse("messages.content", "messages.content: a text part without a text");
      join_message(out_.text, text);
    }
  }

  // A text or token ids, or an array of one of these.
  void prompt(std::string_view key, dom::element value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) {
      out_.text = text;
      out_.token_ids.clear();
      have_prompt_ = true;
      return;
    }
    dom::array several;
    if (value.get(several) != simdjson::SUCCESS) return expected(key, "a string or an array of token ids", value);
    if (several.size() == 0) return refuse(key, std::string(key) + " must not be empty.");
    if (several.at(0).is_number()) return ids(key, value);
    if (several.size() > 1) return refuse(key, std::string(key) + ": this server takes one prompt in a request.");
    if (several.at(0).is_array()) return ids(key, several.at(0).value());
    prompt(key, several.at(0).value());
  }

  void ids(std::string_view key, dom::element value) {
    dom::array all;
    if (value.get(all) != simdjson::SUCCESS) return expected(key, "an array of token ids", value);
    if (all.size() == 0) return refuse(key, std::string(key) + " must not be empty.");
    if (all.at(0).is_array()) {
      if (all.size() > 1) return refuse(key, std::string(key) + ": this server takes one prompt in a request.");
      return ids(key, all.at(0).value());
    }
    out_.text.clear();
    out_.token_ids.clear();
    out_.token_ids.reserve(all.size());
    for (const dom::element each : all) {
      std::uint64_t id = 0;
      if (each.get(id) != simdjson::SUCCESS || id > std::numeric_limits<std::uint32_t>::max()) {
        return refuse(key, std::string(key) + ": expected token ids, which are whole numbers from 0");
      }
      out_.token_ids.push_back(static_cast<std::uint32_t>(id));
    }
    have_prompt_ = true;
  }

  Bootstrap& bootstrap() {
    if (!out_.bootstrap) out_.bootstrap.emplace();
    return *out_.bootstrap;
  }

  // Routers send arrays of one where the prompt was an array of one.
  static dom::element only(dom::element value) {
    dom::array several;
    if (value.get(several) == simdjson::SUCCESS && several.size() == 1) return several.at(0).value();
    return value;
  }

  void room(dom::element value) {
    std::uint64_t number = 0;
    if (only(value).get(number) != simdjson::SUCCESS) return expected("bootstrap_room", "a whole number from 0", value);
    bootstrap().room = number;
    have_room_ = true;
  }

  void bootstrap_host(dom::element value) {
    if (!only(value).is_null()) string("bootstrap_host", only(value), bootstrap().host);
  }

  void bootstrap_port(dom::element value) {
    if (only(value).is_null()) return;
    Tokens port = 0;
    count("bootstrap_port", only(value), 1, port);
    if (port > 65535) return refuse("bootstrap_port", "bootstrap_port must be at most 65535");
    if (!error_) bootstrap().port = static_cast<int>(port);
  }

  void finish() {
    const std::string name = api_ == Api::chat ? "messages" : api_ == Api::completions ? "prompt" : "text";
    if (!have_prompt_) return refuse(name, name + " is missing: it is required");
    if (out_.text.empty() && out_.token_ids.empty()) return refuse(name, name + " must not be empty.");
    if (out_.max_tokens && out_.min_tokens > *out_.max_tokens) {
      refuse("min_tokens", "min_tokens must not be above max_tokens, got " + std::to_string(out_.min_tokens) + " and " +
                               std::to_string(*out_.max_tokens) + ".");
    }
    if (!have_room_) out_.bootstrap.reset();
  }

  Api api_;
  InferenceRequest& out_;
  bool have_prompt_ = false;
  bool have_room_ = false;
  std::optional<ApiError> error_;
};

}  // namespace

std::optional<Api> api_at(std::string_view path) {
  if (path == "/v1/chat/completions") return Api::chat;
  if (path == "/v1/completions") return Api::completions;
  if (path == "/generate") return Api::generate;
  return std::nullopt;
}

struct RequestReader::State {
  dom::parser parser;
};

RequestReader::RequestReader() : state_(std::make_unique<State>()) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

tl::expected<InferenceRequest, ApiError> RequestReader::read(Api api, std::string& body) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  dom::element root;
  const auto parsed = state_->parser.parse(body.data(), body.size(), false).get(root);
  if (parsed != simdjson::SUCCESS) {
    return tl::unexpected(ApiError{
        .status = 400, .message = std::string("the body is not valid JSON: ") + simdjson::error_message(parsed), .param = {}});
  }
  dom::object fields;
  if (root.get(fields) != simdjson::SUCCESS) {
    return tl::unexpected(
        ApiError{.status = 400, .message = "the body: expected an object, found " + std::string(type_name(root)), .param = {}});
  }
  InferenceRequest request;
  if (auto error = Fields(api, request).read(fields)) return tl::unexpected(*std::move(error));
  return request;
}

void join_message(std::string& prompt, std::string_view text) {
  if (!prompt.empty() && !text.empty() && text.front() != ' ') prompt += ' ';
  prompt += text;
}

}  // namespace infbench::net
