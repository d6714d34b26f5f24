#include "live/serve_shell.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace infbench::live {
namespace {

constexpr Duration kLinger = seconds(2);
constexpr Duration kHousekeeping = milliseconds(500);
constexpr Duration kConnectTimeout = seconds(10);
constexpr std::size_t kLogPiece = std::size_t{64} << 10U;
constexpr std::size_t kOutKept = std::size_t{256} << 10U;    // memory for output that a client keeps
constexpr std::size_t kUnsentMax = std::size_t{256} << 20U;  // of a client that does not read; it is dropped

}  // namespace

ServeShell::ServeShell(net::EventLoop& loop, const ServeSettings& settings, int log_file, std::function<void()> on_drained)
    : loop_(loop),
      worker_(settings),
      timer_(loop,
             [this] {
               worker_.advance(net::steady_now());
               pump();
             }),
      housekeeping_(loop, [this] { sweep(); }),
      log_file_(log_file),
      on_drained_(std::move(on_drained)),
      alive_(std::make_shared<bool>(true)) {}

ServeShell::~ServeShell() { *alive_ = false; }

Result<void> ServeShell::open() {
  const ServeSettings& settings = worker_.settings();
  auto listener = net::Listener::open(loop_, settings.host, settings.port, [this](auto c) { accept_client(std::move(c)); });
  if (!listener) return fail(std::move(listener.error()));
  listener_ = *std::move(listener);
  if (settings.config.role == Role::prefill) {
    auto bootstrap =
        net::Listener::open(loop_, settings.host, settings.bootstrap_port, [this](auto c) { accept_peer(std::move(c)); });
    if (!bootstrap) return fail(std::move(bootstrap.error()));
    bootstrap_ = *std::move(bootstrap);
  }
  if (settings.kv_events) {
    auto publisher = net::ZmqPublisher::bind(settings.kv_events->endpoint, settings.kv_events->topic);
    if (!publisher) return fail(std::move(publisher.error()));
    publisher_ = *std::move(publisher);
  }
  worker_.set_ports(port(), bootstrap_port());
  pump();
  housekeeping_.arm(net::steady_now() + kHousekeeping);
  return {};
}

// ---- Clients

void ServeShell::accept_client(std::unique_ptr<net::Connection> connection) {
  const ClientId id = worker_.client_came();
  net::Connection& socket = *connection;
  clients_[id].connection = std::move(connection);
  socket.set_events({.on_bytes =
                         [this, id](std::string_view bytes, Time received) {
                           worker_.client_bytes(id, bytes, received, net::steady_now());
                           pump();
                         },
                     .on_drained = [this] { check_drained(); },
                     .on_closed =
                         [this, id](const std::string&) {
                           lose_client(id);
                           pump();
                         }});
}

void ServeShell::lose_client(ClientId id) {
  worker_.client_gone(id, net::steady_now());
  clients_.erase(id);
}

void ServeShell::send_to(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  ServeConnection& protocol = worker_.connection(id);
  Client& client = found->second;
  if (std::string& out = protocol.out(); !out.empty()) {
    client.connection->send(out);
    out.clear();
    if (out.capacity() > kOutKept) out.shrink_to_fit();
    if (log_file_ >= 0) worker_.client_sent(id, net::steady_now());
    if (client.connection->unsent() > kUnsentMax) return lose_client(id);
  }
  if (protocol.close_when_sent() && !client.shut) {
    client.shut = true;
    client.connection->shut_when_sent();
    lingering_.emplace_back(net::steady_now() + kLinger, id);
  }
  if (client.paused == protocol.wants_bytes()) {
    client.paused = !client.paused;
    client.paused ? client.connection->pause_reading() : client.connection->resume_reading();
  }
}

// ---- The other half of a pair

void ServeShell::accept_peer(std::unique_ptr<net::Connection> connection) {
  const auto peer = worker_.peer_came();
  if (!peer) return;  // closes it
  own_peer(*peer, std::move(connection));
  pump();
}

