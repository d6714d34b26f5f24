// Gateway: what `srtctl route` decides, without sockets or clock: which worker gets a request and when, whether a failed
// attempt is repeated elsewhere, who waits, whose turn it is. The policies are route/'s, unchanged.
//
// A Call is one client's request. The owner tells what happens to it (`now` never goes back) and carries out the Commands that
// gather in take_commands(). An attempt goes to one worker, or to a prefill and a decode worker at once with one room; Part
// says which. The first answer of an attempt whose head may go to the client is relayed; from then on nothing is repeated. Of a
// pair that is the decode worker's, once the prefill worker has taken the prompt (or the first bytes show that it has), or an
// error of either. A retry never goes to a worker that failed this call before. One owner, one thread.
//
// All inputs can be written down and given to a fresh Gateway (gateway_log.h): it then makes the same choices.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "live/gateway_breaker.h"
#include "live/gateway_health.h"
#include "live/gateway_prompt.h"
#include "live/gateway_settings.h"
#include "route/router.h"

namespace infbench::live {

using CallId = std::uint64_t;

enum class Part : std::uint8_t { whole, prefill, decode };

class GatewayLog;

// What a worker told of its KV cache.
enum class KvChange : std::uint8_t {
  stored,   // pages as they follow each other from a prompt's beginning
  removed,  // pages that followed each other
  cleared,  // nothing is left
  lost      // something was told that did not come through
};

// What the owner has to do.
struct GatewayCommand {
  enum class What : std::uint8_t {
    send,     // send the call's body to `worker`
    drop,     // close `part`'s connection; nothing more is wanted of it
    relay,    // give `part`'s answer to the client, head and all that follows
    refuse,   // answer the client with an error; the call is over
    cut,      // the answer that the client is being given broke off: close its connection; the call is over
    finished  // the call is over
  };
  What what = What::send;
  CallId call = 0;
  WorkerId worker{};        // send
  Part part = Part::whole;  // send, drop, relay
  std::uint64_t room = 0;   // send, of a pair
  WorkerId prefill{};       // send, of a pair: the prefill worker
  int status = 0;           // refuse
  std::string_view code{};  // refuse: a constant
};

// Where one attempt at a call went, and why: for metrics and logs.
struct GatewayChoice {
  CallId call = 0;
  int attempt = 0;  // from 1
  route::Route route;
};

enum class AttemptEnd : std::uint8_t { finished, failed, left };

struct GatewayWorker {
  UpstreamSettings settings;
  bool removed = false;
  HealthWatch health;
  CircuitBreaker breaker;
  bool up = false;         // as the router was told
  int active = 0;          // attempts on it
  bool kv_missed = false;  // it told of its cache before the router knew it
};

struct GatewayCounters {
  std::uint64_t calls = 0;
  std::uint64_t retries = 0;
  std::uint64_t retries_exhausted = 0;
  std::uint64_t refused_full = 0;     // 429
  std::uint64_t refused_waiting = 0;  // 408: waited too long
  std::uint64_t refused_no_worker = 0;
};

class Gateway {
 public:
  // Errors: a policy's name or parameters. `log`: null for none; outlives the gateway.
  static Result<std::unique_ptr<Gateway>> make(const GatewaySettings& settings, Time now, GatewayLog* log = nullptr);
  // For make(): without its workers yet.
  Gateway(const GatewaySettings& settings, std::unique_ptr<route::Router> router, GatewayLog* log);

  // ---- Calls
  // `prompt` is copied; `key`: the routing key of the caller.
  bool wants_pages() const { return router_->wants_pages(); }  // in the PromptInfo of a call
  CallId arrived(const PromptInfo& prompt, std::string_view key, Time now);
  void left(CallId call, Time now);  // the client has gone
  // Of one part of the attempt under way.
  void answered(CallId call, Part part, int status, Time now);  // the head of an answer
  void first_bytes(CallId call, Part part, Time now);           // of its body, or that it has none
  void ended(CallId call, Part part, Time now);                 // in order
  void broke(CallId call, Part part, Time now);                 // no connection, cut, or timed out

