#include "launch/run.h"

#include <csignal>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "launch/guard.h"
#include "launch/log_tail.h"
#include "launch/processes.h"
#include "launch/slurm.h"
#include "live/http_call.h"
#include "live/replay_inputs.h"
#include "net/event_loop.h"

namespace infbench::launch {
namespace {

constexpr Duration kBetweenLooksAtLogs = seconds(1);
constexpr Duration kBetweenWaitingLines = seconds(5);
constexpr int kLastLines = 20;
constexpr std::int64_t kLongestWarning_s = 180;  // the batch script asks for 120 s; Slurm may be a minute early

class Runner {
 public:
  Runner(const plan::Plan& plan, const RunFolder& folder, RunOptions options, Guard& guard)
      : plan_(plan),
        folder_(folder),
        options_(std::move(options)),
        machine_(plan),
        commands_(processes_of(plan)),
        processes_(loop_, guard, [this](int process, Exit exit) { on_exit(process, exit); }),
        signals_(loop_, [this](int signal) { on_signal(signal); }),
        timer_(loop_, [this] { on_time(); }),
        log_timer_(loop_, [this] { look_at_logs(); }) {}

  RunEnd run() {
    for (const RunProcess& process : commands_) {
      std::error_code ignored;  // the log's own opening tells
      std::filesystem::create_directories(std::filesystem::path(process.command->log).parent_path(), ignored);
    }
    if (through_srun()) steps_before_ = running_steps(plan_.site.job).value_or(std::vector<JobStep>{});
    machine_.begin(net::steady_now());
    carry_out();
    if (machine_.phase() != Phase::ended) loop_.run();
    calls_.clear();
    if (through_srun()) complain(end_steps(plan_.site.job, steps_before_));
    RunEnd end{.outcome = machine_.outcome(), .engine_version = machine_.engine_version(), .last_words = {}};
    if (end.outcome.process) end.last_words = last_words(*end.outcome.process);
    return end;
  }

 private:
  bool through_srun() const { return plan_.site.launcher == plan::LauncherKind::slurm; }
  const plan::Command& command(int process) const { return *commands_.at(static_cast<std::size_t>(process)).command; }

  void on_exit(int process, Exit exit) {
    machine_.on_exit(process, exit, net::steady_now());
    carry_out();
  }

  void on_signal(int signal) {
    options_.say("stopping; once more ends srtctl at once");
    const std::int64_t now_s = net::to_epoch_ns(net::steady_now()) / 1'000'000'000;
    const bool warned = signal == SIGTERM && options_.ends_s && *options_.ends_s - now_s <= kLongestWarning_s;
    machine_.on_stop(warned ? StopCause::time_limit : StopCause::user, net::steady_now());
    carry_out();
  }

  void on_time() {
    machine_.on_time(net::steady_now());
    carry_out();
  }

  // All that the machine wants by now, and what it wants because of that.
  void carry_out() {
    for (std::vector<Action> actions = machine_.take_actions(); !actions.empty(); actions = machine_.take_actions()) {
      std::vector<SendSignal> signals;
      for (const Action& action : actions) {
        if (const auto* signal = std::get_if<SendSignal>(&action)) {
          signals.push_back(*signal);
        } else {
          std::visit([this](const auto& one) { carry_out(one); }, action);
        }
      }
      send(signals);
    }
    if (machine_.phase() == Phase::ended) return loop_.stop();
    say_what_is_waited_for();
    timer_.arm(machine_.next());
  }

  void carry_out(const StartProcess& action) {
    if (const Result<void> started = processes_.start(action.process, command(action.process)); !started) {
      machine_.on_start_failed(action.process, started.error().front().what, net::steady_now());
    }
  }

  void carry_out(const SendSignal& signal) { processes_.signal(signal.process, signal.signal); }

  void carry_out(const Ask& ask) {
    const Request request = request_for(plan_, ask.question);
    const auto target = live::parse_target(request.url);
    if (!target) return;  // the plan's own URLs are addresses
    live::HttpCall::Headers headers;
    if (!request.api_key.empty()) headers.emplace_back("Authorization", "Bearer " + request.api_key);
    calls_[ask.question] = std::make_unique<live::HttpCall>(
        loop_, *target,
        live::HttpCall::Request{
            .method = request.method, .path = request.path, .headers = std::move(headers), .body = request.body},
        request.timeout,
        [this, question = ask.question](const Result<live::HttpAnswer>& answer) { on_answer(question, answer); });
  }

