// The programs of a simulated deployment, each on a host of its own: an engine worker that can be ended and started again, a
// worker that is none, and clients that nobody would want. They live on the FakeNetwork that is here(); one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "live/http_call.h"
#include "live/serve_shell.h"
#include "net/event_loop.h"
#include "net/http_reader.h"
#include "net/tcp.h"
#include "scenario.h"

namespace infbench::faults {

// `srtctl serve` with one worker.
class WorkerProgram {
 public:
  WorkerProgram(const Scenario& scenario, std::size_t index);

  void start();
  void kill();
  void drain() {
    if (shell_) shell_->drain();
  }
  bool runs() const { return shell_ != nullptr; }
  bool drained() const { return drained_; }
  const std::string& host() const { return host_; }
  const live::ServeWorker& worker() const { return shell_->worker(); }

 private:
  const Scenario& scenario_;
  std::size_t index_;
  std::string host_;
  bool drained_ = false;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<live::ServeShell> shell_;
};

// Answers health checks most of the time, and requests with an error, with half an answer or not at all.
class FlakyProgram {
 public:
  explicit FlakyProgram(std::size_t index, Role role);

 private:
  struct Peer {
    std::unique_ptr<net::Connection> connection;
    net::HttpReader reader{net::HttpReader::Kind::request, {}};
  };
  void accept(std::unique_ptr<net::Connection> connection);
  void on_bytes(std::size_t index, std::string_view bytes);
  void answer(Peer& peer);

  Role role_;
  net::EventLoop loop_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<Peer> peers_;
};

// Connects to the gateway, sends whole or broken requests piece by piece, reads slowly or not at all, and leaves when it likes.
class StrangerProgram {
 public:
  explicit StrangerProgram(std::size_t number, bool chat);
  bool ended() const { return ended_; }

 private:
  void act();

  FakeNetwork& network_;
  net::EventLoop loop_;
  net::Timer timer_;
  std::unique_ptr<net::Connection> connection_;
  std::string to_send_;
  bool ended_ = false;
};

// One request of an administrator.
class AdminProgram {
 public:
  AdminProgram(const std::string& host, int port, const live::HttpCall::Request& request);
  const std::string& answer() const { return answer_; }  // its body; empty: none came

 private:
  net::EventLoop loop_;
  std::string answer_;
  std::unique_ptr<live::HttpCall> call_;
};

}  // namespace infbench::faults
