// Policy: chooses a worker for a request, from what a router can know.
//
// A policy owns no clock, socket or thread; it takes `now` and randomness as arguments, so the same object works in virtual
// time and behind sockets. One Router owns it and calls it from one thread. What it knows of workers are WorkerViews, built by
// the Ledger from Events alone: what an engine really holds never reaches a policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/random.h"
#include "base/types.h"
#include "cost/step_time.h"

namespace infbench::route {

// A request as it asks for a worker. The spans and strings belong to the caller and live until the call returns.
struct RequestView {
  RequestId id{};
  Time at{};  // when it arrived at the router
  Stage stage = Stage::whole;
  std::span<const PageHash> pages{};  // full pages of the prompt, in order
  Tokens page_tokens = 0;             // tokens in one page
  bool told_pages = false;            // kv_* events name these pages; else they can only be guessed about
  Tokens input = 0;                   // prompt tokens
  Tokens output_max = 0;              // most tokens it may produce
  std::size_t chars = 0;              // characters of the prompt's text; in virtual time estimated from tokens
  bool streamed = true;               // the moment of its first token can be seen
  std::string_view key{};             // routing key of the caller, may be empty
  Slo slo{};
  std::optional<WorkerId> prefill{};  // at Stage::decode: the prefill worker chosen before
  Duration prefill_ttft{};            // ... and the time until the prompt is computed there, as its policy estimates; 0: not
};

// A request that a worker is believed to hold.
struct InFlight {
  RequestId id{};
  Stage stage = Stage::whole;
  Time dispatched{};
  std::optional<Time> first_token{};
  Tokens input = 0;
  Tokens cached = 0;  // expected at dispatch, then as the worker reported
  Tokens output_max = 0;
  Slo slo{};
  Duration ttft{};  // as it was estimated at dispatch; 0: it was not, or cannot be compared
};

// What is known of a worker before anything has happened to it.
struct WorkerSpec {
  WorkerId id{};
  Role role = Role::aggregated;
  Tokens kv_capacity = 0;                 // 0: not known
  const cost::StepTime* speed = nullptr;  // outlives the router; null: no coefficients for this worker
};

// What the router believes of one worker. `requests` is in order of dispatch and belongs to the Ledger.
struct WorkerView {
  WorkerId id{};
  Role role = Role::aggregated;
  Time as_of{};           // what the worker itself told is known up to then: now, less the view delay
  int waiting = 0;        // dispatched, no first token yet
  int running = 0;        // decoding
  Tokens uncomputed = 0;  // prompt tokens still to be computed over all waiting requests
  Tokens context = 0;     // tokens in the KV of running requests, estimated from their first token on
  Tokens kv_used = 0;     // `context` and the prompts of waiting requests; above capacity when requests wait for room
  Tokens kv_capacity = 0;
  std::span<const InFlight> requests{};
  const cost::StepTime* speed = nullptr;  // may be null: no coefficients for this worker
  double scale = 1.0;                     // observed / estimated time to first token, learned; 1: as estimated, or not learned
};

// Why a worker was chosen; each goes into the decision log by its name.
enum class Reason : std::uint8_t {
  turn,           // it was this worker's turn
  chance,         // drawn at random
  longest_match,  // holds the longest matching prefix
  least_load,     // has the least load, no prefix worth following
  imbalance,      // loads are too far apart: least load, prefix ignored
  least_ttft,     // least estimated time to first token
  least_context,  // least estimated decode step time, that is KV to be read
  routing_key,    // its routing key stuck to this worker
  length,         // prompts of this length are this worker's
  holder_gone,    // the holder of the longest match cannot be had: the first worker that can
  prefix_hash,    // the hash of the prompt's beginning lies there
  least_cost,     // least cost of prompts to compute and KV in use
  highest_score,  // highest weighted sum of scores
  within_limits,  // most requests meet their limits this way, this one among them
  least_harm,     // this one misses a limit wherever it goes: there it takes the fewest others with it
};
std::string_view name_of(Reason reason);

struct Pick {
  WorkerId worker{};
  Tokens cached = 0;  // the prefix hit that the policy expects there
  Reason why = Reason::turn;
  Duration ttft{};  // time to first token by the step times alone, without the worker's scale; 0: not estimated
};

// Not now: asked again at `until` or after the next Event that is not a dispatch, lowest rank first.
struct Hold {
  std::optional<Time> until{};
  std::int64_t rank = 0;
  bool closes = false;  // whoever stands behind would be held too: after that Event nobody behind this one need be asked
};

// Something that happened to a request or a worker. The spans and pointers belong to the caller and live until the call
// returns.
struct Event {
  enum class What : std::uint8_t {
    dispatched,   // a Pick was carried out
    first_token,  // whole, prefill: the prompt is computed, `cached` tokens of it were in the cache; decode: the first token
                  // went out
    finished,     // the last token went out; prefill: the KV was sent
    failed,       // it will give no more tokens: refused, broken, cancelled by the client
    kv_stored,    // these pages, as they follow each other from a prompt's beginning, are in its cache
    kv_removed,   // these pages, that followed each other, no longer are
    kv_cleared,   // its cache is empty: from now on all that it stores and removes is told
    kv_lost,      // some of what it stored or removed was not told
    up,           // can be picked (again)
    down          // cannot be picked; what it still holds ends by events of its own
  };
  What what = What::dispatched;
  Time at{};
  WorkerId worker{};
  RequestId request{};
  Stage stage = Stage::whole;          // follows from the worker's role, the Router fills it in
  Tokens cached = 0;                   // dispatched: expected; first_token: as the worker reported
  Duration ttft{};                     // dispatched: estimated; 0: not
  std::span<const PageHash> pages{};   // dispatched: the prompt's; kv_*: those stored or removed, as they follow each other
  const RequestView* asked = nullptr;  // dispatched: what was asked for
  const WorkerSpec* spec = nullptr;    // up: what is known of the worker, the Router fills it in for a worker it knows
};

class Policy {
 public:
  Policy() = default;
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;
  virtual ~Policy() = default;

  // `workers` are those that can take this stage and are up, never empty, in order of id.
  virtual std::variant<Pick, Hold> pick(const RequestView& request, std::span<const WorkerView> workers, Random& random,
                                        Time now) const = 0;

  // Whether it looks at the pages of requests; if not, they need not be known.
  virtual bool wants_pages() const { return false; }

  // All that a policy learns of its stage: its own picks included, and the workers (each comes `up` once before anything else).
  // With a view delay, `now` is later than event.at.
  virtual void on(const Event& event, Time now) {
    static_cast<void>(event);
    static_cast<void>(now);
  }
};

}  // namespace infbench::route
