// What must hold while a Run goes on, and when it is over.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "live/gateway_log_check.h"
#include "live/replay_chunk.h"
#include "live/serve_for_test.h"
#include "net/openai.h"
#include "run.h"

namespace infbench::faults {
namespace {

// Of all samples of a metric, whatever their labels.
double sum_of(std::string_view text, std::string_view name) {
  double sum = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    const char next = line[name.size()];
    if (next == '{' || next == ' ') sum += std::strtod(std::string(line.substr(line.rfind(' '))).c_str(), nullptr);
  }
  return sum;
}

}  // namespace

// ---- At every step

void Run::check_step(const std::string& host) {
  if (host == "gateway" && gateway_ != nullptr) {
    wrong(calls_.complaint());
    check_gateway();
  }
  if (host != "client") return;
  if (finished_ > 1) wrong("the client finishes twice");
  if (sender_ != nullptr) {
    const auto in_flight = sender_->counters().in_flight.load();
    const auto sent = sender_->counters().sent.load();
    if (in_flight < 0 || in_flight > sent) wrong("the client has " + std::to_string(in_flight) + " requests in flight");
  }
}

void Run::check_gateway() {
  const live::Gateway& gateway = gateway_->gateway();
  const route::Ledger& ledger = gateway.router().ledger();
  for (std::uint32_t i = 0; i < gateway.workers().size(); ++i) {
    const live::GatewayWorker& worker = gateway.workers()[i];
    int held = 0;
    if (ledger.knows({i})) {
      const route::WorkerView view = ledger.view({i}, network_.now());
      held = view.waiting + view.running;
    }
    // A prefill worker is rid of a prompt before its answer ends.
    if (worker.active < 0 || held > worker.active || (worker.settings.role != Role::prefill && held != worker.active)) {
      wrong("of " + worker.settings.target.host + " the ledger holds " + std::to_string(held) + " requests, the gateway " +
            std::to_string(worker.active));
    }
    // One that was taken out and brought back is another worker on the same host.
    int active = worker.active;
    for (std::uint32_t j = 0; replaced_ && j < gateway.workers().size(); ++j) {
      if (j != i && gateway.workers()[j].settings.target.host == worker.settings.target.host)
        active += gateway.workers()[j].active;
    }
    const int running = calls_.attempts_on(worker.settings.target.host);
    if (running > active) {
      wrong(std::to_string(running) + " attempts run on " + worker.settings.target.host + ", the gateway knows of " +
            std::to_string(active));
    }
  }
  if (gateway.calls() > calls_.live_calls()) {
    wrong("the gateway has " + std::to_string(gateway.calls()) + " calls, clients wait for " +
          std::to_string(calls_.live_calls()));
  }
}

// ---- Of every request

void Run::check_record(const measure::LiveRecord& live) {
  const measure::RequestRecord& r = live.record;
  const bool ok = measure::succeeded(r);
  network_.note("request " + std::to_string(r.request.value) +
                (ok ? " succeeded" : " failed: " + std::string(live.error_class) + ", " + r.error));
  if (!records_.emplace(r.request.value, ok).second) wrong("request " + std::to_string(r.request.value) + " ends twice");
  ++figures_.requests;
  figures_.succeeded += ok ? 1 : 0;
  if (!ok) ++figures_.failures[std::string(live.error_class)];
  ok ? check_success(live) : check_failure(live);
}

