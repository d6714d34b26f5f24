// ServeLog: the truth about one worker of `serve` as JSON lines: its settings, every input with its stamp and pages, what the
// engine told, and when each token was due and sent. check_log() gives the inputs of such a log to a fresh engine in virtual
// time and holds what comes out against what the log says. docs/serve.md describes the lines.
//
// A ServeLog only makes text; its owner takes it. One owner, one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/types.h"
#include "cost/step_time.h"
#include "engine/sink.h"
#include "engine/worker.h"

namespace infbench::live {

// What an engine tells, as lines. Decode steps of one batch that follow one another make one line, in whatever pieces they
// come.
class EngineLines final : public engine::Sink {
 public:
  EngineLines(std::uint32_t worker, std::string& out) : worker_(worker), out_(out) {}

  void kv_reserved(RequestId id, Time at) override;
  void kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) override;
  void first_token(RequestId id, Tokens cached, Time at) override;
  void decoded(const engine::DecodeRun& run) override;
  void finished(RequestId id, Time at) override;
  void refused(RequestId id, engine::Refusal why, Time at) override;
  void end_run();  // writes the decode steps held back

 private:
  void begin(std::string_view type, RequestId id, Time at);

  std::uint32_t worker_;
  std::string& out_;
  std::vector<RequestId> requests_;  // of the run held back
  std::int64_t steps_ = 0;           // 0: none is
  Time first_end_;
  Time last_end_;
};

// The settings that an engine's behaviour depends on.
struct LoggedWorker {
  std::uint32_t worker = 0;
  engine::WorkerConfig config;
  cost::Coefficients step_times;
  std::int64_t start_epoch_ns = 0;  // the moment 0 of the engine's time
  double time_scale = 1.0;
  bool instant = false;
};

class ServeLog {
 public:
  enum class Input : std::uint8_t { room_ready, kv_arrived, kv_sent, cancel, flush };

  explicit ServeLog(const LoggedWorker& worker);
  ServeLog(const ServeLog&) = delete;
  ServeLog& operator=(const ServeLog&) = delete;

  void submit(const engine::EngineRequest& request, Time stamp);
  void input(Input what, RequestId id, Time stamp);
  EngineLines& events() { return events_; }

  struct Answer {
    RequestId request;
    std::string_view x_request_id;       // the client's own name for it, from its header; may be empty
    std::string_view outcome;            // "finished", "cancelled", or what went wrong
    std::int64_t received_epoch_ns = 0;  // the last byte of the request
    Tokens cached = 0;
    std::span<const Time> due;                   // of each token, in the engine's time
    std::span<const std::int64_t> sent_late_ns;  // how long after its due time each was written, in real time
  };
  void answer(const Answer& answer);

  void close() { events_.end_run(); }
  std::string& text() { return text_; }  // whole lines; the owner writes them out and clears it

 private:
  std::uint32_t worker_;
  std::string text_;
  EngineLines events_;
};

struct LogCheck {
  std::size_t inputs = 0;
  std::size_t events = 0;                // lines of the engine
  std::size_t tokens = 0;                // due times compared
  std::vector<std::string> differences;  // the first few; empty: the log and the replay agree in every bit
};

// Errors: lines that are not of such a log, with their number.
Result<LogCheck> check_log(std::string_view text);

}  // namespace infbench::live
