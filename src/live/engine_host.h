// EngineHost: one engine::Worker driven by real time. It knows no sockets; a test hands in any moments it likes.
//
// `now` is real time and never goes back. Each input first brings the engine to `now`, step by step, and then gets a stamp of
// its own in the engine's time, later than everything before it; so the inputs with their stamps alone, given to a fresh
// Worker, make the same batches at the same nanoseconds. What the engine tells is collected as events, one for each token of
// each request, in the order of their due times. One owner, one thread; step times and log outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "cost/step_time.h"
#include "engine/sink.h"
#include "engine/worker.h"
#include "live/model_clock.h"
#include "live/serve_log.h"

namespace infbench::live {

struct EngineEvent {
  enum class What : std::uint8_t { kv_reserved, kv_ready, first_token, token, finished, refused };
  What what = What::token;
  bool last = false;  // kv_ready: the prompt's end
  engine::Refusal refusal = engine::Refusal::above_context_length;
  RequestId request;
  Time due;         // in the engine's time
  Tokens from = 0;  // kv_ready: prompt tokens [from, to)
  Tokens to = 0;    // kv_ready; first_token: how many were cached
};

class EngineHost {
 public:
  // `log` and `journal`: null for none.
  EngineHost(const engine::WorkerConfig& config, const cost::StepTime& step_time, const ModelClock& clock, ServeLog* log,
             engine::KvJournal* journal = nullptr);

  void submit(const engine::EngineRequest& request, Time now);
  void room_ready(RequestId id, Time now);
  void kv_arrived(RequestId id, Time now);
  void kv_sent(RequestId id, Time now);
  void cancel(RequestId id, Time now);
  // Forgets all prefixes; false, and nothing done, while any request is here.
  bool flush_cache(Time now);

  // All steps that end by `now`.
  void advance(Time now);
  // When the step under way ends, in real time.
  std::optional<Time> next() const;

  // What has happened and was not taken yet. take_events() empties `out` first and hands over the memory.
  void take_events(std::vector<EngineEvent>& out);

  Time model_now() const { return last_; }  // the last moment the engine was brought to
  const ModelClock& clock() const { return clock_; }
  const engine::Worker& worker() const { return worker_; }
  const engine::WorkerConfig& config() const { return config_; }

 private:
  class Notebook final : public engine::Sink {
   public:
    explicit Notebook(ServeLog* log) : log_(log) {}
    void kv_reserved(RequestId id, Time at) override;
    void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) override;
    void first_token(RequestId id, Tokens cached, Time at) override;
    void decoded(const engine::DecodeRun& run) override;
    void finished(RequestId id, Time at) override;
    void refused(RequestId id, engine::Refusal why, Time at) override;
    std::vector<EngineEvent> events;

   private:
    ServeLog* log_;
  };

  Time begin_input(Time now);
  void end_input(Time stamp);
  void run_until(Time model);
  void run_to_end();

  engine::WorkerConfig config_;
  const cost::StepTime* step_time_;
  ModelClock clock_;
  ServeLog* log_;
  engine::KvJournal* journal_;
  Notebook notebook_;
  engine::Worker worker_;
  Time last_;
};

}  // namespace infbench::live