  void carry_out(const EnterPhase& entered) {
    const Phase phase = entered.phase;
    if (phase == Phase::ended) return;  // the last status is the caller's, who has a result to write before
    options_.say(fmt::format("phase: {}", name_of(phase)));
    options_.status.phase = name_of(phase);
    options_.status.waiting_for = {};
    write_status();
    if (phase == Phase::warming_up || phase == Phase::measuring) follow_client();
    if (phase == Phase::teardown) look_at_logs();
  }

  void on_answer(const Question& question, const Result<live::HttpAnswer>& answer) {
    Answer heard;
    if (answer) {
      heard = {.status = answer->status, .body = answer->body, .error = {}};
    } else {
      heard.error = answer.error().front().what;
    }
    machine_.on_answer(question, heard, net::steady_now());
    carry_out();
  }

  // srun keeps SIGINT and SIGTERM to itself or kills its step; so these go to the steps.
  void send(const std::vector<SendSignal>& signals) {
    std::set<int> left;
    for (const SendSignal& signal : signals) left.insert(signal.process);
    const bool gently = !signals.empty() && signals.front().signal != SIGKILL;
    if (through_srun() && gently) {
      std::vector<JobStep> steps;
      for (const JobStep& step : running_steps(plan_.site.job).value_or(std::vector<JobStep>{})) {
        const auto process =
            std::ranges::find_if(signals, [&](const SendSignal& s) { return command(s.process).name == step.name; });
        if (process == signals.end()) continue;
        steps.push_back(step);
        left.erase(process->process);
      }
      if (!steps.empty()) complain(signal_steps(steps, signals.front().signal));
    }
    for (const SendSignal& signal : signals) {
      if (left.contains(signal.process)) carry_out(signal);
    }
  }

  void complain(const Result<void>& result) {
    if (!result) options_.say(result.error().front().what);
  }

  void write_status() { complain(folder_.write("status.json", to_json(options_.status))); }

  void say_what_is_waited_for() {
    const std::string text = machine_.waiting_for();
    const Time now = net::steady_now();
    if (text.empty() || text == options_.status.waiting_for || now - said_ < kBetweenWaitingLines) return;
    said_ = now;
    options_.status.waiting_for = text;
    options_.say(text);
    write_status();
  }

  void follow_client() {
    const bool warmup = machine_.phase() == Phase::warming_up;
    const auto& followed = warmup ? plan_.benchmark.warmup : plan_.benchmark.command;
    if (!followed) return;
    tail_.emplace(followed->log);
    log_timer_.arm(net::steady_now() + kBetweenLooksAtLogs);
  }

  void look_at_logs() {
    if (!tail_) return;
    for (const std::string& line : tail_->new_lines()) options_.say(line);
    if (machine_.phase() == Phase::teardown) return tail_.reset();
    log_timer_.arm(net::steady_now() + kBetweenLooksAtLogs);
  }

  std::string last_words(int process) const {
    std::string words;
    std::set<std::string> logs{command(process).log, log_written_by_us(command(process))};
    for (const std::string& log : logs) {
      const std::string lines = last_lines(log, kLastLines);
      if (!lines.empty()) words += fmt::format("the last lines of {}:\n{}\n", log, lines);
    }
    return words;
  }

  const plan::Plan& plan_;
  const RunFolder& folder_;
  RunOptions options_;
  RunMachine machine_;
  std::vector<RunProcess> commands_;
  net::EventLoop loop_;
  Processes processes_;
  net::SignalWatch signals_;
  net::Timer timer_;
  net::Timer log_timer_;
  std::map<Question, std::unique_ptr<live::HttpCall>> calls_;
  std::optional<LogTail> tail_;
  std::vector<JobStep> steps_before_;
  Time said_ = net::steady_now();  // the last line about what is waited for; the first one comes when it takes a while
};

}  // namespace

Result<RunEnd> run_plan(const plan::Plan& plan, const RunFolder& folder, RunOptions options) {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  Result<Guard> guard = Guard::start(self);
  if (!guard) return fail(guard.error());
  Runner runner(plan, folder, std::move(options), *guard);
  return runner.run();
}

}  // namespace infbench::launch
