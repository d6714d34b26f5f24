// ServeWorker: from an HTTP request to the engine, and the small endpoints.
#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/random.h"
#include "live/serve_info.h"
#include "live/serve_worker.h"

namespace infbench::live {
namespace {

constexpr Tokens kDefaultOutput = 128;            // of a chat and of /generate
constexpr Tokens kDefaultCompletionsOutput = 16;  // as OpenAI's API has it
constexpr std::string_view kJson = "application/json";

std::uint64_t content_of(const net::InferenceRequest& request) {
  const auto seed = static_cast<std::uint64_t>(request.seed.value_or(0));
  if (request.token_ids.empty()) return hash_bytes(request.text, seed);
  const auto* bytes = reinterpret_cast<const char*>(request.token_ids.data());
  return hash_bytes({bytes, request.token_ids.size() * sizeof request.token_ids[0]}, seed + 1);
}

std::string id_of(net::Api api, std::uint64_t number) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string id = api == net::Api::chat ? "chatcmpl-" : api == net::Api::completions ? "cmpl-" : "";
  for (const std::uint64_t half : {mix64(number), mix64(~number)}) {
    for (unsigned shift = 0; shift < 64; shift += 4) id += kHex[half >> shift & 0xFU];
  }
  return id;
}

}  // namespace

void ServeWorker::refuse(Client& client, const net::ApiError& error) {
  client.connection.answer(error.status, kJson, net::error_json(error));
}

void ServeWorker::handle(ClientId id, Client& client, Time now) {
  ServeConnection& connection = client.connection;
  const std::string_view path = connection.head().path();
  const std::string& method = connection.head().method;
  if (const auto api = net::api_at(path)) {
    if (method == "POST") return handle_inference(id, client, *api, now);
    return refuse(client, {.status = 405, .message = std::string(path) + " takes POST, not " + method, .param = {}});
  }
  if (path == "/flush_cache" && (method == "POST" || method == "GET")) {
    const bool done = host_.flush_cache(now);
    return connection.answer(done ? 200 : 400, "text/plain; charset=utf-8",
                             done ? "Cache flushed.\n" : "Not flushed: there are requests in this worker.\n");
  }
  const bool reads = method == "GET" || method == "HEAD";
  if (reads && handle_get(connection, path, now)) return;
  refuse(client, {.status = 404, .message = "there is nothing at " + method + " " + std::string(path), .param = {}});
}

bool ServeWorker::handle_get(ServeConnection& connection, std::string_view path, Time now) {
  if (path == "/health" || path == "/health_generate" || path == "/ping") {
    connection.answer(draining_ ? 503 : 200, {}, {});
  } else if (path == "/v1/models") {
    connection.answer(200, kJson, models_json(settings_, epoch_s(now)));
  } else if (path == "/get_model_info" || path == "/model_info") {
    connection.answer(200, kJson, model_info_json(settings_));
  } else if (path == "/get_server_info" || path == "/server_info") {
    connection.answer(200, kJson, server_info_json(settings_, gauges()));
  } else if (path == "/get_load") {
    connection.answer(200, kJson, load_json(gauges()));
  } else if (path == "/metrics") {
    const std::string_view mode = disaggregation_mode(settings_.config.role);
    connection.answer(200, kPrometheusType, stats_.metrics(settings_.model_name, mode == "null" ? "unified" : mode, gauges()));
  } else {
    return false;
  }
  return true;
}

// What this worker cannot serve whatever its state.
std::optional<net::ApiError> ServeWorker::check(const net::InferenceRequest& request) const {
  if (!request.model.empty() && request.model != settings_.model_name && request.model != settings_.model_path &&
      request.model != "default") {
    return net::ApiError{
        .status = 404,
        .message = "The model `" + request.model + "` does not exist; this server has `" + settings_.model_name + "`.",
        .param = "model"};
  }
  if (settings_.config.role == Role::aggregated) return std::nullopt;
  const std::string mode(disaggregation_mode(settings_.config.role));
  if (!request.bootstrap) {
    return net::ApiError{.status = 400,
                         .message = "this is a " + mode +
                                    " worker: a request needs bootstrap_room, which a router for "
                                    "disaggregated serving adds",
                         .param = "bootstrap_room"};
  }
  if (decode_rooms_ && (request.bootstrap->host.empty() || !request.bootstrap->port)) {
    return net::ApiError{.status = 400,
                         .message = "a decode worker needs bootstrap_host and bootstrap_port of the prefill worker",
                         .param = "bootstrap_port"};
  }
  return std::nullopt;
}

