#include "live/replay.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/check.h"
#include "measure/curves.h"
#include "measure/recorder.h"

namespace infbench::live {
namespace {

constexpr Duration kBetweenProgress = milliseconds(200);

// A sender with its loop and thread.
struct Lane {
  net::EventLoop loop;
  std::unique_ptr<Sender> sender;
  std::thread thread;
};

class Run {
 public:
  Run(net::EventLoop& loop, const ReplayOptions& options, const ReplayHooks& hooks, std::size_t requests)
      : loop_(loop),
        options_(options),
        hooks_(hooks),
        requests_(requests),
        recorder_(requests),
        start_(net::steady_now() + options.lead),
        progress_timer_(loop, [this] { on_progress_timer(); }),
        end_timer_(loop, [this] { on_end_timer(); }) {}

  ReplayOutcome go(const trace::Trace& trace, const net::WordList& words, const trace::Schedule& schedule);

 private:
  void open_lanes(const trace::Trace& trace, const net::WordList& words, const trace::Schedule& schedule);
  void take(measure::LiveRecord live);
  void on_lane_finished();
  void on_progress_timer();
  void on_end_timer();
  void interrupt();
  void tell_progress() const;
  template <typename Call>
  void on_all(Call call) {
    for (const auto& lane : lanes_) lane->loop.post([sender = lane->sender.get(), call] { call(*sender); });
  }
  void collect(ReplayOutcome& outcome, double cpu_before);

  net::EventLoop& loop_;
  const ReplayOptions& options_;
  const ReplayHooks& hooks_;
  std::size_t requests_;
  measure::Recorder recorder_;
  Time start_;
  net::Timer progress_timer_;
  net::Timer end_timer_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::size_t running_ = 0;
  bool ending_ = false;  // the duration is over, the grace period runs
  measure::LiveFigures figures_;
  std::int64_t done_ = 0;
  std::int64_t errors_ = 0;
  std::size_t gaps_kept_ = 0;
};

void Run::open_lanes(const trace::Trace& trace, const net::WordList& words, const trace::Schedule& schedule) {
  std::vector<trace::Schedule> parts = deal_out(schedule, static_cast<std::size_t>(std::max(1, options_.threads)));
  for (trace::Schedule& part : parts) {
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>());
    lane.sender = std::make_unique<Sender>(
        lane.loop, options_.sender, trace, words, std::move(part), start_, options_.sender.cache_bytes / parts.size(),
        Sender::Events{.on_record =
                           [this](measure::LiveRecord live) {
                             auto shared = std::make_shared<measure::LiveRecord>(std::move(live));
                             loop_.post([this, shared] { take(std::move(*shared)); });
                           },
                       .on_finished = [this] { loop_.post([this] { on_lane_finished(); }); }});
  }
  running_ = lanes_.size();
  for (const auto& lane : lanes_) {
    lane->loop.post([sender = lane->sender.get()] { sender->start(); });
    lane->thread = std::thread([&loop = lane->loop] { loop.run(); });
  }
}

ReplayOutcome Run::go(const trace::Trace& trace, const net::WordList& words, const trace::Schedule& schedule) {
  ReplayOutcome outcome;
  outcome.start = start_;
  const double cpu_before = net::process_cpu_s();
  const net::SignalWatch signals(loop_, [this](int) { interrupt(); });
  open_lanes(trace, words, schedule);
  if (hooks_.on_start) hooks_.on_start(start_);
  progress_timer_.arm(start_ + kBetweenProgress);
  if (options_.duration) end_timer_.arm(start_ + *options_.duration);
  if (running_ > 0) loop_.run();
  for (const auto& lane : lanes_) {
    lane->loop.stop();
    lane->thread.join();
  }
  outcome.end = net::steady_now();
  tell_progress();
  collect(outcome, cpu_before);
  return outcome;
}

void Run::take(measure::LiveRecord live) {
  const bool ok = measure::succeeded(live.record);
  ++done_;
  errors_ += ok ? 0 : 1;
  if (ok) {
    const measure::RequestRecord& r = live.record;
    figures_.chunks += live.chunks;
    figures_.chunks_together += live.chunks_together;
    figures_.not_counted += live.counted_by_server ? 0 : 1;
    const Tokens said = r.http->usage.completion;
    figures_.token_mismatch += live.counted_by_server && said != live.client_tokens ? 1 : 0;
    figures_.truncated += live.full_length && std::max(r.output, said) < r.output_asked ? 1 : 0;
  }
  figures_.sent_again += live.sent_again ? 1 : 0;
  if (hooks_.on_record) hooks_.on_record(live);
  if (live.record.http != nullptr) {
    const std::size_t gaps = live.record.http->gaps_ns.size();
    const bool keeps = ok && gaps_kept_ + gaps <= measure::kMostGaps;  // no figure is made of those of a failure
    if (keeps) gaps_kept_ += gaps;
    if (!keeps && gaps > 0) live.record.http = measure::without_gaps(*live.record.http);
  }
  recorder_.add(std::move(live.record));
}

void Run::on_lane_finished() {
  if (--running_ == 0) loop_.stop();
}

void Run::tell_progress() const {
  if (!hooks_.on_progress) return;
  ReplayProgress progress{.requests = static_cast<std::int64_t>(requests_), .done = done_, .errors = errors_, .elapsed = {}};
  for (const auto& lane : lanes_) {
    progress.sent += lane->sender->counters().sent.load(std::memory_order_relaxed);
    progress.in_flight += lane->sender->counters().in_flight.load(std::memory_order_relaxed);
  }
  progress.elapsed = net::steady_now() - start_;
  hooks_.on_progress(progress);
}

void Run::on_progress_timer() {
  tell_progress();
  progress_timer_.arm(net::steady_now() + kBetweenProgress);
}

void Run::on_end_timer() {
  if (ending_) return on_all([](Sender& sender) { sender.cancel(); });
  ending_ = true;
  on_all([](Sender& sender) { sender.stop_sending(); });
  end_timer_.arm(net::steady_now() + options_.grace);
}

void Run::interrupt() {
  figures_.interrupted = true;
  on_all([](Sender& sender) { sender.cancel(); });
}

void Run::collect(ReplayOutcome& outcome, double cpu_before) {
  measure::GapHistogram gaps;
  for (const auto& lane : lanes_) {
    gaps.merge(lane->sender->gaps());
    figures_.connections += lane->sender->connections();
    figures_.not_sent += lane->sender->not_sent();
  }
  figures_.inter_chunk_latency = gaps.stats_ms();
  figures_.cpu_s = net::process_cpu_s() - cpu_before;
  const double wall_s = to_s(outcome.end - start_);
  figures_.cpu_fraction = wall_s > 0 ? figures_.cpu_s / wall_s : 0;
  outcome.records = recorder_.take();
  std::vector<double> lags;
  for (const measure::RequestRecord& r : outcome.records) lags.push_back(std::max(0.0, to_ms(r.sent - r.scheduled)));
  measure::sort_samples(lags);
  figures_.lag_ms = measure::stats_of(lags);
  outcome.figures = std::move(figures_);
}

}  // namespace

ReplayOutcome replay(net::EventLoop& loop, const ReplayOptions& options, const trace::Trace& trace, const net::WordList& words,
                     const trace::Schedule& schedule, const ReplayHooks& hooks) {
  return Run(loop, options, hooks, schedule.sends.size()).go(trace, words, schedule);
}

}  // namespace infbench::live
