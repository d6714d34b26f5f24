// CallWatch: reads along on the wires of a gateway, as somebody who knows only HTTP: which requests of clients it has and has
// not answered, which attempts at them run on which worker. What it complains about: an attempt without a call, two attempts of
// one call at once but for a pair's two halves, a worker that gets a call again which it has failed, a room used for two
// requests.
//
// Fed by a FakeNetwork's Watch; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/types.h"
#include "fake_network.h"
#include "net/http_reader.h"

namespace infbench::faults {

class CallWatch {
 public:
  // `roles`: of worker hosts.
  explicit CallWatch(std::map<std::string, Role> roles) : roles_(std::move(roles)) {}

  void sent(const Wire& wire, int side, std::string_view bytes);
  void read(const Wire& wire, int side, std::string_view bytes);
  void gone(const Wire& wire, int side, bool told);

  // From now on a worker may get again what it has failed: it has been taken out and brought back as another one.
  void forget_failures() { forgiving_ = true; }

  // After every step: the first thing that is wrong; empty: nothing is.
  std::string complaint();

  // Nothing has been asked on the wire that is not answered.
  bool idles(const Wire& wire) const;
  std::size_t live_calls() const { return live_; }          // of clients, not answered to their end
  int attempts_on(const std::string& host) const;           // that run
  std::uint64_t dispatched() const { return dispatched_; }  // attempts since the beginning
  std::size_t running() const { return running_; }          // attempts
  bool idle() const { return live_ == 0 && running_ == 0; }

 private:
  struct Half {
    explicit Half(net::HttpReader::Kind kind) : reader(kind, {}) {}
    net::HttpReader reader;
    std::string body;
  };
  // One wire of the gateway, to a client or to a worker.
  struct Line {
    Half requests{net::HttpReader::Kind::request};
    Half answers{net::HttpReader::Kind::response};
    std::string id;                   // to a worker: of the attempt under way; empty: none
    std::deque<std::string> waiting;  // of a client: ids of requests that are not answered; empty: one that is not routed
    bool answered = false;            // bytes of its answer have come
    bool reused = false;              // the line has carried a request before
    Role role = Role::aggregated;
    std::string host;
    bool over = false;
  };
  struct Call {
    int live = 0;   // requests of clients with this id
    int whole = 0;  // attempts that run, by role
    int prefill = 0;
    int decode = 0;
    std::set<std::string> failed;  // hosts
    bool seen = false;
    bool sent_again = false;  // by its client: the gateway sees another call
  };

  void request_of_client(Line& line);
  void request_to_worker(Line& line);
  void fail_attempt(const Line& line);
  void end_attempt(Line& line);
  void end_call(Line& line);
  int& count_of(Call& call, Role role) {
    return role == Role::prefill ? call.prefill : role == Role::decode ? call.decode : call.whole;
  }
  void wrong(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
  }
  template <typename OnHead, typename OnEnd>
  static void feed(Half& half, std::string_view bytes, OnHead on_head, OnEnd on_end);

  std::map<std::string, Role> roles_;
  std::map<std::uint64_t, Line> clients_;  // by wire
  std::map<std::uint64_t, Line> workers_;
  std::map<std::string, Call> calls_;  // by x-request-id
  std::map<std::string, std::string> rooms_;
  std::set<std::string> touched_;
  std::map<std::string, int> running_on_;  // by host
  std::size_t live_ = 0;
  std::size_t running_ = 0;
  std::uint64_t dispatched_ = 0;
  std::string complaint_;
  bool forgiving_ = false;
};

}  // namespace infbench::faults
