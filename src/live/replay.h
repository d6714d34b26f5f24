// replay: sends the requests of a schedule over HTTP and collects what became of them. The live counterpart of simulate().
//
// Several threads send, each with an event loop of its own, and share nothing; finished records come together on the calling
// thread, whose loop the caller owns (it may do other slow work there, as polling /metrics).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "live/replay_sender.h"
#include "measure/live.h"
#include "net/event_loop.h"
#include "net/text_tokens.h"
#include "trace/schedule.h"

namespace infbench::live {

struct ReplayOptions {
  SenderOptions sender;
  int threads = 1;
  std::optional<Duration> duration;  // nothing is sent later than so long after the start
  Duration grace = seconds(30);      // and after that what is still in flight may take so long
  Duration lead = milliseconds(20);  // from the call to the start
};

struct ReplayProgress {
  std::int64_t requests = 0;  // in all
  std::int64_t sent = 0;
  std::int64_t in_flight = 0;
  std::int64_t done = 0;  // errors included
  std::int64_t errors = 0;
  Duration elapsed;  // since the start
};

// Called on the calling thread. Any may be empty.
struct ReplayHooks {
  std::function<void(Time start)> on_start;
  std::function<void(const measure::LiveRecord&)> on_record;  // as requests end
  std::function<void(const ReplayProgress&)> on_progress;     // five times a second
};

struct ReplayOutcome {
  std::vector<measure::RequestRecord> records;  // in order of request
  measure::LiveFigures figures;                 // all but not_valid
  Time start;
  Time end;
};

// Runs to the end. SIGINT and SIGTERM end it early: what is in flight is cancelled, and the figures say so.
ReplayOutcome replay(net::EventLoop& loop, const ReplayOptions& options, const trace::Trace& trace, const net::WordList& words,
                     const trace::Schedule& schedule, const ReplayHooks& hooks);

}  // namespace infbench::live
