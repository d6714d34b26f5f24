// GatewayShell: the sockets and timers around one Gateway: clients on one port, connections to workers, health checks. It
// carries bytes; what they lead to the Gateway decides. Lives on its loop's thread; made and destroyed there or while the loop
// does not run.
//
// Memory: a request's body is kept while its call may be repeated, once; an answer passes through without being kept, but for
// what a slow client has not taken, and then its worker's connection is not read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "live/gateway.h"
#include "live/gateway_admin.h"
#include "live/gateway_log.h"
#include "live/gateway_metrics.h"
#include "live/gateway_settings.h"
#include "live/http_call.h"
#include "live/kv_events.h"
#include "live/metrics_port.h"
#include "live/serve_connection.h"
#include "net/event_loop.h"
#include "net/http_reader.h"
#include "net/tcp.h"
#include "net/zmq_socket.h"

namespace infbench::live {

class GatewayShell {
 public:
  // `on_drained`: after drain(), once the last answer has gone out or the grace has passed.
  GatewayShell(net::EventLoop& loop, const GatewaySettings& settings, std::unique_ptr<Gateway> gateway,
               std::function<void()> on_drained);
  // The gateway's log, and where it goes; both outlive the shell.
  void write_log_to(GatewayLog& log, DecisionFile& file);
  ~GatewayShell();
  GatewayShell(const GatewayShell&) = delete;
  GatewayShell& operator=(const GatewayShell&) = delete;

  Result<void> open();  // the port, and that of /metrics
  int port() const { return listener_->port(); }
  int metrics_port() const { return metrics_port_ ? metrics_port_->port() : 0; }  // 0: there is none
  const Gateway& gateway() const { return *gateway_; }
  void drain();

 private:
  struct Upstream;
  struct Client {
    Client(std::unique_ptr<net::Connection> socket, const net::HttpLimits& limits)
        : connection(std::move(socket)), protocol(limits) {}
    std::unique_ptr<net::Connection> connection;
    ServeConnection protocol;
    CallId call = 0;  // 0: none under way
    PromptInfo prompt;
    std::string request_id;
    GatewayMetrics::Request measured;
    std::string explanation;     // of the route, with --explain
    Upstream* first = nullptr;   // whole or prefill
    Upstream* decode = nullptr;  // of a pair
    Upstream* relayed = nullptr;
    bool paused = false;
    bool shut = false;
    bool ended = false;
    Time since;                 // without a whole request
    std::size_t body_seen = 0;  // of a request on its way, at `since`
    std::size_t unsent_seen = 0;
  };
  // One connection to a worker.
  struct Upstream {
    Upstream(const net::HttpLimits& limits, std::uint64_t number)
        : reader(net::HttpReader::Kind::response, limits), serial(number) {}
    std::unique_ptr<net::Connection> connection;  // null while connecting
    net::HttpReader reader;
    std::uint64_t serial;  // never used again, as its address may be
    WorkerId worker{};
    Client* client = nullptr;  // null: idle
    CallId call = 0;
    Part part = Part::whole;
    std::string before;       // of the request: head and what goes before the body's rest
    std::size_t body_at = 0;  // the rest begins here
    std::size_t body_sent = 0;
    bool used = false;   // has carried a request before
    bool heard = false;  // bytes of the present answer have come
    bool head = false;   // its head
    bool body = false;   // something of its body
    bool paused = false;
    Time idle_since;
  };
  struct KvSource {
    WorkerId worker{};
    KvIndex index;
  };
  struct Pool {
    std::vector<Upstream*> idle;  // last used last
  };

  // Every callback opens a Turn: when the outermost one ends, what the Gateway wants is done and what has ended is freed. A
  // quiet one, in which pieces of an answer were handed on and nothing else, has nothing to do then; news() ends the quiet.
  class Turn {
   public:
    explicit Turn(GatewayShell& shell, bool quiet = false) : shell_(shell) {
      ++shell_.depth_;
      if (!quiet) shell_.news();
    }
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    GatewayShell& shell_;
  };

  // Bytes that a client has not taken; above it neither its worker nor, between calls, the client itself is read.
  static constexpr std::size_t kUnsentMax = std::size_t{4} << 20U;

