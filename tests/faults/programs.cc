#include "programs.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "live/serve_for_test.h"

namespace infbench::faults {

// ---- An engine worker

WorkerProgram::WorkerProgram(const Scenario& scenario, std::size_t index)
    : scenario_(scenario), index_(index), host_(worker_host(index)) {}

void WorkerProgram::start() {
  FakeNetwork& network = FakeNetwork::here();
  network.note(host_ + " starts");
  network.enter(host_);
  live::ServeSettings settings = live::test::settings(scenario_.workers[index_]);
  settings.index = static_cast<std::uint32_t>(index_);
  settings.port = kServePort;
  settings.bootstrap_port = kBootstrapPort;
  settings.config.kv_capacity = scenario_.kv_capacity;
  settings.room_timeout = scenario_.room_timeout;
  settings.clock.start = network.now();
  settings.start_epoch_ns = network.epoch_ns(network.now());
  settings.truth_log = false;
  drained_ = false;
  loop_ = std::make_unique<net::EventLoop>();
  shell_ = std::make_unique<live::ServeShell>(*loop_, settings, -1, [this] { drained_ = true; });
  INFBENCH_CHECK(shell_->open().has_value());
}

void WorkerProgram::kill() {
  FakeNetwork::here().note(host_ + " ends");
  shell_.reset();
  loop_.reset();
}

// ---- A worker that is none

FlakyProgram::FlakyProgram(std::size_t index, Role role)
    : role_(role), loop_([&] {
        FakeNetwork::here().enter(worker_host(index));
        return net::EventLoop::Received::stamped;
      }()) {
  auto opened = net::Listener::open(loop_, "", kServePort, [this](auto connection) { accept(std::move(connection)); });
  INFBENCH_CHECK(opened.has_value());
  listener_ = *std::move(opened);
}

void FlakyProgram::accept(std::unique_ptr<net::Connection> connection) {
  net::Connection& socket = *connection;
  const std::size_t index = peers_.size();
  peers_.emplace_back().connection = std::move(connection);
  socket.set_events({.on_bytes = [this, index](std::string_view bytes, Time) { on_bytes(index, bytes); },
                     .on_drained = {},
                     .on_closed = [this, index](const std::string&) { peers_[index].connection.reset(); }});
}

void FlakyProgram::on_bytes(std::size_t index, std::string_view bytes) {
  Peer& peer = peers_[index];
  while (!bytes.empty() && peer.connection) {
    const auto progress = peer.reader.feed(bytes);
    if (progress.complete) answer(peer);
    if (progress.consumed == 0) return;
    bytes.remove_prefix(progress.consumed);
  }
}

void FlakyProgram::answer(Peer& peer) {
  FakeNetwork& network = FakeNetwork::here();
  const auto whole = [&](int status, std::string_view body) {
    peer.connection->send("HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-type: application/json\r\ncontent-length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  };
  if (peer.reader.head().method == "GET") return whole(network.chance(0.9) ? 200 : 503, "");
  if (role_ == Role::prefill && network.chance(0.3)) return whole(200, "{}");
  constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
  switch (network.random().below(6)) {
    case 0: return;  // for ever
    case 1: peer.connection.reset(); return;
    case 2:
      peer.connection->send("HTTP/1.1 200 OK\r\ncontent-le");
      peer.connection.reset();
      return;
    case 3:
      peer.connection->send(std::string(kHead));
      if (network.chance(0.5)) peer.connection.reset();
      return;
    default: {
      constexpr std::array<int, 8> kStatuses{503, 503, 429, 500, 502, 504, 408, 404};
      whole(kStatuses[network.random().below(kStatuses.size())], R"({"error":{"message":"flaky"}})");
      if (network.chance(0.3)) peer.connection.reset();
    }
  }
}

// ---- Strangers

namespace {

std::string request_text(FakeNetwork& network, std::size_t number, bool chat) {
  const std::string body = chat ? R"({"messages":[{"role":"user","content":"a few words"}],"max_tokens":30,"stream":true})"
                                : R"({"prompt":"a few words","max_tokens":30})";
  const std::string id = "x-request-id: stranger-" + std::to_string(number) + "-" + std::to_string(network.random().next());
  switch (network.random().below(8)) {
    case 0: return "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
    case 1: return "GET /health HTTP/1.0\r\n\r\n";
    case 2: return "GET /v1/models HTTP/1.1\r\nhost: x\r\n" + id + "\r\n\r\n";
    case 3: return "nonsense\r\n\r\n";
    default: break;
  }
  return std::string("POST ") + (chat ? "/v1/chat/completions" : "/v1/completions") + " HTTP/1.1\r\nhost: x\r\n" + id +
         "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

StrangerProgram::StrangerProgram(std::size_t number, bool chat)
    : network_(FakeNetwork::here()),
      loop_([&] {
        network_.enter("stranger" + std::to_string(number));
        return net::EventLoop::Received::stamped;
      }()),
      timer_(loop_, [this] { act(); }) {
  const std::size_t requests = 1 + network_.random().below(3);
  for (std::size_t i = 0; i < requests; ++i) to_send_ += request_text(network_, number, chat);
  if (network_.chance(0.3)) to_send_.resize(network_.random().below(to_send_.size()) + 1);
  net::connect(loop_, "gateway", kGatewayPort, seconds(5), [this](auto connected) {
    if (!connected) {
      ended_ = true;
      return;
    }
    connection_ = *std::move(connected);
    connection_->set_events({.on_bytes =
                                 [this](std::string_view, Time) {
                                   if (network_.chance(0.2)) connection_->pause_reading();
                                 },
                             .on_drained = {},
                             .on_closed =
                                 [this](const std::string&) {
                                   timer_.disarm();
                                   connection_.reset();
                                   ended_ = true;
                                 }});
    act();
  });
}

void StrangerProgram::act() {
  if (to_send_.empty() || network_.chance(0.1)) {
    if (network_.chance(0.3)) connection_->resume_reading();
    if (network_.chance(0.5)) {
      if (network_.chance(0.3)) return connection_->shut_when_sent();
      connection_.reset();
      ended_ = true;
      return;
    }
  }
  const std::size_t piece = network_.chance(0.5) ? to_send_.size() : network_.random().below(to_send_.size() + 1);
  connection_->send(std::string_view(to_send_).substr(0, piece));
  to_send_.erase(0, piece);
  timer_.arm(network_.now() + network_.up_to(network_.chance(0.2) ? seconds(3) : milliseconds(100)));
}

// ---- An administrator

AdminProgram::AdminProgram(const std::string& host, int port, const live::HttpCall::Request& request)
    : loop_([] {
        FakeNetwork::here().enter("admin");
        return net::EventLoop::Received::stamped;
      }()) {
  const live::Target target{.host = host, .port = port, .path = {}, .url = {}};
  call_ = std::make_unique<live::HttpCall>(loop_, target, request, seconds(10), [this](const Result<live::HttpAnswer>& answer) {
    if (answer) answer_ = answer->body;
  });
}

}  // namespace infbench::faults