void ServeShell::own_peer(PeerId peer, std::unique_ptr<net::Connection> connection) {
  net::Connection& socket = *connection;
  peers_[peer] = std::move(connection);
  socket.set_events({.on_bytes =
                         [this, peer](std::string_view bytes, Time) {
                           worker_.peer_bytes(peer, bytes, net::steady_now());
                           pump();
                         },
                     .on_drained = [this] { check_drained(); },
                     .on_closed =
                         [this, peer](const std::string& reason) {
                           peers_.erase(peer);
                           worker_.peer_gone(peer, reason.empty() ? "it has closed the connection" : reason, net::steady_now());
                           pump();
                         }});
}

void ServeShell::connect_peer(PeerId peer, const std::string& host, int port) {
  net::connect(loop_, host, port, kConnectTimeout, [this, peer, alive = alive_](auto connected) {
    if (!*alive) return;
    if (connected) {
      own_peer(peer, *std::move(connected));
      worker_.peer_connected(peer, net::steady_now());
    } else {
      worker_.peer_gone(peer, connected.error().front().what, net::steady_now());
    }
    pump();
  });
}

void ServeShell::run(PeerCommand& command) {
  if (command.what == PeerCommand::What::connect) return connect_peer(command.peer, command.bytes, command.port);
  const auto found = peers_.find(command.peer);
  if (found == peers_.end()) return;
  if (command.what == PeerCommand::What::send) {
    found->second->send(command.bytes);
  } else {
    peers_.erase(found);
  }
}

// ---- After every call of the worker

// Before the answers: who has one can ask for what is cached now.
void ServeShell::publish_kv() {
  engine::KvJournal* journal = worker_.kv_journal();
  if (journal == nullptr || journal->changes().empty()) return;
  const double epoch_s = static_cast<double>(net::to_epoch_ns(net::steady_now())) / 1e9;
  publisher_->publish(kv_batch_of(*journal, worker_.settings().config.page, epoch_s));
  journal->clear();
  worker_.kv_published();
}

// What it has to say goes out, and the timer is set to what is due next.
void ServeShell::pump() {
  publish_kv();
  worker_.take_dirty_clients(dirty_);
  for (const ClientId id : dirty_) send_to(id);
  worker_.take_peer_commands(commands_);
  for (PeerCommand& command : commands_) run(command);
  if (const auto next = worker_.next()) {
    timer_.arm(*next);
  } else {
    timer_.disarm();
  }
  write_log(kLogPiece);
  check_drained();
}

void ServeShell::sweep() {
  const Time now = net::steady_now();
  while (!lingering_.empty() && lingering_.front().first <= now) {
    const ClientId id = lingering_.front().second;
    lingering_.pop_front();
    const auto found = clients_.find(id);
    if (found == clients_.end()) continue;
    if (found->second.connection->unsent() > 0) {
      lingering_.emplace_back(now + kLinger, id);
    } else {
      lose_client(id);
    }
  }
  write_log(1);
  pump();
  housekeeping_.arm(now + kHousekeeping);
}

// Whole lines only: several workers append to one file.
void ServeShell::write_log(std::size_t least) {
  std::string* text = worker_.log_text();
  if (text == nullptr || text->size() < least || log_file_ < 0) return;
  std::string_view left = *text;
  while (!left.empty() && !log_failed_) {
    const ssize_t written = ::write(log_file_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      log_failed_ = true;
    }
  }
  text->clear();
}

void ServeShell::finish_log() {
  worker_.close_log();
  write_log(1);
}

void ServeShell::drain() {
  draining_ = true;
  listener_.reset();
  worker_.drain();
  pump();
}

void ServeShell::check_drained() {
  if (!draining_ || told_drained_ || !worker_.drained()) return;
  for (const auto& [id, client] : clients_) {
    if (client.connection->unsent() > 0) return;
  }
  told_drained_ = true;
  on_drained_();
}

}  // namespace infbench::live
