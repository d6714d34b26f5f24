#include "launch/questions.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json_writer.h"

namespace infbench::launch {
namespace {

constexpr std::size_t kMostOfABody = 200;  // bytes of an answer that an error shows

std::string_view type_at_router(Role role) {
  if (role == Role::prefill) return "prefill";
  return role == Role::decode ? "decode" : "regular";
}

std::string first_token_body(const std::string& model) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.member("model", std::string_view(model));
  json.key("messages");
  json.begin_array();
  json.begin_object();
  json.member("role", "user");
  json.member("content", "Hello");
  json.end_object();
  json.end_array();
  json.member("max_tokens", 1);
  json.end_object();
  return body;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// One worker as the router lists it.
struct Listed {
  std::string url;
  std::string type;
  bool healthy = false;
};

Result<std::vector<Listed>> read_list(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::array workers;
  if (parser.parse(simdjson::padded_string(body))["workers"].get(workers) != simdjson::SUCCESS) {
    return fail("its answer to /workers has no list of workers");
  }
  std::vector<Listed> list;
  for (const simdjson::dom::element entry : workers) {
    std::string_view url;
    std::string_view type;
    bool healthy = false;
    if (entry["url"].get(url) != simdjson::SUCCESS) continue;
    if (entry["worker_type"].get(type) != simdjson::SUCCESS) type = {};
    if (entry["is_healthy"].get(healthy) != simdjson::SUCCESS) healthy = false;
    list.push_back({.url = without_slash(std::string(url)), .type = std::string(type), .healthy = healthy});
  }
  return list;
}

// How many of the plan's workers the list has as they should be, and the first that it has not.
struct Comparison {
  std::size_t right = 0;
  std::string first_wrong;
};
Comparison compare(const plan::Plan& plan, const std::vector<Listed>& list) {
  Comparison result;
  for (const plan::Worker& worker : plan.workers) {
    const auto found = std::ranges::find(list, without_slash(worker.url), &Listed::url);
    std::string wrong;
    if (found == list.end()) {
      wrong = fmt::format("{} is not registered", worker.url);
    } else if (found->type != type_at_router(worker.role)) {
      wrong = fmt::format("{} is a {} worker, the router has it as '{}'", worker.url, type_at_router(worker.role), found->type);
    } else if (!found->healthy) {
      wrong = fmt::format("{} is registered, but not healthy", worker.url);
    }
    if (wrong.empty()) ++result.right;
    if (result.first_wrong.empty()) result.first_wrong = std::move(wrong);
  }
  return result;
}

}  // namespace

Request request_for(const plan::Plan& plan, const Question& question) {
  const auto worker_url = [&] { return plan.workers.at(static_cast<std::size_t>(question.worker)).url; };
  switch (question.kind) {
    case QuestionKind::health: return {.url = worker_url(), .path = "/health", .body = {}, .timeout = seconds(10)};
    case QuestionKind::router_workers: {
      const std::string_view path = "/workers";
      std::string url = plan.readiness.url;
      if (url.ends_with(path)) url.resize(url.size() - path.size());
      return {.url = url, .path = std::string(path), .body = {}, .timeout = seconds(10), .api_key = plan.router.api_key};
    }
    case QuestionKind::first_token:
      return {.url = plan.router.url,
              .method = "POST",
              .path = "/v1/chat/completions",
              .body = first_token_body(plan.benchmark.model),
              .timeout = seconds(120),
              .api_key = plan.router.api_key};
    case QuestionKind::flush:
      return {.url = worker_url(), .method = "POST", .path = "/flush_cache", .body = {}, .timeout = seconds(10)};
    case QuestionKind::engine_info: break;
  }
  return {.url = worker_url(), .path = "/get_server_info", .body = {}, .timeout = seconds(10)};
}

std::string complaint_of_status(const Answer& answer) {
  if (!answer.error.empty()) return answer.error;
  if (answer.status == 200) return {};
  std::string body = answer.body.substr(0, kMostOfABody);
  std::ranges::replace_if(
      body, [](char c) { return c >= 0 && c < ' '; }, ' ');
  return fmt::format("HTTP status {}{}{}", answer.status, body.empty() ? "" : ": ", body);
}

std::string complaint_of_first_token(const Answer& answer) {
  if (std::string complaint = complaint_of_status(answer); !complaint.empty()) return complaint;
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::array choices;
  if (parser.parse(simdjson::padded_string(answer.body)).get(document) != simdjson::SUCCESS ||
      document["choices"].get(choices) != simdjson::SUCCESS || choices.size() == 0) {
    return "its answer has no choices";
  }
  std::int64_t tokens = 1;
  if (document["usage"]["completion_tokens"].get(tokens) == simdjson::SUCCESS && tokens < 1) return "its answer has no token";
  return {};
}

std::string complaint_of_router(const Answer& answer, const plan::Plan& plan) {
  if (std::string complaint = complaint_of_status(answer); !complaint.empty()) return complaint;
  const Result<std::vector<Listed>> list = read_list(answer.body);
  if (!list) return list.error().front().what;
  const Comparison comparison = compare(plan, *list);
  if (comparison.right < plan.workers.size()) {
    return fmt::format("{} of {} workers are registered and healthy; {}", comparison.right, plan.workers.size(),
                       comparison.first_wrong);
  }
  if (list->size() > plan.workers.size()) {
    return fmt::format("expected {} workers, found {}: another deployment uses this router", plan.workers.size(), list->size());
  }
  return {};
}

std::string engine_version(const Answer& answer) {
  if (!complaint_of_status(answer).empty()) return {};
  simdjson::dom::parser parser;
  std::string_view version;
  if (parser.parse(simdjson::padded_string(answer.body))["version"].get(version) != simdjson::SUCCESS) return {};
  return std::string(version);
}

}  // namespace infbench::launch
