// Worker: one model worker (an sglang server on its GPUs) as a state machine: queues, batches, prefix cache, KV hand-over.
//
// It has no clock, socket or thread: `now` is an argument and never goes back, what happens is told to a Sink. At an instant t
// the driver calls advance(t), then t's inputs (submit, room_ready, ...), then settle(t); it may let time pass up to
// next_change() in one go. A run of decode steps taken in one go and the same steps one by one give the same nanoseconds. One
// owner, one thread; the StepTime outlives it.
//
// Two schedulers (WorkerConfig::scheduler); nobody passes the head of the queue:
// - sglang's (0.5.6, schedule_policy.py and schedule_batch.py): prompts first, packed into batches of up to `chunk` new tokens,
//   long ones in chunks; else one token for each running request. A request is admitted when there is KV for its prompt, for
//   the answer that it asks for (4,096 tokens of it at most), and for a share of what the running ones still ask for. When
//   there is none for the next tokens, running requests are retracted, to be computed again: those with the fewest tokens
//   first, of these those with the longest prompts.
// - vLLM's (0.13, v1/core/sched/scheduler.py): a step gives each running request one token and the rest of `chunk` to prompts,
//   in order. Blocks are taken as they fill; when there is none, the request that was admitted last is preempted, to be
//   computed again first of all.
// A decode worker of a pair sets KV aside for prompt and answer at once, under either.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "cost/step_time.h"
#include "engine/kv_pool.h"
#include "engine/sink.h"

namespace infbench::engine {

enum class Scheduler : std::uint8_t { sglang, vllm };

// Which waiting request is admitted first (sglang's schedule-policy fcfs, lpm and lof); of equal ones that which came first.
enum class QueueOrder : std::uint8_t { arrival, longest_prefix, longest_answer };

struct WorkerConfig {
  Role role = Role::aggregated;
  Tokens kv_capacity = 0;     // tokens of KV that fit; rounded down to pages
  Tokens page = 64;           // tokens in a page
  Tokens chunk = 8192;        // most new prompt tokens in a step; of vLLM the tokens that it decodes count too
  Tokens context_length = 0;  // most tokens, prompt and answer, of a request
  Scheduler scheduler = Scheduler::sglang;
  std::int64_t running_max = 4096;  // most requests that are admitted at a time, > 0
  bool keep_prefixes = true;        // of a decode worker: never
  Duration gap = {};                // for which the GPUs wait for the host before each step, >= 0
  Duration gap_per_request = {};    // more for each request of the step
  // sglang only
  // Most new prompt tokens of a batch, > 0; a prompt with as many uncached as are left of these waits to be a batch's first.
  Tokens prompts_max = 16384;
  QueueOrder order = QueueOrder::arrival;
  double conservativeness = 1.0;  // of what running requests still ask for, 0.7 x this share is kept free at first, >= 0
  bool mixed_chunks = false;      // batches of prompts decode too
};

struct EngineRequest {
  RequestId id;                     // not in use in this worker
  Stage stage = Stage::whole;       // whole on an aggregated worker, else the worker's own stage
  Tokens input = 0;                 // > 0
  Tokens output = 0;                // > 0, tokens it will produce
  std::span<const PageHash> pages;  // full pages of prompt and answer; copied
};

class Worker {
 public:
  // `journal`: see KvPool.
  Worker(const WorkerConfig& config, const cost::StepTime& step_time, KvJournal* journal = nullptr);

  // Inputs. For ids that the worker does not know (refused, cancelled) the last four do nothing.
  void submit(const EngineRequest& request, Time now);
  void room_ready(RequestId id, Time now);  // prefill: the decode side has room, the prompt may be scheduled
  void kv_arrived(RequestId id, Time now);  // decode: all KV is here, the request may join the batch
  void kv_sent(RequestId id, Time now);     // prefill: the decode side has all KV, its pages may be given back
  void cancel(RequestId id, Time now);      // as if it had never come; at the end of the step that it is part of

  // Refusals and, if no step is under way, reservations, admissions and the next step.
  void settle(Time now, Sink& sink);

  // The end of the step under way: a live timer's moment. None when idle.
  std::optional<Time> next() const;
  // The first moment at which anything but one more token each can happen: how far virtual time may jump.
  std::optional<Time> next_change() const;
  // All steps that end by `until`, which is at most next_change().
  void advance(Time until, Sink& sink);

  const KvPool& kv() const { return kv_; }
  Tokens page() const { return config_.page; }
  int waiting() const;  // requests that have not begun
  // How many requests are at what; takes time in proportion to their number.
  struct Census {
    int waiting = 0;    // have not begun
    int prefill = 0;    // their prompts are being computed
    int transfers = 0;  // their KV is on its way, to or from here
    int decode = 0;     // in the decode batch, or join it at the next step
  };
  Census census() const;
  int running() const { return static_cast<int>(running_.size()); }
  bool idle() const { return by_id_.empty(); }  // knows no request

 private:
  using Slot = std::uint32_t;

  enum class Phase : std::uint8_t {
    fresh,      // submitted, settle() has not seen it
    bootstrap,  // prefill: waits for room on the decode side
    queued,     // waits for KV here
    prefill,    // its prompt is being computed
    sending,    // prefill: its KV is under way
    receiving,  // decode: room is set aside, KV under way
    joining,    // decode: KV is there, joins at the next step
    running     // gets a token each step
  };

