// What the gateway answers itself, and the questions that it passes on to one worker or to all.
#include <algorithm>
#include <string>
#include <utility>

#include "live/gateway_admin.h"
#include "live/gateway_headers.h"
#include "live/gateway_shell.h"

namespace infbench::live {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr Duration kQuestionTimeout = seconds(30);

std::string error_text(int status, std::string_view code, std::string message) {
  return net::error_json({.status = status, .message = std::move(message), .param = {}, .code = std::string(code)});
}

bool is_public(std::string_view path) { return path == "/health" || path == "/liveness" || path == "/readiness"; }

bool is_passed_on(std::string_view path) {
  return path == "/v1/models" || path == "/get_model_info" || path == "/model_info" || path == "/get_server_info" ||
         path == "/server_info" || path == "/health_generate";
}

}  // namespace

// True when the request was answered, or will be.
bool GatewayShell::answer_here(Client& client) {
  const std::string_view path = client.protocol.head().path();
  const bool get = client.protocol.head().method == "GET" || client.protocol.head().method == "HEAD";
  if (get && is_public(path)) {
    const bool ready = is_ready(*gateway_) && !drain_until_;
    if (path == "/liveness") {
      client.protocol.answer(200, kText, "OK");
    } else if (path == "/health") {
      client.protocol.answer(ready ? 200 : 503, kText, ready ? "OK" : "no worker is ready");
    } else {
      client.protocol.answer(ready ? 200 : 503, kJson, readiness_json(*gateway_));
    }
    return true;
  }
  const bool ours = path == "/workers" || path.starts_with("/workers/") ||
                    (get && (path == "/get_loads" || is_passed_on(path))) || path == "/flush_cache";
  if (!ours) return false;
  if (!allowed(client)) return true;
  if (path == "/flush_cache" && client.protocol.head().method != "POST") {
    answer_error(client, 405, "method_not_allowed", "use POST");
  } else if (path == "/get_loads") {
    client.protocol.answer(200, kJson, loads_json(*gateway_, net::steady_now()));
  } else if (path == "/flush_cache") {
    ask_all(client);
  } else if (is_passed_on(path)) {
    ask_one(client);
  } else if (get && path == "/workers") {
    client.protocol.answer(200, kJson, workers_json(*gateway_));
  } else {
    change_workers(client);
  }
  return true;
}

// A question that was passed on is answered: on to the next request.
void GatewayShell::answered_question(Client& client) {
  // The call that tells this is one of those: freed when it has returned.
  const auto found = questions_.find(&client);
  if (found == questions_.end()) return;
  loop_.post([done = std::make_shared<std::vector<std::unique_ptr<HttpCall>>>(std::move(found->second))] { done->clear(); });
  questions_.erase(found);
  count_answered(client);
  if (!client.protocol.answering() && client.protocol.next_request()) return take_requests(client);
  flush(client);
}

// POST /workers; GET, PUT and DELETE of /workers/ID or /workers/URL.
void GatewayShell::change_workers(Client& client) {
  const net::HttpHead& head = client.protocol.head();
  if (head.path() == "/workers" && head.method == "POST") return add_worker(client);
  const auto refuse = [&client](int status, std::string_view code, const std::string& why) {
    client.protocol.answer(status, kJson, error_text(status, code, why));
  };
  const std::string_view path = head.path();
  constexpr std::string_view kBefore = "/workers/";
  if (!path.starts_with(kBefore)) return refuse(405, "method_not_allowed", "use GET or POST");
  const auto worker = find_worker(*gateway_, path.substr(kBefore.size()));
  if (!worker) return refuse(404, "not_found", "there is no such worker");
  if (head.method == "GET") return client.protocol.answer(200, kJson, worker_json(*gateway_, *worker));
  if (head.method == "PUT") {
    if (const auto read = read_worker_update(client.protocol.body()); !read) {
      return refuse(400, "bad_request", read.error().front().what);
    }
    return client.protocol.answer(202, kJson, accepted_json(*gateway_, *worker, "no policy looks at these"));
  }
  if (head.method != "DELETE") return refuse(405, "method_not_allowed", "use GET, PUT or DELETE");
  gateway_->remove_worker(*worker, net::steady_now());
  client.protocol.answer(202, kJson, accepted_json(*gateway_, *worker, "it gets no more requests"));
}