// The answer has exactly the words that a worker gives to this prompt.
void Run::check_success(const measure::LiveRecord& live) {
  const measure::RequestRecord& r = live.record;
  const std::string who = "request " + std::to_string(r.request.value);
  if (live.error_class.data() != nullptr && !live.error_class.empty()) wrong(who + " succeeded and has an error class");
  if (r.sent < r.scheduled && !live.sent_again) wrong(who + " was sent before it was due");
  if (*r.first_token < r.sent || *r.end < *r.first_token) wrong(who + ": its moments are out of order");
  std::string body = live.raw->request.substr(live.raw->request.find("\r\n\r\n") + 4);
  net::RequestReader reader;
  const auto asked = reader.read(scenario_.chat ? net::Api::chat : net::Api::completions, body);
  if (!asked) return wrong(who + ": its body cannot be read: " + asked.error().message);
  std::string expected;
  const std::uint64_t content = hash_bytes(asked->text, 0);
  const live::Vocabulary& words = live::test::vocabulary();
  for (Tokens k = 0; k < r.output_asked; ++k) expected += words.escaped(words.index_of(content, k));
  live::JsonParser parser;
  live::ServerError error;
  std::string answer;
  for (const auto& response : live.raw->responses) {
    if (response.text != "[DONE]") answer += parser.read(response.text, error).text;
  }
  if (answer != expected) wrong(who + " got '" + answer + "' instead of '" + expected + "'");
  if (scenario_.streaming && live.chunks != r.output_asked) wrong(who + " got " + std::to_string(live.chunks) + " tokens");
}

// Each class needs a reason.
void Run::check_failure(const measure::LiveRecord& live) {
  const measure::RequestRecord& r = live.record;
  const std::string_view name = live.error_class;
  const auto unjustified = [&](const std::string& why) {
    wrong("request " + std::to_string(r.request.value) + " failed with " + std::string(name) + ", " + r.error + ": " + why);
  };
  if (scenario_.calm) return unjustified("nothing went wrong");
  const FaultCounts& faults = network_.counts();
  if (name == "ConnectError") {
    if (faults.refused + faults.lost + faults.pauses == 0 && scenario_.rates.slow == 0)
      unjustified("all connections came about");
  } else if (name == "ConnectionCutError") {
    const bool ended = !scenario_.mishaps.empty() || scenario_.flaky || scenario_.gateway.clients_max > 0;
    if (!ended && faults.resets + faults.closes + faults.stalls == 0 && scenario_.rates.slow == 0 &&
        scenario_.gateway.request_timeout >= seconds(30)) {
      unjustified("nothing was cut");
    }
  } else if (name == "RequestTimeoutError") {
    if (*r.end - r.sent < scenario_.client_timeout) unjustified("it had more time");
  } else if (name == "RequestCancellationError") {
    if (!cancelled_) unjustified("nobody gave up");
  } else if (name == "PreviousTurnError") {
    const auto previous = trace_.request(r.request).previous;
    const auto record = previous ? records_.find(previous->value) : records_.end();
    if (record == records_.end() || record->second) unjustified("the turn before it did not fail");
  } else if (name == "HttpStatusError") {
    constexpr std::array<int, 5> kAlways{408, 429, 502, 503, 504};
    const bool usual = std::ranges::find(kAlways, r.error_code) != kAlways.end();
    if (!usual && !(scenario_.flaky && (r.error_code == 404 || r.error_code == 500)))
      unjustified("nobody has a reason to say that");
    const bool limits = scenario_.gateway.admission.concurrent_max.has_value();
    if (!limits && !scenario_.flaky && (r.error_code == 408 || r.error_code == 429)) unjustified("there are no limits");
  } else {
    unjustified("nobody talks like that");
  }
}

// ---- At the end

void Run::check_client() {
  if (!complaint_.empty()) return;
  const std::int64_t all = static_cast<std::int64_t>(trace_.size());
  const auto ended = static_cast<std::int64_t>(records_.size());
  if (ended + sender_->not_sent() != all) {
    wrong("of " + std::to_string(all) + " requests " + std::to_string(ended) + " have ended and " +
          std::to_string(sender_->not_sent()) + " were not sent");
  }
  if (sender_->counters().in_flight.load() != 0) wrong("the client has finished and requests are in flight");
}

