// ServeShell: the sockets and timers of one ServeWorker. It carries bytes to and fro and wakes the worker when something is
// due; what they mean it does not know. Lives on its loop's thread; made and destroyed there or while the loop does not run.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "live/serve_worker.h"
#include "net/event_loop.h"
#include "net/tcp.h"
#include "net/zmq_socket.h"

namespace infbench::live {

class ServeShell {
 public:
  // `log_file`: a file descriptor open for appending, or -1. `on_drained`: after drain(), once nothing is left to send.
  ServeShell(net::EventLoop& loop, const ServeSettings& settings, int log_file, std::function<void()> on_drained);
  ~ServeShell();
  ServeShell(const ServeShell&) = delete;
  ServeShell& operator=(const ServeShell&) = delete;

  Result<void> open();  // the ports
  int port() const { return listener_->port(); }
  std::string kv_endpoint() const { return publisher_ ? publisher_->endpoint() : std::string(); }  // empty: none
  int bootstrap_port() const { return bootstrap_ ? bootstrap_->port() : 0; }
  void drain();
  void finish_log();
  bool log_failed() const { return log_failed_; }
  const ServeWorker& worker() const { return worker_; }

 private:
  struct Client {
    std::unique_ptr<net::Connection> connection;
    bool paused = false;
    bool shut = false;
  };

  void accept_client(std::unique_ptr<net::Connection> connection);
  void accept_peer(std::unique_ptr<net::Connection> connection);
  void connect_peer(PeerId peer, const std::string& host, int port);
  void own_peer(PeerId peer, std::unique_ptr<net::Connection> connection);
  void lose_client(ClientId id);
  void pump();
  void send_to(ClientId id);
  void run(PeerCommand& command);
  void sweep();
  void write_log(std::size_t least);
  void check_drained();
  void publish_kv();

  net::EventLoop& loop_;
  ServeWorker worker_;
  net::Timer timer_;
  net::Timer housekeeping_;  // lingering connections, the log's rest
  int log_file_;
  bool log_failed_ = false;
  std::function<void()> on_drained_;
  bool draining_ = false;
  bool told_drained_ = false;

  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Listener> bootstrap_;
  std::unique_ptr<net::ZmqPublisher> publisher_;
  std::unordered_map<ClientId, Client> clients_;
  std::map<PeerId, std::unique_ptr<net::Connection>> peers_;
  std::deque<std::pair<Time, ClientId>> lingering_;  // half-closed: until the client closes too, but not for ever
  std::vector<ClientId> dirty_;
  std::vector<PeerCommand> commands_;
  std::shared_ptr<bool> alive_;  // for callbacks that may come after this has gone
};

}  // namespace infbench::live
