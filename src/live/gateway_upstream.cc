// The gateway's connections to workers: requests out, answers back to clients.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/json_writer.h"
#include "live/gateway_headers.h"
#include "live/gateway_shell.h"

namespace infbench::live {
namespace {

constexpr std::size_t kBodySlice = std::size_t{1} << 20U;  // of a request, given to the kernel at once
constexpr std::size_t kHeadMax = std::size_t{64} << 10U;

}  // namespace

// ---- Requests

void GatewayShell::send(Client& client, const GatewayCommand& command) {
  if (pools_.size() < gateway_->workers().size()) pools_.resize(gateway_->workers().size());
  Pool& pool = pools_[command.worker.value];
  Upstream* upstream = nullptr;
  if (!pool.idle.empty()) {
    upstream = pool.idle.back();
    pool.idle.pop_back();
  } else {
    make_room();
    auto fresh = std::make_unique<Upstream>(net::HttpLimits{.head_bytes = kHeadMax, .body_bytes = UINT64_MAX}, next_serial_++);
    upstream = fresh.get();
    upstream->worker = command.worker;
    upstreams_.emplace(upstream, std::move(fresh));
  }
  upstream->client = &client;
  upstream->call = command.call;
  upstream->part = command.part;
  upstream->heard = upstream->head = upstream->body = false;
  (command.part == Part::decode ? client.decode : client.first) = upstream;
  compose(client, command, *upstream);
  if (upstream->connection) {
    send_request(*upstream);
  } else {
    connect(*upstream);
  }
}

// Head and, of a pair, the members that both halves meet by; the rest of the body is the client's own.
void GatewayShell::compose(const Client& client, const GatewayCommand& command, Upstream& upstream) const {
  const Target& target = gateway_->workers()[command.worker.value].settings.target;
  const net::HttpHead& head = client.protocol.head();
  std::string members;
  if (command.part != Part::whole) {
    const UpstreamSettings& prefill = gateway_->workers()[command.prefill.value].settings;
    const std::string port = prefill.bootstrap_port ? std::to_string(*prefill.bootstrap_port) : "null";
    std::string host;
    append_json(host, std::string_view(prefill.target.host));
    // Of a batch: one for each prompt, as the engine expects; rooms follow each other.
    const std::size_t several = client.prompt.prompts;
    const auto list = [&](const auto& item) {
      std::string out = several > 1 ? "[" : "";
      for (std::size_t i = 0; i < several; ++i) out += (i > 0 ? "," : "") + item(i);
      return out + (several > 1 ? "]" : "");
    };
    members = "\"bootstrap_host\":" + list([&](std::size_t) { return host; }) +
              ",\"bootstrap_port\":" + list([&](std::size_t) { return port; }) +
              ",\"bootstrap_room\":" + list([&](std::size_t i) { return std::to_string(command.room + i); }) +
              (client.prompt.has_members ? "," : "");
  }
  const std::string_view body = client.protocol.body();
  const std::size_t split = members.empty() ? 0 : client.prompt.members_at;
  std::string& out = upstream.before;
  out.clear();
  out.append(head.method).append(" ").append(target.path).append(head.target).append(" HTTP/1.1\r\nhost: ");
  out.append(target.authority()).append("\r\n");
  append_end_to_end(head, "x-request-id", out);
  out.append("x-request-id: ").append(client.request_id).append("\r\ncontent-length: ");
  out.append(std::to_string(body.size() + members.size())).append("\r\n\r\n");
  out.append(body.substr(0, split)).append(members);
  upstream.body_at = split;
}

void GatewayShell::connect(Upstream& upstream) {
  const Target& target = gateway_->workers()[upstream.worker.value].settings.target;
  net::connect(
      loop_, target.host, target.port, settings_.connect_timeout,
      [this, key = &upstream, serial = upstream.serial, alive = alive_](Result<std::unique_ptr<net::Connection>> connected) {
        if (!*alive) return;
        const auto found = upstreams_.find(key);
        if (found == upstreams_.end() || found->second->serial != serial) return;
        const Turn turn(*this);
        Upstream& here = *found->second;
        if (connected) return own(here, *std::move(connected));
        on_closed(here, false);
      });
}

void GatewayShell::own(Upstream& upstream, std::unique_ptr<net::Connection> connection) {
  upstream.connection = std::move(connection);
  upstream.connection->set_events({.on_bytes =
                                       [this, &upstream](std::string_view bytes, Time) {
                                         const Turn turn(*this, true);
                                         on_bytes(upstream, bytes);
                                       },
                                   .on_drained =
                                       [this, &upstream] {
                                         const Turn turn(*this);
                                         if (upstream.client != nullptr) send_body(upstream);
                                       },
                                   .on_closed =
                                       [this, &upstream](const std::string& reason) {
                                         const Turn turn(*this);
                                         on_closed(upstream, reason.empty());
                                       }});
  send_request(upstream);
}

void GatewayShell::send_request(Upstream& upstream) {
  const std::string_view body = std::string_view(upstream.client->protocol.body()).substr(upstream.body_at);
  const std::string_view first = body.substr(0, kBodySlice);
  const std::string_view parts[] = {upstream.before, first};  // NOLINT(modernize-avoid-c-arrays)
  upstream.connection->send(parts);
  upstream.body_sent = first.size();
  send_body(upstream);
}

// A large body goes in slices, each when the kernel has taken the one before, so that it stands in memory once.
void GatewayShell::send_body(Upstream& upstream) {
  const std::string_view body = std::string_view(upstream.client->protocol.body()).substr(upstream.body_at);
  while (upstream.body_sent < body.size() && upstream.connection->unsent() == 0) {
    const std::string_view slice = body.substr(upstream.body_sent, kBodySlice);
    upstream.body_sent += slice.size();
    upstream.connection->send(slice);
  }
}

// ---- Answers

void GatewayShell::on_bytes(Upstream& upstream, std::string_view bytes) {
  upstream.heard = true;
  while (!bytes.empty() && upstream.client != nullptr && upstream.connection) {
    const net::HttpReader::Progress progress = upstream.reader.feed(bytes);
    if (progress.head_complete || progress.complete || !upstream.body || upstream.reader.error()) news();
    if (upstream.reader.error()) return on_closed(upstream, false);
    bytes.remove_prefix(progress.consumed);
    on_answer(upstream, progress);
    if (progress.consumed == 0) return;
  }
  if (bytes.empty() || upstream.client != nullptr) return;
  news();
  destroy(upstream);  // nobody has asked for these
}

void GatewayShell::on_answer(Upstream& upstream, const net::HttpReader::Progress& progress) {
  const CallId call = upstream.call;
  const Part part = upstream.part;
  if (progress.head_complete) {
    const int status = upstream.reader.head().status;
    if (status < 200) return;  // 100 Continue and the like are between two neighbours
    upstream.head = true;
    metrics_.answer_began(status);
    gateway_->answered(call, part, status, net::steady_now());
    pump();  // whether it is relayed has to be known before its body
    if (upstream.call != call || upstream.client == nullptr) return;
  }
  if ((!progress.body.empty() || progress.complete) && !tell_first(upstream)) return;
  Client& client = *upstream.client;
  // Before the end of the answer lets go of the request's body.
  const bool reusable =
      upstream.reader.head().keep_alive && upstream.body_at + upstream.body_sent >= client.protocol.body().size();
  const bool relayed = client.relayed == &upstream && !client.ended;
  if (relayed) {
    parts_.clear();
    parts_.emplace_back();  // for what is in out()
    client.protocol.add_relayed(progress.body, parts_);
    // The end of an answer goes with its last piece.
    const std::size_t before = client.protocol.out().size();
    if (progress.complete) client.protocol.end_relay();
    const std::string_view out = client.protocol.out();
    parts_.front() = out.substr(0, before);
    parts_.emplace_back(out.substr(before));
    client.connection->send(parts_);
    client.protocol.out().clear();
    if (client.connection->unsent() > kUnsentMax && !progress.complete) {
      upstream.paused = true;
      upstream.connection->pause_reading();
    }
  }
  if (!progress.complete) return;
  release(upstream, reusable);
  gateway_->ended(call, part, net::steady_now());
}

// False: the call has been given up by that.
bool GatewayShell::tell_first(Upstream& upstream) {
  if (std::exchange(upstream.body, true)) return true;
  const Time now = net::steady_now();
  gateway_->first_bytes(upstream.call, upstream.part, now);
  if (upstream.client->relayed != &upstream) pump();  // it may be relayed from here on
  if (upstream.client == nullptr) return false;
  if (upstream.client->relayed == &upstream) metrics_.first_bytes(upstream.client->measured, now);
  return true;
}

// The head waits in out() for the first piece of the body, so that both go in one write; flush() sends it when none comes.
void GatewayShell::relay_head(Client& client, Upstream& upstream) {
  if (client.ended) return;
  const net::HttpHead& head = upstream.reader.head();
  std::string headers;
  append_end_to_end(head, "x-request-id", headers);
  headers.append("x-request-id: ").append(client.request_id).append("\r\n").append(client.explanation);
  client.relayed = &upstream;
  client.protocol.begin_relay(head.status, headers, head.content_length);
}

// `in_order`: by the worker, and not because the connection broke.
void GatewayShell::on_closed(Upstream& upstream, bool in_order) {
  Client* client = upstream.client;
  const CallId call = upstream.call;
  const Part part = upstream.part;
  if (client == nullptr) return destroy(upstream);
  // An answer without a length ends with the connection.
  if (in_order && upstream.head && upstream.connection && upstream.reader.finish()) {
    if (!tell_first(upstream)) return;
    if (client->relayed == &upstream && !client->ended) client->protocol.end_relay();
    release(upstream, false);
    return gateway_->ended(call, part, net::steady_now());
  }
  if (upstream.used && !upstream.heard && !upstream.reader.error()) {
    // The worker closed an idle connection just when it was used again: it has not seen the request.
    upstream.used = false;
    upstream.connection.reset();
    return connect(upstream);
  }
  release(upstream, false);
  gateway_->broke(call, part, net::steady_now());
}

void GatewayShell::drop(Client& client, Part part) {
  if (Upstream* upstream = part == Part::decode ? client.decode : client.first; upstream != nullptr) release(*upstream, false);
}

// Before one more connection to a worker is made: one that idles goes, if there may be no more.
void GatewayShell::make_room() {
  if (settings_.upstreams_max == 0 || upstreams_.size() < settings_.upstreams_max) return;
  for (Pool& pool : pools_) {
    if (!pool.idle.empty()) return destroy(*pool.idle.front());
  }
}

// Its request is over. Into the pool, or closed.
void GatewayShell::release(Upstream& upstream, bool reusable) {
  if (Client* client = std::exchange(upstream.client, nullptr); client != nullptr) {
    if (client->first == &upstream) client->first = nullptr;
    if (client->decode == &upstream) client->decode = nullptr;
    if (client->relayed == &upstream) client->relayed = nullptr;
  }
  upstream.call = 0;
  if (!reusable || !upstream.connection) return destroy(upstream);
  if (std::exchange(upstream.paused, false)) upstream.connection->resume_reading();
  upstream.used = true;
  upstream.idle_since = net::steady_now();
  pools_[upstream.worker.value].idle.push_back(&upstream);
}

void GatewayShell::destroy(Upstream& upstream) {
  std::erase(pools_[upstream.worker.value].idle, &upstream);
  const auto found = upstreams_.find(&upstream);
  if (found == upstreams_.end()) return;
  upstream.connection.reset();
  ended_upstreams_.push_back(std::move(found->second));
  upstreams_.erase(found);
}

}  // namespace infbench::live
