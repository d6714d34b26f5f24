// RunMachine: a plan's run from its first process to the last one's end, as a state machine without clock, socket or process.
// What happens goes in with `now`; what is to be done comes out as actions, in order.
//
// Phases only go forward; some are skipped. Whatever happens, every process that was started is ended (client, router, workers,
// in that order), and the run ends once. The plan must outlive the machine. One owner, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/exit_code.h"
#include "launch/questions.h"
#include "launch/readiness.h"
#include "plan/plan.h"

namespace infbench::launch {

enum class Phase : std::uint8_t {
  staging,     // the model is copied to the nodes
  starting,    // workers and router are started
  waiting,     // until they are ready
  warming_up,  // requests that are not counted
  flushing,    // workers forget them
  measuring,   // the client runs; with no client the deployment is up until it is stopped
  collecting,  // the client has been told to stop and writes what it has
  teardown,    // the processes are ended
  ended,
};
std::string_view name_of(Phase phase);

enum class ProcessKind : std::uint8_t { staging, worker, router, warmup, client };

// A process of the run; its place in processes_of() is its number everywhere here.
struct RunProcess {
  ProcessKind kind = ProcessKind::worker;
  const plan::Command* command = nullptr;  // into the plan
};
std::vector<RunProcess> processes_of(const plan::Plan& plan);

struct Exit {
  int code = 0;
  int signal = 0;  // that killed it; 0: none
};
std::string to_text(const Exit& exit);  // "exited with code 3", "was killed by signal 9"

enum class StopCause : std::uint8_t {
  user,        // Ctrl-C, SIGTERM
  time_limit,  // the allocation's time is nearly over
};

struct StartProcess {
  int process = 0;
};
struct SendSignal {  // to the whole process group
  int process = 0;
  int signal = 0;
};
struct Ask {
  Question question;
};
struct EnterPhase {
  Phase phase = Phase::staging;
};
using Action = std::variant<StartProcess, SendSignal, Ask, EnterPhase>;

struct Outcome {
  ExitCode code = ExitCode::success;
  std::string reason = {};                    // why the code is not success; a clause without a final period
  std::optional<int> process = std::nullopt;  // that is to blame
  bool interrupted = false;                   // by the user or the time limit
  std::optional<Exit> client = std::nullopt;  // how the client ended, if it ran
  std::vector<std::string> notes = {};        // for the result: each a clause
};

class RunMachine {
 public:
  static constexpr Duration kReportPatience = seconds(20);  // for the client's report after SIGINT
  static constexpr Duration kTermPatience = seconds(10);    // between SIGTERM and SIGKILL
  static constexpr Duration kKillPatience = seconds(10);    // after SIGKILL, before it is given up
  static constexpr Duration kFlushPatience = seconds(10);   // for workers that still have requests

  explicit RunMachine(const plan::Plan& plan);

  void begin(Time now);  // first, once
  void on_start_failed(int process, const std::string& why, Time now);
  void on_exit(int process, Exit exit, Time now);
  void on_answer(const Question& question, const Answer& answer, Time now);
  void on_stop(StopCause cause, Time now);
  void on_time(Time now);  // at next(), or earlier
  Time next() const;

  // What is to be done now, since the last call.
  std::vector<Action> take_actions();

  Phase phase() const { return phase_; }
  const Outcome& outcome() const { return outcome_; }
  const std::string& engine_version() const { return engine_version_; }
  // One line for people: what the phase waits for; empty: nothing to say.
  std::string waiting_for() const;

 private:
  enum class State : std::uint8_t { idle, running, ended };
  struct Process {
    RunProcess what;
    State state = State::idle;
    std::optional<Exit> exit;
  };

  bool stopping() const { return phase_ >= Phase::collecting; }
  void enter(Phase phase);
  void start(int process);
  void start_all(ProcessKind kind);
  bool any(ProcessKind kind, State state) const;
  const std::string& name(int process) const;

  void start_deployment(Time now);
  void ask_what_is_due(Time now);
  void when_ready(Time now);
  void start_flush(Time now);
  void on_flush_answer(int worker, const Answer& answer, Time now);
  void end_flush(Time now);
  void start_client(Time now);

  void on_staging_exit(int process, Exit exit, Time now);
  void on_warmup_exit(int process, Exit exit, Time now);
  void on_client_exit(int process, Exit exit, Time now);

  void stop(ExitCode code, std::string reason, std::optional<int> process, Time now);
  void begin_teardown(Time now);
  void teardown_step(Time now);
  void teardown_late(Time now);
  bool in_step(const Process& process) const;

  const plan::Plan& plan_;
  std::vector<Process> processes_;
  std::vector<Action> actions_;
  Phase phase_ = Phase::staging;
  Outcome outcome_;
  std::optional<Readiness> readiness_;
  std::string engine_version_;
  bool asked_for_engine_ = false;
  Time deadline_ = kNever;  // of the phase, or of the step of the teardown

  struct Flush {
    bool pending = false;
    bool done = false;
    bool refused = false;  // the engine has no such endpoint
    Time next;
    std::string last_said;

    bool waits() const { return !pending && !done && !refused; }
  };
  std::vector<Flush> flushes_;

  int step_ = 0;  // of the teardown: client, router, workers
  bool killed_ = false;
};

}  // namespace infbench::launch