ServeAnswer::Plan ServeWorker::plan_of(const net::InferenceRequest& request, Time received) {
  ServeAnswer::Plan plan{.request = {next_request_++},
                         .connection = 0,
                         .api = request.api,
                         .stream = request.stream,
                         .include_usage = request.include_usage,
                         .content = content_of(request),
                         .input = 0,
                         .output = 0,
                         .output_here = 0,
                         .finish_reason = "length",
                         .bootstrap = request.bootstrap,
                         .received = received,
                         .x_request_id = {}};
  plan.input = request.token_ids.empty() ? net::count_tokens(settings_.vocabulary->words(), request.text)
                                         : static_cast<Tokens>(request.token_ids.size());
  if (request.api == net::Api::chat) plan.input += kChatTemplateTokens;
  plan.input = std::max<Tokens>(plan.input, 1);
  if (request.max_tokens) {
    plan.output = *request.max_tokens;
  } else {
    const Tokens usual = request.api == net::Api::completions ? kDefaultCompletionsOutput : kDefaultOutput;
    const Tokens room = std::max<Tokens>(settings_.config.context_length - plan.input, 1);
    plan.output = std::max(std::min(usual, room), request.min_tokens);
    if (request.api == net::Api::chat) plan.finish_reason = "stop";  // a chat's answer ends by itself
  }
  plan.output_here = prefill_rooms_ ? 1 : plan.output;
  return plan;
}

// Of prompt and answer, so that a next turn which repeats both finds both. A decode worker shares nothing.
void ServeWorker::pages_of(const net::InferenceRequest& request, const ServeAnswer::Plan& plan) {
  pages_.clear();
  const Tokens page = settings_.config.page;
  if (decode_rooms_) return;
  if (!request.token_ids.empty()) return net::pages_of_ids(request.token_ids, page, pages_);
  words_ = request.text;
  const Tokens fits = std::clamp<Tokens>(settings_.config.context_length - plan.input, 0, plan.output);
  const Vocabulary& vocabulary = *settings_.vocabulary;
  for (Tokens k = 0; k < fits; ++k) words_ += vocabulary.word(vocabulary.index_of(plan.content, k));
  net::pages_of_text(vocabulary.words(), words_, page, pages_);
}

void ServeWorker::handle_inference(ClientId id, Client& client, net::Api api, Time now) {
  auto request = reader_.read(api, client.connection.body());
  if (!request) return refuse(client, request.error());
  if (const auto error = check(*request)) return refuse(client, *error);
  ServeAnswer::Plan plan = plan_of(*request, client.connection.received());
  plan.connection = id;
  if (const std::string* name = client.connection.head().find("x-request-id")) plan.x_request_id = *name;
  if (settings_.config.role == Role::aggregated) plan.bootstrap.reset();
  if (plan.bootstrap && !open_room(plan, now)) {
    // Not the client's fault: a router whose connection broke may have sent the request again before this side knew.
    return refuse(client, {.status = 503, .message = "this bootstrap_room is in use", .param = "bootstrap_room"});
  }
  stats_.request();
  pages_of(*request, plan);
  const std::string answer_id = request->rid.empty()
                                    ? id_of(api, plan.request.value + static_cast<std::uint64_t>(settings_.start_epoch_ns))
                                    : request->rid;
  client.request = plan.request;
  answers_.emplace(plan.request.value, ServeAnswer(plan, net::AnswerWriter(api, answer_id, settings_.model_name, epoch_s(now)),
                                                   *settings_.vocabulary, client.connection));
  static constexpr std::array<Stage, 3> kStage{Stage::whole, Stage::prefill, Stage::decode};  // by Role
  host_.submit({.id = plan.request,
                .stage = kStage[static_cast<std::size_t>(settings_.config.role)],
                .input = plan.input,
                .output = plan.output,
                .pages = pages_},
               now);
  settle(now);
  // Half of a pair may still fail before its first token; its status waits for that.
  const auto accepted = answers_.find(plan.request.value);
  if (accepted != answers_.end() && !plan.bootstrap) accepted->second.begin();
}

}  // namespace infbench::live