  // ---- Workers
  const std::vector<GatewayWorker>& workers() const { return workers_; }  // by WorkerId
  WorkerId add_worker(const UpstreamSettings& worker, Time now);
  void remove_worker(WorkerId worker, Time now);  // gets no more requests; what it has goes on
  // Workers whose health is to be asked now; each answer is told.
  std::vector<WorkerId> health_due(Time now);
  void health(WorkerId worker, bool ok, Time now);
  void kv(WorkerId worker, KvChange change, std::span<const PageHash> pages, Time now);

  // ---- Time
  void advance(Time now);
  Time next() const;  // when advance() has something to do

  void take_commands(std::vector<GatewayCommand>& out);
  void take_choices(std::vector<GatewayChoice>& out);
  const GatewayCounters& counters() const { return counters_; }
  std::size_t calls() const { return calls_.size(); }
  int usable_workers(Role role) const;
  const route::Router& router() const { return *router_; }

 private:
  enum class State : std::uint8_t { queued, held, backing_off, waiting, relaying };
  enum class PartState : std::uint8_t { none, sent, answered, over };
  struct Leg {
    WorkerId worker{};
    Tokens cached = 0;  // expected by the policy
    PartState state = PartState::none;
    bool probe = false;    // of its worker's breaker
    bool fine = false;     // answered with a status of 2xx
    bool refused = false;  // answered with one that is worth a retry: counts as the worker's failure
    bool first = false;    // its first bytes were told to the router
  };
  struct Call {
    std::vector<PageHash> pages;
    Tokens input = 0;
    Tokens output_max = 0;
    std::size_t chars = 0;
    bool streamed = false;
    Tokens page_tokens = kGatewayPage;
    bool told_pages = false;
    std::string key;
    Time arrived;
    Time sent;      // its present attempt
    Time deadline;  // of its present state; in deadlines_
    State state = State::queued;
    Part relayed = Part::whole;
    bool admitted = false;  // holds one of the concurrent ones
    int attempts = 0;
    std::vector<WorkerId> tried;  // those that failed it
    Leg first;                    // whole or prefill
    Leg decode;                   // of a pair
  };

  bool admit(Time now);
  void start_queued(Time now);
  void try_route(CallId id, Call& call, Time now);
  void dispatch(CallId id, Call& call, const route::Route& chosen, Time now);
  void log_candidates(const Call& call, Time now);
  void relay(CallId id, Call& call, Part part, Time now);
  void fail_part(CallId id, Part part, Time now);
  bool retry_elsewhere(CallId id, Call& call, Part failed, Time now);
  void end_leg(CallId id, Call& call, Part part, AttemptEnd end, Time now);
  void end_attempt(CallId id, Call& call, std::optional<Part> failed, Time now);
  void refuse(CallId id, Call& call, int status, std::string_view code, Time now);
  void finish(CallId id, Call& call, GatewayCommand command, Time now);
  void set_deadline(CallId id, Call& call, Time at);
  void expire(CallId id, Call& call, Time now);
  void tell_router(WorkerId worker, CallId call, route::Event::What what, Time now);
  void tell_kv(WorkerId worker, KvChange change, std::span<const PageHash> pages, Time now);
  void update(WorkerId worker, Time now);
  bool has_untried(Role role, const Call& call) const;
  Duration backoff(int attempts);
  Leg& leg_of(Call& call, Part part) { return part == Part::decode ? call.decode : call.first; }
  Call* find(CallId id);

  GatewaySettings settings_;
  std::unique_ptr<route::Router> router_;
  GatewayLog* log_;
  std::vector<GatewayWorker> workers_;
  std::unordered_map<CallId, Call> calls_;
  std::set<std::pair<Time, CallId>> deadlines_;
  std::set<CallId> queue_;  // in order of arrival
  bool starting_ = false;   // start_queued() is at work
  int admitted_ = 0;
  double tokens_ = 0;  // of the rate limit
  Time tokens_at_;
  Random random_;
  CallId next_call_ = 1;
  std::vector<GatewayCommand> commands_;
  std::vector<GatewayChoice> choices_;
  GatewayCounters counters_;
};

}  // namespace infbench::live