  struct Job {
    RequestId id;
    Phase phase = Phase::fresh;
    bool cancelled = false;
    Tokens input = 0;
    Tokens output = 0;
    Tokens cached = 0;           // when it was admitted first
    bool admitted = false;       // once at least
    Tokens generated = 0;        // tokens of the answer that were out when it last began or ceased to run
    Tokens computed = 0;         // not running: tokens with KV, cached ones included
    std::int64_t last_step = 0;  // running: the decode step (see decoded_steps_) that gives its last token
    std::vector<PageHash> pages;
    KvPool::Lease lease;
  };

  struct Chunk {
    Slot slot = 0;
    Tokens fresh = 0;
  };

  enum class Step : std::uint8_t { none, prefill, decode };

  // The decode steps of one unchanged batch. Step k (from 0) ends at start + decode_sum(k + 1), rounded down to ns.
  struct Run {
    Time start;
    Tokens context = 0;       // KV tokens of all its requests before step 0
    std::int64_t done = 0;    // steps taken
    std::int64_t length = 0;  // steps until the first request has its last token, or there is no KV for another
  };

  // What is left for prompts in a batch of sglang's.
  struct Budget {
    Tokens chunk = 0;
    Tokens prompts = 0;
    Tokens future = 0;  // that the answers of those admitted are thought to take
  };

  // sglang's new_token_ratio, in 1e-9: the share of the answers still to come for which admissions leave room. It falls with
  // each decode step since `since`.
  struct AnswerShare {
    std::int64_t first = 0;
    std::int64_t base = 0;
    std::int64_t least = 0;
    std::int64_t decay = 0;
    std::int64_t since = 0;
  };

  void take_fresh(Time now, Sink& sink);
  void reserve_for_decode(Time now, Sink& sink);
  void join_arrived(Time now, Sink& sink);
  void drop_cancelled();
  void admit(Slot slot, const KvPool::Lease& lease);

  // worker_sglang.cc
  bool start_prefill(Time now);
  void order_queue();
  void admit_prompts(Budget& budget, cost::StepLoad& load);
  bool add_to_batch(Slot slot, Budget& budget, cost::StepLoad& load);
  std::int64_t answer_share() const;
  Tokens future_of_running() const;
  void retract();

  // worker_vllm.cc
  void start_vllm(Time now);
  bool make_room();
  bool go_on_with_prompt(Tokens& budget, cost::StepLoad& load);
  void admit_within(Tokens& budget, cost::StepLoad& load);
  void compute(Slot slot, Tokens fresh, Tokens& budget, cost::StepLoad& load);
  void preempt_last();

  // worker_steps.cc
  void start_prompts(Time now, cost::StepLoad& load, bool with_decodes);
  void start_decode(Time now);
  void end_prefill(Sink& sink);
  void tell_prompts(Sink& sink);
  void end_chunk(const Chunk& chunk, Sink& sink);
  void take_decode_steps(std::int64_t steps, Sink& sink);
  void decoded(std::int64_t steps, Time first_end, Time last_end, Sink& sink);
  void end_answers(Time at, Sink& sink);
  void begin_running(Slot slot);
  void cease_running(Slot slot);
  void grow_running();
  void grow_running(std::int64_t ahead);
  std::int64_t pages_for_next(std::span<const Slot> slots, std::int64_t steps) const;
  std::int64_t steps_with_room(std::int64_t at_most) const;
  void finish(Slot slot, Time at, Sink& sink);
  void release(Slot slot);
  Duration gap_before(std::int64_t requests) const { return config_.gap + config_.gap_per_request * requests; }
  Time decode_end(std::int64_t steps) const;
  std::int64_t decode_steps_by(Time until) const;
  std::int64_t pages_for(Tokens tokens) const { return (tokens + config_.page - 1) / config_.page; }
  std::int64_t most_pages(const Job& job) const;
  // Of a request that does not run: all that must be computed before its next token.
  static Tokens to_compute(const Job& job) { return job.input + job.generated; }
  // Of a running request.
  Tokens generated_by_now(const Job& job) const { return job.output - (job.last_step - decoded_steps_); }
  Tokens kv_by_now(const Job& job) const { return job.input + generated_by_now(job) - 1; }
  std::span<const PageHash> sharable(const Job& job) const;
  std::span<const PageHash> full_pages(const Job& job, Tokens tokens) const;
  Job* find(RequestId id);

  WorkerConfig config_;
  const cost::StepTime* step_time_;
  KvPool kv_;

  std::vector<Job> jobs_;  // by slot; slots are used again
  std::vector<Slot> free_slots_;
  std::unordered_map<std::uint64_t, Slot> by_id_;
  std::vector<Slot> fresh_;      // not seen by settle()
  std::deque<Slot> queue_;       // wait for KV, in order of arrival
  std::vector<Slot> joining_;    // KV has arrived, in that order
  std::optional<Slot> chunked_;  // the prompt that the last batch cut
  std::vector<Slot> running_;    // in order of joining
  std::vector<RequestId> running_ids_;
  Tokens running_context_ = 0;  // KV tokens of all running requests

  Step step_ = Step::none;
  bool under_way_ = false;  // a step has begun and not ended
  bool dirty_ = false;      // something came that the next scheduling must look at
  bool any_cancelled_ = false;
  bool full_ = false;  // sglang: the head of the queue did not fit, and no request has ended since
  AnswerShare share_;
  Time prefill_start_;
  Time prefill_end_;
  bool with_decodes_ = false;  // the prefill step gives each running request a token
  Duration without_prompts_;   // see PromptStep
  Duration without_decodes_;
  std::vector<Chunk> batch_;  // of the prefill step
  std::vector<PromptPart> parts_;
  Run run_;
  std::int64_t decoded_steps_ = 0;  // decode steps taken in this worker's life
  std::int64_t grown_steps_ = 0;    // of these those whose KV has been taken
};

}  // namespace infbench::engine
