// ScriptedServer: an HTTP server for tests on 127.0.0.1 at a free port, that answers each request with what a function says:
// bytes as they are, and whether it then closes. Its loop runs on a thread of its own. For tests only.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "net/http_reader.h"
#include "net/tcp.h"

namespace infbench::live {

class ScriptedServer {
 public:
  struct Request {
    net::HttpHead head;
    std::string body;
    int on_connection = 0;  // which of its connection, from 0
  };
  struct Answer {
    std::string bytes;
    bool close = false;
  };
  using Script = std::function<Answer(const Request&)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    auto opened =
        net::Listener::open(loop_, "127.0.0.1", 0, [this](std::unique_ptr<net::Connection> c) { accept(std::move(c)); });
    INFBENCH_CHECK(opened.has_value());
    listener_ = *std::move(opened);
    port_ = listener_->port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ScriptedServer() {
    loop_.stop();
    thread_.join();
  }

  int port() const { return port_; }
  // After the run of whoever asked it.
  const std::vector<Request>& requests() const { return requests_; }
  std::size_t connections() const { return peers_.size(); }
  // At any time: connections that the other side has closed, requests that have come.
  int closed() const { return closed_; }
  int answered() const { return answered_; }

 private:
  struct Peer {
    std::unique_ptr<net::Connection> connection;
    net::HttpReader reader{net::HttpReader::Kind::request, net::HttpLimits{}};
    Request request;
  };

  void accept(std::unique_ptr<net::Connection> connection) {
    Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
    peer.connection = std::move(connection);
    peer.connection->set_events({.on_bytes = [this, &peer](std::string_view bytes, Time) { on_bytes(peer, bytes); },
                                 .on_drained = {},
                                 .on_closed =
                                     [this, &peer](const std::string&) {
                                       peer.connection.reset();
                                       ++closed_;
                                     }});
  }
  void on_bytes(Peer& peer, std::string_view bytes) {
    while (!bytes.empty() && peer.connection) {
      const auto progress = peer.reader.feed(bytes);
      for (const std::string_view piece : progress.body) peer.request.body += piece;
      if (progress.complete) answer(peer);
      if (progress.consumed == 0) return;
      bytes.remove_prefix(progress.consumed);
    }
  }
  void answer(Peer& peer) {
    peer.request.head = peer.reader.head();
    const Answer answer = script_(peer.request);
    requests_.push_back(peer.request);
    ++answered_;
    peer.request.body.clear();
    ++peer.request.on_connection;
    peer.connection->send(answer.bytes);
    if (answer.close) peer.connection->shut_when_sent();
  }

  Script script_;
  net::EventLoop loop_;
  std::unique_ptr<net::Listener> listener_;
  int port_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Request> requests_;
  std::atomic<int> closed_ = 0;
  std::atomic<int> answered_ = 0;
  std::thread thread_;
};

}  // namespace infbench::live
