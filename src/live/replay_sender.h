// Sender: one thread's part of a replay. It asks its Pacer what is due, writes it to a connection, hands what comes back to the
// Exchange, and passes on the record. A thin shell: what to send when, what an answer means and what the bytes are is decided
// in Pacer, Exchange and RequestWriter.
//
// Connections are kept and used again; there is no limit on their number. While nothing is due, the blocks of the next burst
// are made ready and the connections that it will need are opened. All calls on the loop's thread, or while its run() does not
// run; the counters may be read from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "live/replay_body.h"
#include "live/replay_exchange.h"
#include "live/replay_schedule.h"
#include "net/event_loop.h"
#include "net/tcp.h"

namespace infbench::live {

struct SenderOptions {
  std::vector<Target> targets;  // used in turn, by request
  RequestOptions request;
  bool keep_raw = false;
  bool use_server_count = false;  // see ExchangeOptions
  Duration request_timeout = seconds(21600);
  Duration connect_timeout = seconds(30);
  std::uint64_t prompt_seed = 0;
  std::size_t cache_bytes = std::size_t{32} << 20U;  // of block texts, over all threads
};

// Read by other threads while the sender works.
struct SenderCounters {
  std::atomic<std::int64_t> sent{0};
  std::atomic<std::int64_t> in_flight{0};
};

class Sender {
 public:
  struct Events {
    std::function<void(measure::LiveRecord)> on_record;
    std::function<void()> on_finished;  // once: nothing is in flight and nothing will be sent
  };

  // `options`, `trace` and `words` must outlive this.
  Sender(net::EventLoop& loop, const SenderOptions& options, const trace::Trace& trace, const net::WordList& words,
         trace::Schedule schedule, Time start, std::size_t cache_bytes, Events events);
  ~Sender();

  void start();
  void stop_sending();  // what is in flight may end
  void cancel();        // it may not

  const SenderCounters& counters() const { return counters_; }
  // After the end.
  const measure::GapHistogram& gaps() const { return gaps_; }
  std::int64_t connections() const { return connections_; }
  std::int64_t not_sent() const { return not_sent_; }

 private:
  // A request on its way: due, perhaps waiting for a connection, perhaps sent a second time.
  struct Pending {
    trace::RequestIndex request;
    Time scheduled;
    Time first_sent;
    bool again = false;
  };
  struct Link {
    std::unique_ptr<net::Connection> connection;
    std::unique_ptr<Exchange> exchange;  // while a request is on it
    Pending pending;
    std::size_t target = 0;
    std::uint64_t ticket = 0;  // of the request on it: a time-out finds its request by it
    Time idle_since;
    bool used = false;    // has carried a request before
    Duration connecting;  // what opening it took
  };
  struct Server {             // what there is for one target
    std::vector<Link*> idle;  // last used last
    std::deque<Pending> waiting;
    std::size_t connecting = 0;
  };

  void pump();
  void send(Pending pending);
  void send_on(Link& link, Pending pending);
  void open_connection(std::size_t target);
  void on_connected(std::size_t target, Time began, Result<std::unique_ptr<net::Connection>> connection);
  void on_bytes(Link& link, std::string_view bytes, Time received);
  void on_closed(Link& link, const std::string& reason);
  void finish(Link& link);
  void fail_unsent(const Pending& pending, Failure failure, const std::string& cause);
  void pass_on(measure::LiveRecord record);
  void give_up(const std::vector<trace::RequestIndex>& turns, Time now);
  void expire(Time now);
  bool prepare(Time now);
  void check_finished();
  void arm();
  void stay_awake();
  Link* take_idle(std::size_t target, Time now);
  Link& new_link(std::size_t target, std::unique_ptr<net::Connection> connection);
  void retire(Link& link);
  measure::LiveRecord record_of(const Pending& pending) const;
  std::vector<RequestWriter::EarlierTurn> earlier_turns(trace::RequestIndex request) const;
  std::size_t target_of(trace::RequestIndex request) const { return request.value % options_.targets.size(); }

  net::EventLoop& loop_;
  const SenderOptions& options_;
  const trace::Trace& trace_;
  const net::WordList& words_;
  Pacer pacer_;
  BlockTexts blocks_;
  RequestWriter writer_;
  JsonParser parser_;
  Events events_;
  net::Timer timer_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<Link*> free_links_;
  std::vector<Server> servers_;
  struct Deadline {
    Time at;
    Link* link = nullptr;
    std::uint64_t ticket = 0;
  };
  std::deque<Deadline> deadlines_;  // all requests have the same time, so in order
  std::uint64_t next_ticket_ = 1;
  std::unordered_map<std::uint32_t, std::string> answers_;  // of turns that others follow, by request
  std::vector<bool> followed_;                              // by request
  Time prepared_for_;
  std::size_t prepared_ = 0;  // sends of the burst at that moment
  measure::GapHistogram gaps_;
  std::int64_t connections_ = 0;
  std::int64_t not_sent_ = 0;
  bool more_to_prepare_ = false;
  bool awake_ = false;  // pump() is about to be called again
  bool finished_ = false;
  bool cancelled_ = false;
  SenderCounters counters_;
};

}  // namespace infbench::live
