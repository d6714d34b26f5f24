#include "live/gateway_shell.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "live/gateway_headers.h"

namespace infbench::live {
namespace {

constexpr Duration kHousekeeping = milliseconds(500);
constexpr Duration kLinger = seconds(2);
constexpr Duration kIdleUpstream = seconds(50);
constexpr int kMetricsPort = 29000;
constexpr std::size_t kLogPiece = std::size_t{64} << 10U;
constexpr std::size_t kIdleMax = 500;                      // connections that are kept for one worker
constexpr std::size_t kBatchMax = 4096;                    // prompts in one request to a pair: each needs a room
constexpr std::size_t kProgress = std::size_t{64} << 10U;  // of a body, within the time that a head may take
constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n";

}  // namespace

GatewayShell::Turn::~Turn() {
  if (shell_.depth_ == 1 && std::exchange(shell_.news_, false)) shell_.pump();
  if (--shell_.depth_ > 0) return;
  shell_.ended_clients_.clear();
  shell_.ended_upstreams_.clear();
}

GatewayShell::GatewayShell(net::EventLoop& loop, const GatewaySettings& settings, std::unique_ptr<Gateway> gateway,
                           std::function<void()> on_drained)
    : loop_(loop),
      settings_(settings),
      gateway_(std::move(gateway)),
      on_drained_(std::move(on_drained)),
      timer_(loop,
             [this] {
               const Turn turn(*this);
               gateway_->advance(net::steady_now());
             }),
      housekeeping_(loop,
                    [this] {
                      const Turn turn(*this);
                      sweep();
                    }),
      metrics_(settings.policy, settings.prefill_policy, settings.decode_policy),
      prompts_(gateway_->wants_pages(),
               {.page = settings.kv.endpoints.empty() ? 0 : settings.kv.page, .words = settings.kv.words}),
      random_(settings.seed ^ static_cast<std::uint64_t>(net::to_epoch_ns(net::steady_now()))),
      alive_(std::make_shared<bool>(true)) {}

GatewayShell::~GatewayShell() {
  *alive_ = false;
  write_log(0);
}

void GatewayShell::write_log_to(GatewayLog& log, DecisionFile& file) {
  log_ = &log;
  log_file_ = &file;
}

// What has gathered, once it is `least` bytes.
void GatewayShell::write_log(std::size_t least) {
  if (log_ == nullptr || log_->text().size() < std::max<std::size_t>(least, 1)) return;
  const bool well = log_file_->problem().empty();
  log_file_->write(log_->text());
  if (log_file_->problem().empty()) metrics_.add_decision_log_bytes(log_->text().size());
  log_->text().clear();
  if (well && !log_file_->problem().empty())
    static_cast<void>(std::fprintf(stderr, "srtctl route: %s\n", log_file_->problem().c_str()));
}

Result<void> GatewayShell::open() {
  const auto on_accept = [this](auto connection) {
    const Turn turn(*this);
    accept(std::move(connection));
  };
  auto listener = net::Listener::open(loop_, settings_.host, settings_.port, on_accept, settings_.tls);
  if (!listener) return fail(std::move(listener.error()));
  listener_ = *std::move(listener);
  if (auto metrics = open_metrics(); !metrics) return metrics;
  if (auto kv = open_kv(); !kv) return kv;
  housekeeping_.arm(net::steady_now() + kHousekeeping);
  const Turn turn(*this);
  return {};
}

// Its usual port may be another gateway's: only one that was asked for has to be free.
Result<void> GatewayShell::open_metrics() {
  auto opened = MetricsPort::open(loop_, settings_.metrics_host, settings_.metrics_port.value_or(kMetricsPort), [this] {
    std::string text = metrics_.text(*gateway_, clients_.size(), net::steady_now());
    write_kv_metrics(text);
    return text;
  });
  if (opened) {
    metrics_port_ = *std::move(opened);
    return {};
  }
  if (!settings_.metrics_port) return {};
  for (Error& error : opened.error()) error.hint = "choose another --prometheus-port; 0 takes a free one";
  return fail(std::move(opened.error()));
}

// ---- Clients

void GatewayShell::accept(std::unique_ptr<net::Connection> connection) {
  if (settings_.clients_max > 0 && clients_.size() >= settings_.clients_max) return connection->send(kFull);
  net::Connection& socket = *connection;
  auto owned = std::make_unique<Client>(std::move(connection), net::HttpLimits{.body_bytes = settings_.body_bytes_max});
  Client& client = *owned;
  client.since = net::steady_now();
  clients_.emplace(&client, std::move(owned));
  socket.set_events({.on_bytes =
                         [this, &client](std::string_view bytes, Time received) {
                           const Turn turn(*this);
                           on_client_bytes(client, bytes, received);
                         },
                     .on_drained =
                         [this, &client] {
                           const Turn turn(*this);
                           go_on(client);
                         },
                     .on_closed =
                         [this, &client](const std::string&) {
                           const Turn turn(*this);
                           lose(client);
                         }});
}

// The client has taken all that there was for it.
void GatewayShell::go_on(Client& client) {
  if (client.ended) return;
  if (client.relayed != nullptr && client.relayed->paused && client.relayed->connection) {
    client.relayed->paused = false;
    client.relayed->connection->resume_reading();
  }
  if (client.protocol.next_request()) return take_requests(client);
  flush(client);
}

void GatewayShell::on_client_bytes(Client& client, std::string_view bytes, Time received) {
  if (client.ended) return;
  if (client.protocol.feed(bytes, received)) {
    take_requests(client);
  } else {
    count_progress(client);
    flush(client);
  }
}

// A head, and a small body, have to come within one time limit; of a large one something has to.
void GatewayShell::count_progress(Client& client) {
  const std::size_t come = client.protocol.body().size();
  if (come >= client.body_seen && come < client.body_seen + kProgress) return;
  if (come > client.body_seen) client.since = net::steady_now();
  client.body_seen = come;
}

// Answers what is there, as far as the client takes the answers; of those that take time the first.
void GatewayShell::take_requests(Client& client) {
  bool more = true;
  while (more && !client.ended) {
    take_request(client);
    count_answered(client);
    if (client.protocol.out().size() > kUnsentMax) flush(client);
    more = client.connection->unsent() <= kUnsentMax && client.protocol.next_request();
  }
  if (!client.ended) flush(client);
}

void GatewayShell::take_request(Client& client) {
  const net::HttpHead& head = client.protocol.head();
  metrics_.begin(client.measured, head.method, head.path(), client.protocol.received());
  client.request_id = request_id(head, settings_.request_id_headers, random_);
  if (answer_here(client)) return;
  if (!allowed(client)) return;
  const auto api = net::api_at(head.path());
  if (head.method != "POST") {
    return answer_error(client, api ? 405 : 404, api ? "method_not_allowed" : "not_found",
                        api ? "use POST" : "there is no such path");
  }
  if (drain_until_) return answer_error(client, 503, "shutting_down", "the gateway is shutting down");
  if (!api && settings_.disaggregated) return ask_one(client);
  start_call(client, api);
}

bool GatewayShell::allowed(Client& client) {
  if (settings_.api_key.empty() || has_key(client.protocol.head(), settings_.api_key)) return true;
  answer_error(client, 401, "unauthorized", "the API key is missing or wrong");
  return false;
}

void GatewayShell::start_call(Client& client, std::optional<net::Api> api) {
  const Time begun = net::steady_now();
  client.prompt = {.pages = {}, .input = 1};
  if (api) {
    if (const auto read = prompts_.read(*api, client.protocol.body(), client.prompt); !read) {
      client.protocol.answer(read.error().status, "application/json", net::error_json(read.error()));
      return;
    }
  }
  if (settings_.disaggregated) {
    // The later of two members counts for engines: a client's own would decide where KV comes from, and whose.
    if (client.prompt.names_room) return answer_error(client, 400, "bad_request", "bootstrap_* members are the gateway's");
    if (client.prompt.prompts > kBatchMax) return answer_error(client, 400, "bad_request", "too many prompts in one request");
  }
  metrics_.routed(client.measured, api, client.prompt.streamed);
  const std::string* key = client.protocol.head().find("x-smg-routing-key");
  client.call =
      gateway_->arrived(client.prompt, key != nullptr ? std::string_view(*key) : std::string_view(), net::steady_now());
  metrics_.decided(net::steady_now() - begun);
  calls_.emplace(client.call, &client);
}

void GatewayShell::flush(Client& client) {
  if (client.ended) return;
  if (std::string& out = client.protocol.out(); !out.empty()) {
    client.connection->send(out);
    out.clear();
    client.since = net::steady_now();
  }
  if (client.protocol.close_when_sent() && !client.shut) {
    client.shut = true;
    client.connection->shut_when_sent();
  }
  // While a call is under way it is read all the same, so that its going is noticed.
  const bool takes = client.call != 0 || client.connection->unsent() <= kUnsentMax;
  if (client.paused == (takes && client.protocol.wants_bytes())) {
    client.paused = !client.paused;
    client.paused ? client.connection->pause_reading() : client.connection->resume_reading();
  }
}

void GatewayShell::answer_error(Client& client, int status, std::string_view code, const std::string& message) {
  client.measured.code = code;
  client.protocol.answer(status, "application/json",
                         net::error_json({.status = status, .message = message, .param = {}, .code = std::string(code)}));
}

void GatewayShell::lose(Client& client) {
  if (std::exchange(client.ended, true)) return;
  if (client.call != 0) gateway_->left(client.call, net::steady_now());
  questions_.erase(&client);
  client.connection.reset();
  lost_.push_back(&client);
}

// ---- What the Gateway wants

void GatewayShell::run(const GatewayCommand& command) {
  const auto found = calls_.find(command.call);
  if (found == calls_.end()) return;
  Client& client = *found->second;
  switch (command.what) {
    case GatewayCommand::What::send: return send(client, command);
    case GatewayCommand::What::drop: return drop(client, command.part);
    case GatewayCommand::What::relay: {
      Upstream* upstream = command.part == Part::decode ? client.decode : client.first;
      if (upstream != nullptr) relay_head(client, *upstream);
      return;
    }
    case GatewayCommand::What::refuse:
      if (command.code == "upstream_failed") metrics_.retries_exhausted(client.measured, first_role());
      if (!client.ended) answer_error(client, command.status, command.code, message_of(command.code));
      break;
    case GatewayCommand::What::cut:
      client.measured.code = "stream_cut";
      client.protocol.cut();
      break;
    case GatewayCommand::What::finished: break;
  }
  calls_.erase(found);
  client.call = 0;
  client.relayed = nullptr;
  if (client.ended) return;
  client.since = net::steady_now();
  count_answered(client);
  if (client.protocol.next_request()) return take_requests(client);
  flush(client);  // after that: it may have answered an error, or have made room for bytes to be read on
}

void GatewayShell::note(const GatewayChoice& choice) {
  const auto found = calls_.find(choice.call);
  if (found == calls_.end()) return;
  metrics_.chosen(found->second->measured, choice, found->second->prompt.input, first_role());
  if (settings_.explain) explain(*found->second, choice);
}

void GatewayShell::count_answered(Client& client) {
  if (!client.measured.open || client.protocol.answering()) return;
  metrics_.end(client.measured, client.protocol.status(), net::steady_now());
}

void GatewayShell::explain(Client& client, const GatewayChoice& choice) const {
  const auto url = [&](const route::Pick& pick) { return gateway_->workers()[pick.worker.value].settings.target.url; };
  std::string& text = client.explanation;
  text = "x-srtctl-worker: " + url(choice.route.pick) + "\r\nx-srtctl-reason: " + std::string(name_of(choice.route.pick.why)) +
         "\r\nx-srtctl-cached-tokens: " + std::to_string(choice.route.pick.cached) + "\r\n";
  if (!choice.route.decode) return;
  text += "x-srtctl-decode-worker: " + url(*choice.route.decode) +
          "\r\nx-srtctl-decode-reason: " + std::string(name_of(choice.route.decode->why)) + "\r\n";
}

void GatewayShell::pump() {
  gateway_->take_choices(choices_);
  gateway_->take_commands(commands_);
  while (!commands_.empty()) {
    for (const GatewayChoice& choice : choices_) note(choice);
    const std::vector<GatewayCommand> now = std::exchange(commands_, {});
    for (const GatewayCommand& command : now) run(command);
    gateway_->take_choices(choices_);
    gateway_->take_commands(commands_);
  }
  std::erase_if(lost_, [&](Client* client) {
    if (client->call != 0) return false;
    const auto found = clients_.find(client);
    ended_clients_.push_back(std::move(found->second));
    clients_.erase(found);
    return true;
  });
  const Time now = net::steady_now();
  check_health(now);
  write_log(kLogPiece);
  timer_.arm(gateway_->next());
  check_drained();
}

void GatewayShell::check_health(Time now) {
  for (const WorkerId id : gateway_->health_due(now)) {
    const UpstreamSettings& worker = gateway_->workers()[id.value].settings;
    health_calls_[id.value] =
        std::make_unique<HttpCall>(loop_, worker.target, HttpCall::Request{.path = settings_.health.path},
                                   settings_.health.timeout, [this, id](const Result<HttpAnswer>& answer) {
                                     const Turn turn(*this);
                                     const bool ok = answer.has_value() && answer->status == 200;
                                     metrics_.health_checked(gateway_->workers()[id.value].settings.role, ok);
                                     gateway_->health(id, ok, net::steady_now());
                                   });
  }
}

// ---- Now and then

// Lets go of clients that are half closed or take too long to ask or to take an answer, and of connections to workers that
// nobody needs.
void GatewayShell::sweep() {
  const Time now = net::steady_now();
  for (const auto& [key, client] : clients_) {
    if (client->ended || client->call != 0 || questions_.contains(key)) continue;
    const std::size_t unsent = client->connection->unsent();
    if (unsent < client->unsent_seen) client->since = now;  // it still takes its answer
    client->unsent_seen = unsent;
    const Duration patience = client->shut && unsent == 0 ? kLinger : settings_.head_timeout;
    if (now - client->since > patience) lose(*client);
  }
  for (Pool& pool : pools_) {
    while (!pool.idle.empty() && (pool.idle.size() > kIdleMax || now - pool.idle.front()->idle_since > kIdleUpstream)) {
      destroy(*pool.idle.front());
    }
  }
  write_log(0);
  housekeeping_.arm(now + kHousekeeping);
}

void GatewayShell::drain() {
  const Turn turn(*this);
  drain_until_ = net::steady_now() + settings_.shutdown_grace;
  listener_.reset();
  for (const auto& [key, client] : clients_) {
    client->protocol.close_after_answer();
    if (client->call == 0) flush(*client);
  }
}

void GatewayShell::check_drained() {
  if (!drain_until_ || told_drained_) return;
  bool busy = !calls_.empty() || !questions_.empty();
  for (const auto& [key, client] : clients_) busy = busy || (!client->ended && client->connection->unsent() > 0);
  if (busy && net::steady_now() < *drain_until_) return;
  told_drained_ = true;
  on_drained_();
}

}  // namespace infbench::live
