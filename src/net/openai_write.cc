#include "base/check.h"
#include "base/json_writer.h"
#include "net/openai.h"

namespace infbench::net {
namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 404: return "NotFoundError";
    case 408: return "RequestTimeoutError";
    case 500: return "InternalServerError";
    case 502:
    case 503: return "ServiceUnavailableError";
    default: return "BadRequestError";
  }
}

void write_usage(JsonWriter& json, const Usage& usage) {
  json.begin_object();
  json.member("prompt_tokens", usage.prompt);
  json.member("total_tokens", usage.prompt + usage.completion);
  json.member("completion_tokens", usage.completion);
  json.key("prompt_tokens_details");
  json.begin_object();
  json.member("cached_tokens", usage.cached);
  json.end_object();
  json.end_object();
}

void write_reason(JsonWriter& json, std::string_view reason) {
  json.key("finish_reason");
  if (reason.empty()) {
    json.null();
  } else {
    json.value(reason);
  }
}

// sglang's finish reason: an object that says how long the answer was.
void write_generate_reason(std::string& out, std::string_view reason, Tokens length) {
  if (reason.empty()) {
    out += "null";
    return;
  }
  out += "{\"type\":";
  append_json(out, reason);
  if (reason == "length") {
    out += ",\"length\":";
    append_json(out, length);
  }
  out += '}';
}

}  // namespace

std::string error_json(const ApiError& error) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("error");
  json.begin_object();
  json.member("message", error.message);
  json.member("type", type_of(error.status));
  json.key("param");
  if (error.param.empty()) {
    json.null();
  } else {
    json.value(error.param);
  }
  if (error.code.empty()) {
    json.member("code", error.status);
  } else {
    json.member("code", error.code);
  }
  json.end_object();
  json.end_object();
  return out;
}

AnswerWriter::AnswerWriter(Api api, std::string_view id, std::string_view model, std::int64_t created)
    : api_(api), id_(id), model_(model), created_(created) {
  if (api == Api::chat) {
    before_ = head("chat.completion.chunk") + "{\"index\":0,\"delta\":{\"content\":\"";
    after_ = "\"},\"logprobs\":null,\"finish_reason\":null,\"matched_stop\":null}]}";
  } else if (api == Api::completions) {
    before_ = head("text_completion") + "{\"index\":0,\"text\":\"";
    after_ = "\",\"logprobs\":null,\"finish_reason\":null,\"matched_stop\":null}]}";
  }
}

std::string AnswerWriter::head(std::string_view object) const {
  std::string out = "{\"id\":";
  append_json(out, id_);
  out += ",\"object\":";
  append_json(out, object);
  out += ",\"created\":";
  append_json(out, created_);
  out += ",\"model\":";
  append_json(out, model_);
  out += ",\"choices\":[";
  return out;
}

std::string AnswerWriter::first_event() const {
  if (api_ != Api::chat) return {};
  return head("chat.completion.chunk") +
         "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null,"
         "\"matched_stop\":null}]}";
}

std::string AnswerWriter::last_event(std::string_view last_token, std::string_view finish_reason) const {
  INFBENCH_CHECK(api_ != Api::generate);
  std::string out;
  if (api_ == Api::chat) {
    out = head("chat.completion.chunk") + "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":";
  } else {
    out = before_ + std::string(last_token) + "\",\"logprobs\":null,\"finish_reason\":";
  }
  append_json(out, finish_reason);
  return out + ",\"matched_stop\":null}]}";
}

std::string AnswerWriter::usage_event(const Usage& usage) const {
  std::string out = head(api_ == Api::chat ? "chat.completion.chunk" : "text_completion") + "],\"usage\":";
  JsonWriter json(out);
  write_usage(json, usage);
  return out + "}";
}

void AnswerWriter::generate_event(std::string& out, std::string_view text, const Usage& usage,
                                  std::string_view finish_reason) const {
  out += "{\"text\":";
  append_json(out, text);
  out += ",\"meta_info\":{\"id\":";
  append_json(out, id_);
  out += ",\"finish_reason\":";
  write_generate_reason(out, finish_reason, usage.completion);
  out += ",\"prompt_tokens\":";
  append_json(out, usage.prompt);
  out += ",\"weight_version\":\"default\",\"completion_tokens\":";
  append_json(out, usage.completion);
  out += ",\"cached_tokens\":";
  append_json(out, usage.cached);
  out += "}}";
}

std::string AnswerWriter::whole(std::string_view text, const Usage& usage, std::string_view finish_reason) const {
  std::string out;
  if (api_ == Api::generate) {
    generate_event(out, text, usage, finish_reason);
    return out;
  }
  out = head(api_ == Api::chat ? "chat.completion" : "text_completion");
  {
    JsonWriter json(out);
    json.begin_object();
    json.member("index", 0);
    if (api_ == Api::chat) {
      json.key("message");
      json.begin_object();
      json.member("role", "assistant");
      json.member("content", text);
      json.key("reasoning_content");
      json.null();
      json.key("tool_calls");
      json.null();
      json.end_object();
    } else {
      json.member("text", text);
    }
    json.key("logprobs");
    json.null();
    write_reason(json, finish_reason);
    json.key("matched_stop");
    json.null();
    json.end_object();
  }
  out += "],\"usage\":";
  JsonWriter json(out);
  write_usage(json, usage);
  return out + "}";
}

}  // namespace infbench::net