void GatewayShell::add_worker(Client& client) {
  auto worker = read_worker(client.protocol.body(), settings_.disaggregated);
  if (!worker) {
    client.protocol.answer(400, kJson, error_text(400, "bad_request", worker.error().front().what));
    return;
  }
  if (const auto known = find_worker(*gateway_, worker->target.url)) {
    client.protocol.answer(202, kJson, accepted_json(*gateway_, *known, "it was there already"));
    return;
  }
  const EngineFacts& facts = settings_.engines[static_cast<std::size_t>(worker->role)];
  worker->speed = facts.speed;
  worker->kv_capacity = facts.kv_capacity;
  const WorkerId id = gateway_->add_worker(*worker, net::steady_now());
  client.protocol.answer(202, kJson, accepted_json(*gateway_, id, "it gets requests once it is healthy"));
}

void GatewayShell::ask_one(Client& client) {
  const auto& workers = gateway_->workers();
  const auto up = std::find_if(workers.begin(), workers.end(), [](const GatewayWorker& worker) { return worker.up; });
  if (up == workers.end()) {
    client.protocol.answer(503, kJson, error_text(503, "no_available_workers", message_of("no_available_workers")));
    return;
  }
  HttpCall::Request request{.method = "GET",
                            .path = client.protocol.head().target};  // of a HEAD only the answer's head goes on
  if (client.protocol.head().method == "POST") request.method = "POST";
  if (const std::string* key = client.protocol.head().find("authorization"); key != nullptr) {
    request.headers.emplace_back("authorization", *key);
  }
  if (request.method == "POST") request.body = client.protocol.body();
  questions_[&client].push_back(std::make_unique<HttpCall>(
      loop_, up->settings.target, request, kQuestionTimeout, [this, &client](Result<HttpAnswer> answer) {
        const Turn turn(*this);
        if (answer) {
          client.protocol.answer(answer->status, kJson, answer->body);
        } else {
          client.protocol.answer(502, kJson, error_text(502, "upstream_failed", message_of("upstream_failed")));
        }
        answered_question(client);
      }));
}

// Every worker flushes; answered when the last one has, 200 if all did.
void GatewayShell::ask_all(Client& client) {
  struct Tally {
    std::size_t left = 0;
    std::size_t failed = 0;
    std::size_t all = 0;
  };
  const auto tally = std::make_shared<Tally>();
  auto& questions = questions_[&client];
  for (const GatewayWorker& worker : gateway_->workers()) {
    if (worker.removed) continue;
    ++tally->left;
    ++tally->all;
    questions.push_back(std::make_unique<HttpCall>(
        loop_, worker.settings.target, HttpCall::Request{.method = "POST", .path = "/flush_cache"}, kQuestionTimeout,
        [this, &client, tally](const Result<HttpAnswer>& answer) {
          const Turn turn(*this);
          if (!answer || answer->status != 200) ++tally->failed;
          if (--tally->left > 0) return;
          if (tally->failed == 0) {
            client.protocol.answer(200, kJson, flushed_json(tally->all));
          } else {
            client.protocol.answer(502, kJson,
                                   error_text(502, "flush_failed", std::to_string(tally->failed) + " workers did not flush"));
          }
          answered_question(client);
        }));
  }
  if (tally->left > 0) return;
  questions_.erase(&client);
  client.protocol.answer(503, kJson, error_text(503, "no_available_workers", message_of("no_available_workers")));
}

}  // namespace infbench::live