// After a long time without faults nothing is left of any request.
void Run::check_rest() {
  const live::Gateway& gateway = gateway_->gateway();
  if (gateway.calls() != 0) wrong("the gateway still has " + std::to_string(gateway.calls()) + " calls");
  if (calls_.running() != 0) wrong("an attempt still runs");
  std::uint64_t tried = 0;
  for (const live::GatewayWorker& worker : gateway.workers()) {
    if (worker.active != 0) wrong(worker.settings.target.host + " still has attempts");
    tried += worker.breaker.counts().successes + worker.breaker.counts().failures;
    const bool flaky = scenario_.flaky && worker.settings.target.host == worker_host(*scenario_.flaky);
    if (!worker.up && !worker.removed && !flaky) wrong(worker.settings.target.host + " is well and gets no requests");
  }
  // An attempt that was given up counts as neither.
  const live::GatewayCounters& counts = gateway.counters();
  const std::uint64_t choices = counts.calls + counts.retries;
  if (tried > choices * (scenario_.gateway.disaggregated ? 2 : 1)) wrong("more attempts have ended than were made");
  const bool health = scenario_.gateway.health.enabled;
  const std::size_t checks = health ? gateway.workers().size() : 0;
  if (network_.open_ends("gateway") > checks)
    wrong("the gateway still has " + std::to_string(network_.open_ends("gateway")) + " connections");
  if (!health && network_.armed_timers("gateway") > 2)
    wrong("the gateway still has " + std::to_string(network_.armed_timers("gateway")) + " timers");
  if (network_.armed_timers("client") > 0) wrong("the client still has a timer");
  for (const auto& worker : workers_) {
    if (worker == nullptr) continue;
    if (!worker->runs()) {
      wrong(worker->host() + " does not run");
      continue;
    }
    if (!worker->worker().idle()) wrong(worker->host() + " still has a request or a room");
    if (worker->worker().clients() > (health ? 1 : 0)) wrong(worker->host() + " still has clients");
    if (worker->worker().next()) wrong(worker->host() + " still waits for a moment");
  }
}

// What the programs say of themselves adds up.
void Run::check_counters() {
  admins_.clear();
  admins_.push_back(std::make_unique<AdminProgram>("gateway", 29000, live::HttpCall::Request{.path = "/metrics"}));
  for (const auto& worker : workers_) {
    if (worker != nullptr)
      admins_.push_back(
          std::make_unique<AdminProgram>(worker->host(), kServePort, live::HttpCall::Request{.path = "/metrics"}));
  }
  run_for(seconds(5));
  const auto expect = [&](const std::string& what, double found, double expected) {
    if (found != expected) wrong(what + ": " + std::to_string(found) + " instead of " + std::to_string(expected));
  };
  const std::string& gateway = admins_.front()->answer();
  if (gateway.empty()) return wrong("the gateway has no metrics");
  expect("requests of the gateway", sum_of(gateway, "smg_router_requests_total"),
         static_cast<double>(gateway_->gateway().counters().calls));
  expect("requests that have not ended", sum_of(gateway, "srtctl_route_requests"), 0);
  expect("connections of clients", sum_of(gateway, "smg_http_connections_active"), 0);
  if (sum_of(gateway, "smg_http_responses_total") > sum_of(gateway, "smg_http_requests_total"))
    wrong("the gateway has given more answers than it got requests");
  for (std::size_t i = 1; i < admins_.size(); ++i) {
    const std::string& worker = admins_[i]->answer();
    if (worker.empty()) return wrong("a worker has no metrics");
    for (const char* name : {"sglang:num_running_reqs", "sglang:num_queue_reqs", "sglang:num_used_tokens"}) {
      expect(name, sum_of(worker, name), 0);
    }
    expect("requests of a worker that have ended",
           sum_of(worker, "sglang:e2e_request_latency_seconds_count") + sum_of(worker, "sglang:num_aborted_requests_total"),
           sum_of(worker, "sglang:num_requests_total"));
  }
}

// The inputs of the gateway's log, given to a fresh one, lead to the same choices.
void Run::check_log() {
  if (log_ == nullptr) return;
  std::ifstream in(log_path_, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const auto check = live::check_gateway_log(text.str());
  if (!check) return wrong("the decision log cannot be read: " + check.error().front().what);
  if (check->choices == 0 && figures_.succeeded > 0) wrong("the decision log has no choices");
  if (!check->differences.empty()) wrong("the decision log: " + check->differences.front());
}

}  // namespace infbench::faults