  // Clients (gateway_shell.cc).
  void accept(std::unique_ptr<net::Connection> connection);
  void go_on(Client& client);
  void on_client_bytes(Client& client, std::string_view bytes, Time received);
  void count_progress(Client& client);
  void lose(Client& client);
  void take_requests(Client& client);
  void take_request(Client& client);
  void start_call(Client& client, std::optional<net::Api> api);
  void flush(Client& client);
  void answer_error(Client& client, int status, std::string_view code, const std::string& message);
  void run(const GatewayCommand& command);
  void note(const GatewayChoice& choice);
  void explain(Client& client, const GatewayChoice& choice) const;
  Role first_role() const { return settings_.disaggregated ? Role::prefill : Role::aggregated; }
  void pump();
  void news() { news_ = true; }
  void sweep();
  void check_health(Time now);
  void check_drained();
  void write_log(std::size_t least);
  Result<void> open_metrics();
  void count_answered(Client& client);

  // KV events (gateway_kv.cc).
  Result<void> open_kv();
  void on_kv(KvSource& source, std::uint64_t sequence, std::string_view payload);
  void write_kv_metrics(std::string& out) const;

  // What is not forwarded (gateway_endpoints.cc).
  bool answer_here(Client& client);
  bool allowed(Client& client);  // has the key, if one is asked for; else it is answered
  void answered_question(Client& client);
  void change_workers(Client& client);
  void add_worker(Client& client);
  void ask_one(Client& client);  // any worker that is up
  void ask_all(Client& client);  // /flush_cache

  // Workers (gateway_upstream.cc).
  void send(Client& client, const GatewayCommand& command);
  void compose(const Client& client, const GatewayCommand& command, Upstream& upstream) const;
  void connect(Upstream& upstream);
  void own(Upstream& upstream, std::unique_ptr<net::Connection> connection);
  void send_request(Upstream& upstream);
  void send_body(Upstream& upstream);
  void on_bytes(Upstream& upstream, std::string_view bytes);
  void on_closed(Upstream& upstream, bool in_order);
  void on_answer(Upstream& upstream, const net::HttpReader::Progress& progress);
  bool tell_first(Upstream& upstream);
  void relay_head(Client& client, Upstream& upstream);
  void make_room();
  void drop(Client& client, Part part);
  void release(Upstream& upstream, bool reusable);
  void destroy(Upstream& upstream);

  net::EventLoop& loop_;
  GatewaySettings settings_;
  std::unique_ptr<Gateway> gateway_;
  GatewayLog* log_ = nullptr;
  DecisionFile* log_file_ = nullptr;
  std::function<void()> on_drained_;
  net::Timer timer_;
  net::Timer housekeeping_;
  std::unique_ptr<net::Listener> listener_;
  GatewayMetrics metrics_;
  std::unique_ptr<MetricsPort> metrics_port_;
  std::vector<KvSource> kv_;
  std::unique_ptr<net::ZmqSubscriber> kv_subscriber_;
  PromptReader prompts_;
  Random random_;
  std::unordered_map<const Client*, std::unique_ptr<Client>> clients_;
  std::unordered_map<const Upstream*, std::unique_ptr<Upstream>> upstreams_;
  std::unordered_map<CallId, Client*> calls_;
  std::vector<Pool> pools_;  // by worker
  std::unordered_map<std::uint32_t, std::unique_ptr<HttpCall>> health_calls_;
  std::vector<GatewayCommand> commands_;
  std::vector<GatewayChoice> choices_;
  std::vector<std::string_view> parts_;
  std::unordered_map<const Client*, std::vector<std::unique_ptr<HttpCall>>> questions_;  // of clients that wait for them
  std::vector<Client*> lost_;                           // those that have gone and are still in clients_
  std::vector<std::unique_ptr<Client>> ended_clients_;  // freed at the end of the Turn
  std::vector<std::unique_ptr<Upstream>> ended_upstreams_;
  std::uint64_t next_serial_ = 1;
  int depth_ = 0;
  bool news_ = false;  // what the Gateway or the end of a Turn has to look at
  std::optional<Time> drain_until_;
  bool told_drained_ = false;
  std::shared_ptr<bool> alive_;
};

}  // namespace infbench::live
